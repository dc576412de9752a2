#include "backup/physical/check_backup.h"

#include <fmt/format.h>

#include "backup/physical/base_backups.h"
#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

constexpr std::chrono::minutes kBaseBackupGrace{5};
constexpr std::chrono::minutes kWalGrace{2};

Health judge_base_backup(const std::optional<FoundBase>& newest, const FreshnessLimits& limits,
                         UtcTime now) {
  if (!newest) return {.is_well = false, .sentence = "there is no base backup"};
  const UtcTime time = newest->backup.time;
  const bool is_well = now - time <= limits.base_backup + kBaseBackupGrace;
  return {.is_well = is_well,
          .sentence =
              fmt::format("the newest base backup is of {} ({}), {} {} and {} ago",
                          format_iso(time), newest->backup.id, is_well ? "less than" : "more than",
                          format_duration(limits.base_backup), format_duration(kBaseBackupGrace))};
}

/// Returns what the server's own position says of WAL that is older than the limit.
Health judge_by_server(const FoundBase& base, const WalReach& reach, const std::string& age,
                       const std::function<AskedServer()>& ask) {
  try {
    const AskedServer server = ask();
    if (server.system_id != base.manifest.system_identifier) {
      return {.is_well = false,
              .sentence = fmt::format("{}, and the server is another one: {} in place of {}", age,
                                      server.system_id, base.manifest.system_identifier)};
    }
    if (reach.until >= server.position) {
      return {.is_well = true,
              .sentence = fmt::format("{}, and the server has written nothing since: all WAL up to "
                                      "{} is stored",
                                      age, format_lsn(server.position))};
    }
    return {.is_well = false,
            .sentence = fmt::format("{}, and the server has written {} since, up to {}", age,
                                    format_bytes(server.position.value - reach.until.value),
                                    format_lsn(server.position))};
  } catch (...) {
    return {.is_well = false,
            .sentence = fmt::format("{}, and whether the server has written more is not known: {}",
                                    age, current_failure().message())};
  }
}

Health judge_stored_wal(const FoundBase& base, const StoredLog& stored,
                        const FreshnessLimits& limits, const std::function<AskedServer()>& ask,
                        UtcTime now) {
  const WalReach reach = find_route(base_of(base.manifest), stored).reach;
  if (!reach.gaps.empty()) {
    return {.is_well = false,
            .sentence = fmt::format("the WAL from {} to {} is missing",
                                    format_lsn(reach.gaps.front().begin),
                                    format_lsn(reach.gaps.front().end))};
  }
  const std::chrono::seconds age = now - reach.newest;
  const std::string sentence = fmt::format("the newest WAL, up to {}, was stored {} ago",
                                           format_lsn(reach.until), format_age(age));
  if (age <= limits.wal + kWalGrace) return {.is_well = true, .sentence = sentence};
  return judge_by_server(base, reach, sentence, ask);
}

}  // namespace

std::vector<Health> check_freshness(Store& store, const FreshnessLimits& limits,
                                    const std::function<AskedServer()>& ask, UtcTime now,
                                    Log& log) {
  std::vector<FoundBase> bases = read_base_backups(store, now, 1, log);
  const std::optional<FoundBase> newest =
      bases.empty() ? std::nullopt : std::optional(std::move(bases.front()));
  std::vector<Health> all = {judge_base_backup(newest, limits, now)};
  if (newest) {
    const std::string& system_id = newest->manifest.system_identifier;
    StoredLogs logs = read_stored_logs(store, system_id, log);
    all.push_back(judge_stored_wal(*newest, logs[system_id], limits, ask, now));
  }
  return all;
}

}  // namespace pgbackup
