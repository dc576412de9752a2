#include "backup/postgres/version_advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "common/base/error.h"
#include "common/catalog/manifest.h"

namespace pgbackup {
namespace {

/// Lists the first release of each major version that has a fix, oldest first. Major versions older
/// than the first one never got the fix; newer ones than the last one have it from their start.
using FirstFixed = std::span<const int>;

constexpr std::array kWithRestrict = {130022, 140019, 150014, 160010, 170006};
/// Lists the releases of 13 August 2026 and, next, of 12 November 2026.
constexpr std::array kAugust2026 = {140024, 150019, 160015, 170011, 180006};
constexpr std::array kNovember2026 = {140025, 150020, 160016, 170012, 180007};
constexpr std::array kGrantors = {160014, 170010};

bool has_fix(int version, FirstFixed first) {
  const int major = major_version(version);
  if (major > major_version(first.back())) return true;
  return std::any_of(first.begin(), first.end(),
                     [&](int fixed) { return major_version(fixed) == major && version >= fixed; });
}

/// Returns the release to ask for: the one of `version`'s major version, or the oldest that has the
/// fix.
std::string fixed_version(int version, FirstFixed first) {
  const auto same = std::find_if(first.begin(), first.end(), [&](int fixed) {
    return major_version(fixed) == major_version(version);
  });
  return format_pg_version(same == first.end() ? first.front() : *same);
}

bool is_older_major(int version, int other) {
  return version > 0 && other > 0 && major_version(version) < major_version(other);
}

struct SessionSetting {
  std::string_view name;
  int since;
};

/// Lists the settings of _doSetFixedOutputState() in PostgreSQL's
/// src/bin/pg_dump/pg_backup_archiver.c.
constexpr std::array<SessionSetting, 4> kSessionSettings = {
    {{"lock_timeout", 90300},
     {"row_security", 90500},
     {"idle_in_transaction_session_timeout", 90600},
     {"transaction_timeout", 170000}}};

}  // namespace

bool knows_restrict(int psql_version) { return has_fix(psql_version, kWithRestrict); }

void require_restricted_psql(int psql_version) {
  if (knows_restrict(psql_version)) return;
  throw Error(ErrorKind::failed,
              fmt::format("psql {} does not know \\restrict, so that the SQL of a backup could run "
                          "commands on this machine",
                          format_pg_version(psql_version)),
              fmt::format("install psql {} or later, or name its directory in PG_BINDIR",
                          fixed_version(psql_version, kWithRestrict)));
}

std::vector<std::string> backup_advice(std::string_view client, int client_version,
                                       int server_version) {
  std::vector<std::string> advice;
  const std::string client_text = fmt::format("{} {}", client, format_pg_version(client_version));
  const std::string server_text = format_pg_version(server_version);
  if (is_older_major(server_version, client_version)) {
    advice.push_back(fmt::format(
        "made by {} of a PostgreSQL {} server: {}", client_text, server_text,
        sets_unknown(client_version, server_version)
            ? "pg-backup restores it there, pg_restore by itself does not"
            : fmt::format("only pg_restore {} or later reads it", major_version(client_version))));
  } else if (client_version < server_version) {
    advice.push_back(fmt::format(
        "made by {} of a PostgreSQL {} server: the client programs should be of the same release "
        "or a later one",
        client_text, server_text));
  }
  const int major = major_version(client_version);
  if (client == "pg_dumpall" && major >= 16 && !has_fix(client_version, kGrantors)) {
    advice.push_back(
        fmt::format("{} leaves out memberships of roles whose grantor is gone; {} "
                    "does not",
                    client_text, fixed_version(client_version, kGrantors)));
  }
  return advice;
}

std::string hidden_option_advice(int client_version) {
  return fmt::format(
      "pg_dump {} has written the column option {}, which only servers of the releases of November "
      "2026 and later know (15.20, 17.12 and their siblings): the backup restores nowhere else. "
      "Update the client programs to {} or later",
      format_pg_version(client_version), kHiddenOption,
      fixed_version(client_version, kNovember2026));
}

bool exports_from_standby(int server_version) { return has_fix(server_version, kNovember2026); }

std::vector<std::string> restore_advice(const RestoreVersions& versions) {
  std::vector<std::string> advice;
  if (is_older_major(versions.target, versions.dumped)) {
    advice.push_back(fmt::format(
        "the backup is of PostgreSQL {} and the target is PostgreSQL {}: statements that the older "
        "major version does not know will fail",
        format_pg_version(versions.dumped), format_pg_version(versions.target)));
  }
  if (versions.is_sql && !has_fix(versions.client, kAugust2026)) {
    advice.push_back(fmt::format(
        "psql {} lacks the fix of CVE-2026-18408, so that SQL could leave its restricted mode: "
        "pg-backup stops SQL that tries; update psql to {} or later",
        format_pg_version(versions.client), fixed_version(versions.client, kAugust2026)));
  }
  if (versions.is_superuser && versions.dumped > 0 && !has_fix(versions.dumped, kAugust2026)) {
    advice.push_back(fmt::format(
        "the backup is of PostgreSQL {}, which lacks the fix of CVE-2026-15741: whoever may define "
        "views there can have put SQL into the backup, which runs here as a superuser. Restore as "
        "a role with fewer privileges unless you trust all of them",
        format_pg_version(versions.dumped)));
  }
  return advice;
}

std::string older_target_hint(const RestoreVersions& versions) {
  if (!is_older_major(versions.target, versions.dumped)) return "";
  return fmt::format(
      "the backup is of PostgreSQL {} and the target is PostgreSQL {}, an older major version: "
      "restore into PostgreSQL {} or later",
      format_pg_version(versions.dumped), format_pg_version(versions.target),
      major_version(versions.dumped));
}

std::vector<std::string_view> unknown_settings(int target_version) {
  std::vector<std::string_view> unknown;
  if (target_version <= 0) return unknown;
  for (const SessionSetting& setting : kSessionSettings) {
    if (target_version < setting.since) unknown.push_back(setting.name);
  }
  return unknown;
}

bool sets_unknown(int client_version, int target_version) {
  if (target_version <= 0) return false;
  return std::any_of(kSessionSettings.begin(), kSessionSettings.end(),
                     [&](const SessionSetting& setting) {
                       return target_version < setting.since && setting.since <= client_version;
                     });
}

}  // namespace pgbackup
