// Evidence that deleting would hurt. Each guard is pure and returns one sentence, or nothing when
// it has no objection. That of the clocks stops a run, the others freeze one group; either way the
// run ends with exit code 3.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

/// What S3 itself tolerates between a request's date and its own clock (RequestTimeTooSkewed).
inline constexpr std::chrono::minutes kMaxClockDifference{15};

/// Ages are measured by the store's clock; one that contradicts ours may be the wrong one.
[[nodiscard]] std::optional<std::string> guard_clock(UtcTime local, UtcTime store);

enum class OnDoubt { freeze, allow };

/// Where backups are made more often than pruned, most of the young ones go in each run.
inline constexpr std::chrono::days kSettled{2};

/// At most so much of a group in one run.
struct RemovalLimit {
  int count = 0;
  bool is_percent = false;  ///< of the complete backups that are older than kSettled, among these
  int always = 0;           ///< so many in any case
};

/// Unless told otherwise: half, since more than that is rarely meant. Of few backups one more or
/// less is much, and no sign of anything.
inline constexpr RemovalLimit kDefaultRemovalLimit = {
    .count = 50, .is_percent = true, .always = 10};

/// `20` or `50%`; 0 and more than 100 % are none. nullopt: anything else.
[[nodiscard]] std::optional<RemovalLimit> parse_removal_limit(std::string_view text);

/// As parse_removal_limit() takes it, or `50%, but 10 in any case`.
[[nodiscard]] std::string format_removal_limit(const RemovalLimit& limit);

struct GuardRules {
  OnDoubt when_stalled = OnDoubt::freeze;
  OnDoubt on_suspect = OnDoubt::freeze;
  OnDoubt on_backdated = OnDoubt::freeze;
  std::optional<RemovalLimit> max_remove{};
};

/// What one manifest says about the health of its group.
struct Reading {
  std::string id;
  UtcTime time;  ///< from the id
  std::optional<UtcTime> next_due{};
  std::string kind{};
  std::string system_identifier{};  ///< empty: unknown
  uint64_t plain_bytes = 0;
  int64_t tables = 0;
  std::vector<std::string> groups{};  ///< of the run
  std::vector<LeftOut> left_out{};    ///< of the run
};

/// One that should count for nothing, and why.
struct FlawedBackup {
  std::string id;
  std::string text;  ///< `s3://bucket/prefix/app/ID: app.dump.zst is missing`
  UtcTime time{};    ///< of the backup
};

/// So many manifests of a group are read at most.
inline constexpr size_t kMostReadings = 10;
/// So many gaps between backups say how often there is one, and so many at least.
inline constexpr size_t kGaps = 5;
inline constexpr size_t kLeastGaps = 2;

/// What the guards know of a group. Backups dated in the future are not in it, and damaged ones are
/// in `damaged` alone.
struct GroupFacts {
  std::string place{};             ///< for messages: `s3://bucket/prefix/app`
  size_t complete = 0;             ///< backups
  size_t removed = 0;              ///< of these, by the plan
  size_t settled = 0;              ///< of these, older than kSettled
  size_t settled_removed = 0;      ///< of these, by the plan
  bool is_newest_removed = false;  ///< of the complete ones
  bool is_newest_ours = true;      ///< then it has a manifest
  /// Of the newest complete ones that are as the newest: ours, or of older systems. Oldest first,
  /// kGaps + 1.
  std::vector<UtcTime> latest{};
  std::vector<uint64_t> old_sizes{};  ///< theirs in bytes, where the newest is an older system's
  std::vector<Reading> readings{};    ///< of the newest of ours, oldest first: kMostReadings
  std::vector<std::string> unreadable{};  ///< manifests, with the reason and what to do
  std::vector<FlawedBackup> damaged{};    ///< newest first
  std::vector<FlawedBackup> backdated{};  ///< newest first; among `readings`, too
  /// Later runs that backed up other databases of the same server know this one no more.
  bool is_retired = false;
  std::string left_out{};  ///< why the newest later run that knows the database left it out, or ""
};

/// When the group is late by late_from(): its next backup is due when the newest manifest says so;
/// where that says nothing, after twice the largest of the last gaps, but no sooner than a day.
/// nullopt: never, since nothing tells how often there is one.
[[nodiscard]] std::optional<UtcTime> stalled_from(const GroupFacts& facts);

[[nodiscard]] std::optional<std::string> guard_emptiness(const GroupFacts& facts);
[[nodiscard]] std::optional<std::string> guard_newest(const GroupFacts& facts);
[[nodiscard]] std::optional<std::string> guard_stalled(const GroupFacts& facts, UtcTime now);
/// What has damaged one backup may have damaged others, of which less can be seen.
[[nodiscard]] std::optional<std::string> guard_damaged(const GroupFacts& facts);
/// Whoever can put one there may have put others there that no listing gives away.
[[nodiscard]] std::optional<std::string> guard_backdated(const GroupFacts& facts);
[[nodiscard]] std::optional<std::string> guard_manifests(const GroupFacts& facts);
/// A server that gives way to another for good is no objection: see server_change().
[[nodiscard]] std::optional<std::string> guard_servers(const GroupFacts& facts);
/// The newest backup holds less than half of what the ones before it held, in bytes or tables; of
/// older systems' files the size is what is known.
[[nodiscard]] std::optional<std::string> guard_suspect(const GroupFacts& facts);
[[nodiscard]] std::optional<std::string> guard_volume(const GroupFacts& facts,
                                                      const RemovalLimit& limit);

/// All of these for one group, as `rules` allow: one sentence each.
[[nodiscard]] std::vector<std::string> guard_group(const GroupFacts& facts, const GuardRules& rules,
                                                   UtcTime now);

/// Worth a warning: the server is another one than before, as after an upgrade.
[[nodiscard]] std::optional<std::string> server_change(const GroupFacts& facts);

}  // namespace pgbackup
