#include "backup/physical/check_backup.h"

#include <fmt/format.h>

#include "backup/physical/way_back.h"
#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

constexpr std::chrono::minutes kBaseBackupGrace{5};
constexpr std::chrono::minutes kWalGrace{2};

/// What is known of the server: what it answered, or why it did not.
struct Asked {
  std::optional<AskedServer> server{};
  std::string failure{};
};

Asked ask_once(const std::function<AskedServer()>& ask) {
  try {
    return {.server = ask()};
  } catch (...) {
    return {.failure = current_failure().message()};
  }
}

/// A base backup, and the WAL behind it.
struct Found {
  FoundBase base;
  WalReach reach;
};

/// Returns the newest base backup where the server is not known.
std::optional<Found> find_newest(Store& store, UtcTime now, Log& log) {
  std::vector<FoundBase> bases = read_base_backups(store, now, 1, log);
  if (bases.empty()) return std::nullopt;
  const std::string& system_id = bases.front().manifest.system_identifier;
  const StoredLog stored = std::move(read_stored_logs(store, system_id, log)[system_id]);
  WalReach reach = find_route(base_of(bases.front().manifest), stored).reach;
  return Found{std::move(bases.front()), std::move(reach)};
}

/// Returns the newest base backup that leads to the timeline of the server, or sets `why`.
std::optional<Found> find_of_server(Store& store, const AskedServer& server, UtcTime now, Log& log,
                                    std::string& why) {
  StoredLog stored = std::move(read_stored_logs(store, server.system_id, log)[server.system_id]);
  const Timeline timeline = server.place.timeline;
  if (timeline > 1) stored.histories[timeline] = server.place.history;
  const ServerPlace place{server.system_id, timeline, Lsn{}};
  WayBack way = find_way_back(store, place, stored, now, log);
  if (way.base) return Found{*std::move(way.base), std::move(way.route->reach)};
  why = describe_lost_way(way, place);
  return std::nullopt;
}

Health judge_base_backup(Store& store, const FoundBase& newest, const FreshnessLimits& limits,
                         UtcTime now) {
  if (const std::string damage = find_damage(store, newest); !damage.empty()) {
    return {.is_well = false,
            .sentence = fmt::format("the newest base backup, {}, cannot be restored: {}",
                                    newest.backup.id, damage)};
  }
  const UtcTime time = newest.backup.time;
  const bool is_well = now - time <= limits.base_backup + kBaseBackupGrace;
  return {.is_well = is_well,
          .sentence =
              fmt::format("the newest base backup is of {} ({}), {} {} and {} ago",
                          format_iso(time), newest.backup.id, is_well ? "less than" : "more than",
                          format_duration(limits.base_backup), format_duration(kBaseBackupGrace))};
}

/// Returns what the server's own position says of WAL that is older than the limit.
Health judge_by_server(const WalReach& reach, const std::string& age, const Asked& asked) {
  if (!asked.server) {
    return {.is_well = false,
            .sentence = fmt::format("{}, and whether the server has written more is not known: {}",
                                    age, asked.failure)};
  }
  const Lsn position = asked.server->place.position;
  if (reach.until >= position) {
    return {.is_well = true,
            .sentence = fmt::format("{}, and the server has written nothing since: all WAL up to "
                                    "{} is stored",
                                    age, format_lsn(position))};
  }
  return {.is_well = false,
          .sentence =
              fmt::format("{}, and the server has written {} since, up to {}", age,
                          format_bytes(position.value - reach.until.value), format_lsn(position))};
}

/// `now` is by the store's clock, as the times of its objects are.
Health judge_stored_wal(const Found& found, const FreshnessLimits& limits, const Asked& asked,
                        UtcTime now) {
  const WalReach& reach = found.reach;
  if (!reach.gaps.empty()) {
    return {.is_well = false,
            .sentence = fmt::format("the WAL from {} to {} is missing",
                                    format_lsn(reach.gaps.front().begin),
                                    format_lsn(reach.gaps.front().end))};
  }
  if (reach.until < found.base.manifest.cluster.end) {
    return {.is_well = false,
            .sentence = fmt::format("the WAL that the base backup itself needs is missing from {} "
                                    "on",
                                    format_lsn(reach.until))};
  }
  const std::chrono::seconds age = now - reach.newest;
  const std::string sentence = fmt::format("the newest WAL, up to {}, was stored {} ago",
                                           format_lsn(reach.until), format_age(age));
  if (age <= limits.wal + kWalGrace) return {.is_well = true, .sentence = sentence};
  return judge_by_server(reach, sentence, asked);
}

}  // namespace

std::vector<Health> check_freshness(Store& store, const FreshnessLimits& limits,
                                    const std::function<AskedServer()>& ask, UtcTime now,
                                    Log& log) {
  const Asked asked = ask_once(ask);
  std::string why = "there is no base backup";
  const std::optional<Found> found = asked.server
                                         ? find_of_server(store, *asked.server, now, log, why)
                                         : find_newest(store, now, log);
  if (!found) return {{.is_well = false, .sentence = why}};
  return {judge_base_backup(store, found->base, limits, now),
          judge_stored_wal(*found, limits, asked, store.now())};
}

}  // namespace pgbackup
