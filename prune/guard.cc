#include "prune/guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/base/due.h"
#include "common/base/printable.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

/// Requires so many backups to compare with: with fewer, a database that is still being filled
/// would look suspect.
constexpr size_t kLeastToCompare = 3;

template <class Number>
Number median(std::vector<Number> numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

/// Returns the servers in the order in which they took over.
std::vector<std::string> successive_servers(const GroupFacts& facts) {
  std::vector<std::string> servers;
  for (const Reading& reading : facts.readings) {
    const std::string& server = reading.system_identifier;
    if (!server.empty() && (servers.empty() || servers.back() != server)) servers.push_back(server);
  }
  return servers;
}

/// Returns the readings before the newest that can be compared with it.
std::vector<const Reading*> predecessors(const GroupFacts& facts) {
  std::vector<const Reading*> same_kind;
  for (const Reading& reading : facts.readings) {
    const bool is_newest = &reading == &facts.readings.back();
    if (!is_newest && reading.kind == facts.readings.back().kind) same_kind.push_back(&reading);
  }
  return same_kind;
}

template <class Number>
bool is_less_than_half(Number value, std::vector<Number> others) {
  const Number middle = median(std::move(others));
  return value < middle - middle / 2;  // less than half, even of an odd number; cannot overflow
}

template <class Number>
std::vector<Number> values(const std::vector<const Reading*>& readings, Number Reading::*member) {
  std::vector<Number> numbers;
  numbers.reserve(readings.size());
  for (const Reading* reading : readings) numbers.push_back(reading->*member);
  return numbers;
}

constexpr const char* kSuspectCure = "look at the database, or set PRUNE_ON_SUSPECT=allow";

/// Objects when the newest file of an older system is less than half as large as usual. Nothing but
/// the listing tells about such files.
std::optional<std::string> guard_old_sizes(std::vector<uint64_t> sizes) {
  if (sizes.size() <= kLeastToCompare) return std::nullopt;
  const uint64_t newest = sizes.back();
  sizes.pop_back();
  if (!is_less_than_half(newest, std::move(sizes))) return std::nullopt;
  return fmt::format(
      "the newest backup, of an older system, is suspect: its file has {}, less than half of what "
      "those before it have; {}",
      format_bytes(newest), kSuspectCure);
}

}  // namespace

std::optional<std::string> guard_clock(UtcTime local, UtcTime store) {
  if (std::chrono::abs(local - store) <= kMaxClockDifference) return std::nullopt;
  return fmt::format(
      "the clocks disagree by more than {}: it is {} here and {} at the store, so no age can be "
      "trusted and nothing was deleted",
      format_duration(kMaxClockDifference), format_iso(local), format_iso(store));
}

std::optional<RemovalLimit> parse_removal_limit(std::string_view text) {
  RemovalLimit limit{.is_percent = text.ends_with('%')};
  if (limit.is_percent) text.remove_suffix(1);
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, limit.count);
  if (text.empty() || error != std::errc() || stopped != end || limit.count < 1)
    return std::nullopt;
  if (limit.is_percent && limit.count > 100) return std::nullopt;
  return limit;
}

std::string format_removal_limit(const RemovalLimit& limit) {
  return fmt::format("{}{}{}", limit.count, limit.is_percent ? "%" : "",
                     limit.always == 0 ? "" : fmt::format(", but {} in any case", limit.always));
}

std::string_view guard_name(Guard guard) {
  switch (guard) {
    case Guard::damaged:
      return "damaged";
    case Guard::backdated:
      return "backdated";
    case Guard::not_signed:
      return "not_signed";
    case Guard::emptiness:
      return "emptiness";
    case Guard::newest:
      return "newest";
    case Guard::stalled:
      return "stalled";
    case Guard::manifests:
      return "manifests";
    case Guard::servers:
      return "servers";
    case Guard::suspect:
      return "suspect";
    case Guard::unverified:
      return "unverified";
    case Guard::volume:
      return "volume";
  }
  return "";
}

std::optional<NextBackup> next_backup(const GroupFacts& facts) {
  if (facts.is_newest_ours && !facts.readings.empty() && facts.readings.back().next_due) {
    const Reading& newest = facts.readings.back();
    return NextBackup{*newest.next_due, *newest.next_due - newest.time};
  }
  if (facts.latest.size() <= kLeastGaps) return std::nullopt;
  seconds period = std::chrono::days(1);
  for (size_t i = 1; i < facts.latest.size(); ++i) {
    period = std::max<seconds>(period, 2 * (facts.latest[i] - facts.latest[i - 1]));
  }
  return NextBackup{facts.latest.back() + period, period};
}

std::optional<UtcTime> stalled_from(const GroupFacts& facts) {
  const std::optional<NextBackup> next = next_backup(facts);
  return next ? std::optional(late_from(next->due, next->period)) : std::nullopt;
}

std::optional<std::string> guard_emptiness(const GroupFacts& facts) {
  if (facts.removed == 0 || facts.removed < facts.complete) return std::nullopt;
  return "no complete backup would remain";
}

std::optional<std::string> guard_newest(const GroupFacts& facts) {
  if (!facts.is_newest_removed) return std::nullopt;
  return "the newest complete backup would be deleted";
}

std::optional<std::string> guard_stalled(const GroupFacts& facts, UtcTime now) {
  const std::optional<UtcTime> from = stalled_from(facts);
  if (!from || now <= *from || facts.is_retired) return std::nullopt;
  return fmt::format(
      "backups have stalled: the newest is of {}, and the next one has been late since {}{}; find "
      "out why pg-backup makes none, or set PRUNE_WHEN_STALLED=allow",
      format_iso(facts.latest.back()), format_iso(*from),
      facts.left_out.empty() ? "" : ", as the database is left out: " + short_line(facts.left_out));
}

std::optional<std::string> guard_damaged(const GroupFacts& facts) {
  if (facts.damaged.empty()) return std::nullopt;
  const size_t count = facts.damaged.size();
  return fmt::format(
      "{}: {}; bring back what is missing, or delete that backup's prefix by hand when you are "
      "sure that nothing can be done with it",
      count == 1
          ? "a backup is damaged"
          : fmt::format("{} backups are damaged (pg-backup list shows them), the newest", count),
      facts.damaged.front().text);
}

std::optional<std::string> guard_backdated(const GroupFacts& facts) {
  if (facts.backdated.empty()) return std::nullopt;
  const size_t count = facts.backdated.size();
  return fmt::format(
      "{}: {}; delete the prefixes of those that nobody put there on purpose, or set "
      "PRUNE_ON_BACKDATED=allow where they were copied there later",
      count == 1
          ? "a backup is backdated"
          : fmt::format("{} backups are backdated (pg-backup list shows them), the newest", count),
      facts.backdated.front().text);
}

std::optional<std::string> guard_not_signed(const GroupFacts& facts) {
  if (facts.not_signed.empty()) return std::nullopt;
  const size_t count = facts.not_signed.size();
  return fmt::format(
      "{}: {}; delete the prefixes of those that pg-backup did not make, or set "
      "PRUNE_ON_UNSIGNED=allow where you know that it made them all",
      count == 1 ? "a backup is not signed, and was stored after the first signed one"
                 : fmt::format("{} backups are not signed, and were stored after the first signed "
                               "one (pg-backup list shows them), the newest",
                               count),
      facts.not_signed.front().text);
}

std::optional<std::string> guard_manifests(const GroupFacts& facts) {
  if (facts.unreadable.empty()) return std::nullopt;
  return fmt::format("a manifest cannot be read: {}", facts.unreadable.front());
}

std::optional<std::string> guard_servers(const GroupFacts& facts) {
  std::vector<std::string> servers = successive_servers(facts);
  const std::vector<std::string> in_turn = servers;
  std::sort(servers.begin(), servers.end());
  if (std::adjacent_find(servers.begin(), servers.end()) == servers.end()) return std::nullopt;
  return fmt::format(
      "two servers (system identifiers {} and {}) take turns in {}: give each a prefix of its own",
      in_turn[in_turn.size() - 2], in_turn.back(), facts.place);
}

std::optional<std::string> guard_suspect(const GroupFacts& facts) {
  if (!facts.is_newest_ours) return guard_old_sizes(facts.old_sizes);
  if (facts.readings.empty()) return std::nullopt;
  const Reading& newest = facts.readings.back();
  const std::vector<const Reading*> before = predecessors(facts);
  if (before.size() < kLeastToCompare) return std::nullopt;
  if (!is_less_than_half(newest.tables, values(before, &Reading::tables)) &&
      !is_less_than_half(newest.plain_bytes, values(before, &Reading::plain_bytes))) {
    return std::nullopt;
  }
  // What is not the dump of a database knows no tables.
  const bool has_tables = median(values(before, &Reading::tables)) > 0;
  return fmt::format(
      "the newest backup ({}) is suspect: it has {}{}, less than half of what those before it "
      "have; {}",
      newest.id, format_bytes(newest.plain_bytes),
      has_tables ? fmt::format(" in {} tables", newest.tables) : "", kSuspectCure);
}

std::optional<std::string> guard_unverified(const GroupFacts& facts) {
  if (facts.has_verified || facts.complete == 0) return std::nullopt;
  return fmt::format(
      "none of the {} backups that would do is verified; verify one (pg-backup verify), or unset "
      "PRUNE_REQUIRE_VERIFIED",
      facts.complete);
}

std::optional<std::string> guard_volume(const GroupFacts& facts, const RemovalLimit& limit) {
  const auto count = static_cast<size_t>(limit.count);
  const size_t removed = limit.is_percent ? facts.settled_removed : facts.removed;
  const size_t all = limit.is_percent ? facts.settled : facts.complete;
  const bool is_too_much = limit.is_percent ? removed * 100 > all * count : removed > count;
  if (!is_too_much || removed <= static_cast<size_t>(limit.always)) return std::nullopt;
  return fmt::format(
      "{} of {} backups{} would be deleted, more than PRUNE_MAX_REMOVE={}{}; `pg-prune plan` shows "
      "which, and where that is meant `pg-prune now --prune-max-remove 100%` deletes them",
      removed, all, limit.is_percent ? " older than 2d" : "", limit.count,
      limit.is_percent ? "%" : "");
}

std::vector<GuardFinding> guard_group(const GroupFacts& facts, const GuardRules& rules,
                                      UtcTime now) {
  std::vector<GuardFinding> findings;
  const auto add = [&](Guard guard, std::optional<std::string> sentence) {
    if (sentence) findings.push_back({guard, *std::move(sentence)});
  };
  add(Guard::damaged, guard_damaged(facts));
  if (rules.on_backdated == OnDoubt::freeze) add(Guard::backdated, guard_backdated(facts));
  if (rules.on_unsigned == OnDoubt::freeze) add(Guard::not_signed, guard_not_signed(facts));
  add(Guard::emptiness, guard_emptiness(facts));
  add(Guard::newest, guard_newest(facts));
  if (rules.when_stalled == OnDoubt::freeze) add(Guard::stalled, guard_stalled(facts, now));
  add(Guard::manifests, guard_manifests(facts));
  add(Guard::servers, guard_servers(facts));
  if (rules.on_suspect == OnDoubt::freeze) add(Guard::suspect, guard_suspect(facts));
  if (rules.require_verified) add(Guard::unverified, guard_unverified(facts));
  if (rules.max_remove) add(Guard::volume, guard_volume(facts, *rules.max_remove));
  return findings;
}

std::optional<std::string> server_change(const GroupFacts& facts) {
  const std::vector<std::string> servers = successive_servers(facts);
  if (servers.size() < 2 || guard_servers(facts)) return std::nullopt;
  return fmt::format("another server than before writes into {}: system identifier {}, was {}",
                     facts.place, servers.back(), servers[servers.size() - 2]);
}

}  // namespace pgbackup
