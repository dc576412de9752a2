#include "backup/connection_sources.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

#include "backup/postgres/database_url.h"
#include "common/base/error.h"
#include "common/base/fd.h"

namespace pgbackup {
namespace {

constexpr const char* kPassfileMount = "/run/secrets/pgpass";

/// Reads the mounted password file into `pg`; returns whether it exists and holds something.
bool read_passfile(PgConfig& pg) {
  std::optional<std::string> text = read_text_file(kPassfileMount);
  if (!text || text->empty()) return false;
  text->push_back('\n');
  pg.passfile = Secret(*text);
  wipe(*text);
  return true;
}

}  // namespace

bool is_from(const ParsedOptions& parsed, std::string_view name, std::string_view source) {
  return std::any_of(parsed.settings.begin(), parsed.settings.end(), [&](const Setting& setting) {
    return setting.name == name && setting.source == source;
  });
}

void check_connection(BackupConfig& config, ParsedOptions& parsed, const Environment& environment) {
  const auto is_any_set = [&](std::initializer_list<std::string_view> names) {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view name) { return is_set(parsed, name); });
  };
  const std::string_view url = config.database_url.reveal();
  const bool is_ours = is_database_url(url);
  if (!url.empty() && !is_ours) {
    parsed.notes.emplace_back("DATABASE_URL is not used, as it does not begin with postgres://");
  }
  const bool has_url = !url.empty() && is_ours;
  if (has_url && !is_any_set({"DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD"})) {
    if (is_from(parsed, "DB", "PGDATABASE")) config.pg.database.clear();  // the URL's counts
    try {
      const std::vector<std::string> left_out = read_database_url(config.pg, config.database_url);
      config.pg.port_is_set = false;
      config.uses_database_url = true;
      if (!left_out.empty()) {
        parsed.notes.push_back(
            fmt::format("of DATABASE_URL these parameters are left out, as they are for an "
                        "application's library: {}",
                        fmt::join(left_out, ", ")));
      }
    } catch (const Error& error) {
      parsed.problems.push_back(std::string("DATABASE_URL: ") + error.message());
    }
  } else if (has_url) {
    parsed.notes.emplace_back("DATABASE_URL is not used, as DB_HOST, DB_USER or the like are set");
  }
  if (!config.pg.password.empty() || environment.contains("PGPASSFILE")) return;
  if (read_passfile(config.pg)) {
    parsed.notes.push_back(fmt::format("passwords are looked up in {}", kPassfileMount));
  }
}

std::vector<Option> target_options(BackupConfig& config) {
  return {
      {.name = "TARGET_HOST",
       .value = &config.target.host,
       .help = "Another server for restores. Nothing of DB_* counts for it."},
      {.name = "TARGET_PORT",
       .value = Number{&config.target.port, 1, 65535},
       .help = "Port of TARGET_HOST."},
      {.name = "TARGET_USER",
       .value = &config.target.user,
       .help = "Role for restores: of TARGET_HOST, or else of DB_HOST, where the role that makes "
               "backups may not restore."},
      {.name = "TARGET_PASSWORD", .value = &config.target.password, .help = "Its password."},
      {.name = "TARGET_URL",
       .value = &config.target_url,
       .help = "In place of the other TARGET_*: postgres://user:password@host:port/database. The "
               "database is the one of --target-database."},
  };
}

void check_target(BackupConfig& config, ParsedOptions& parsed) {
  const auto is_given = [&](std::string_view name) { return is_set(parsed, name); };
  PgConfig& target = config.target;
  target.named_by = "TARGET";
  if (!config.target_url.empty()) {
    for (const char* other : {"TARGET_HOST", "TARGET_PORT", "TARGET_USER", "TARGET_PASSWORD"}) {
      if (!is_given(other)) continue;
      parsed.problems.push_back(fmt::format("TARGET_URL and {} are both given; keep one", other));
    }
    if (!is_database_url(config.target_url.reveal())) {
      parsed.problems.emplace_back("TARGET_URL does not begin with postgres://");
      return;
    }
    try {
      read_database_url(target, config.target_url);
    } catch (const Error& error) {
      parsed.problems.push_back(std::string("TARGET_URL: ") + error.message());
    }
    RestoreRequest& request = config.restore;
    if (request.target_database.empty() && request.output.empty() && !request.all) {
      request.target_database = target.database;
    }
  } else if (is_given("TARGET_HOST")) {
    target.port_is_set = is_given("TARGET_PORT");
  } else if (is_given("TARGET_PORT")) {
    parsed.problems.emplace_back("TARGET_PORT is the port of TARGET_HOST, which is not set");
  } else {
    PgConfig same = config.pg.with_database(config.pg.database);
    if (is_given("TARGET_USER") || is_given("TARGET_PASSWORD")) {
      if (is_given("TARGET_USER")) same.user = target.user;
      same.password = std::move(target.password);
      same.named_by = target.named_by;
    }
    target = std::move(same);
  }
}

std::vector<std::string> reread_backup_secrets(BackupConfig& config, const CommandLine& command,
                                               const ParsedOptions& parsed,
                                               const Environment& environment) {
  std::vector<std::string> kept = reread_secrets(command.options, parsed, environment);
  if (std::string note = take_reread_recipients(config.age, parsed); !note.empty()) {
    kept.push_back(std::move(note));
  }
  if (config.uses_database_url) {
    PgConfig fresh = config.pg.with_database(config.pg.database);
    fresh.further.clear();
    try {
      read_database_url(fresh, config.database_url);
      config.pg = std::move(fresh);
    } catch (...) {
      kept.push_back("DATABASE_URL: the previous value is kept: " + current_error().message());
    }
  }
  if (!config.pg.passfile.empty() && !read_passfile(config.pg)) {
    kept.push_back(
        fmt::format("{} cannot be read again: its previous contents are kept", kPassfileMount));
  }
  return kept;
}

}  // namespace pgbackup
