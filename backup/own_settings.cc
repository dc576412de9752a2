#include "backup/own_settings.h"

#include "backup/age_keys.h"
#include "backup/connection_sources.h"

namespace pgbackup {

OwnSettings::OwnSettings(std::span<const std::string> arguments, const Environment& environment,
                         RequestCounter* counter)
    : environment_(environment),
      command_(backup_command_line(config_)),
      parsed_(parse_options(command_, arguments, environment_)) {
  config_.store.s3.counter = counter;
  config_.store.environment = without_secrets(environment_, command_.options);
  find_age(config_.age.keys, config_.store.environment);
  check_backup_config(config_, parsed_, environment_);
  throw_problems(command_.program, parsed_.problems);
}

void OwnSettings::refresh(Log& log, const std::stop_token& stop) {
  config_.age.keys.stop = stop;
  for (const std::string& note : reread_backup_secrets(config_, command_, parsed_, environment_)) {
    log_note(log, note);
  }
}

}  // namespace pgbackup
