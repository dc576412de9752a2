#include "backup/postgres/connection_config.h"

#include <fmt/format.h>

namespace pgbackup {

PgConfig PgConfig::with_database(std::string name) const {
  return {.host = host,
          .port = port,
          .port_is_set = port_is_set,
          .database = std::move(name),
          .user = user,
          .password = password.clone(),
          .named_by = named_by,
          .passfile = passfile.clone(),
          .further = further};
}

PgSettings connection_settings(const PgConfig& config) {
  PgSettings settings;
  const auto add = [&](const char* key, std::string value) {
    if (!value.empty()) settings.emplace_back(key, std::move(value));
  };
  add("host", config.host);
  // Without a host of ours the port may come from a service file.
  if (!config.host.empty() || config.port_is_set) add("port", std::to_string(config.port));
  add("user", config.user);
  add("dbname", config.database);
  settings.insert(settings.end(), config.further.begin(), config.further.end());
  add("fallback_application_name", "pg-backup");
  // A peer that vanished is noticed after about 3 minutes, not after 2 hours.
  add("keepalives_idle", "60");
  add("keepalives_interval", "15");
  add("keepalives_count", "8");
  return settings;
}

Fd make_passfile(const PgConfig& config) {
  if (config.password.empty()) {
    if (config.passfile.empty()) return {};
    return make_memory_file("passfile", config.passfile.reveal());
  }
  std::string line = "*:*:*:*:";
  for (const char c : config.password.reveal()) {
    if (c == ':' || c == '\\') line += '\\';
    line += c;
  }
  line += '\n';
  Fd file = make_memory_file("passfile", line);
  wipe(line);
  return file;
}

}  // namespace pgbackup
