// Evidence that deleting would hurt. Each guard is pure and returns one sentence, or nothing when
// it has no objection. The guard of the clocks stops a run, the others freeze one group; either way
// the run ends with exit code 3. Reads no manifests: evidence.h does.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

/// Names what objects. The guard of the clocks is none of these: it stops a whole run.
enum class Guard {
  damaged,
  backdated,
  not_signed,
  emptiness,
  newest,
  stalled,
  manifests,
  servers,
  suspect,
  unverified,
  volume,
};
inline constexpr std::array<Guard, 11> kGuards = {
    Guard::damaged, Guard::backdated,  Guard::not_signed, Guard::emptiness,
    Guard::newest,  Guard::stalled,    Guard::manifests,  Guard::servers,
    Guard::suspect, Guard::unverified, Guard::volume};

/// Returns the name as the metrics have it: `damaged`.
[[nodiscard]] std::string_view guard_name(Guard guard);

/// Limits the difference of the two clocks to what S3 itself tolerates between a request's date and
/// its own clock (RequestTimeTooSkewed).
/// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
inline constexpr std::chrono::minutes kMaxClockDifference{15};

/// Objects when the two clocks differ by more than kMaxClockDifference: ages are measured by the
/// store's clock, which may be the wrong one.
[[nodiscard]] std::optional<std::string> guard_clock(UtcTime local, UtcTime store);

enum class OnDoubt { freeze, allow };

/// Sets the age from which a backup counts for a limit in percent. Where backups are made more
/// often than pruned, most of the younger ones are deleted in each run.
inline constexpr std::chrono::days kSettled{2};

/// Limits how many backups of a group one run may delete.
struct RemovalLimit {
  int count = 0;
  bool is_percent = false;  ///< of the complete backups older than kSettled
  int always = 0;           ///< this number is allowed in any case
};

/// Allows half, since more than half is rarely meant. Of few backups one more or less is much, and
/// no sign of anything.
inline constexpr RemovalLimit kDefaultRemovalLimit = {
    .count = 50, .is_percent = true, .always = 10};

/// Parses `20` or `50%`; 0 and more than 100 % are refused. Returns nullopt for anything else.
[[nodiscard]] std::optional<RemovalLimit> parse_removal_limit(std::string_view text);

/// Returns `limit` as parse_removal_limit() takes it, or as `50%, but 10 in any case`.
[[nodiscard]] std::string format_removal_limit(const RemovalLimit& limit);

struct GuardRules {
  OnDoubt when_stalled = OnDoubt::freeze;
  OnDoubt on_suspect = OnDoubt::freeze;
  OnDoubt on_backdated = OnDoubt::freeze;
  OnDoubt on_unsigned = OnDoubt::freeze;
  std::optional<RemovalLimit> max_remove{};
  bool require_verified = false;
};

/// Holds what one manifest says about the health of its group.
struct Reading {
  std::string id;
  UtcTime time;  ///< the time in the id
  std::optional<UtcTime> next_due{};
  std::string kind{};
  std::string system_identifier{};  ///< empty: unknown
  uint64_t plain_bytes = 0;
  int64_t tables = 0;
  std::vector<Group> groups{};      ///< groups of the run
  std::vector<LeftOut> left_out{};  ///< databases that the run left out
  bool is_believed = true;          ///< it is signed, or need not be
};

/// Names a backup that should count for nothing, and why.
struct FlawedBackup {
  std::string id;
  std::string text;  ///< `s3://bucket/prefix/app/ID: app.dump.zst is missing`
  UtcTime time{};    ///< when the backup was made
};

/// Limits how many manifests of a group are read.
inline constexpr size_t kMostReadings = 10;
/// Limits how many gaps between backups tell how often there is one, and says how many are needed.
inline constexpr size_t kGaps = 5;
inline constexpr size_t kLeastGaps = 2;

/// Holds what the guards know of a group. Backups dated in the future, and those whose verification
/// has failed, are not in it, and damaged ones are in `damaged` alone.
struct GroupFacts {
  std::string place{};             ///< for messages: `s3://bucket/prefix/app`
  size_t complete = 0;             ///< complete backups
  size_t removed = 0;              ///< complete backups that the plan deletes
  size_t settled = 0;              ///< complete backups older than kSettled
  size_t settled_removed = 0;      ///< complete backups older than kSettled that the plan deletes
  bool is_newest_removed = false;  ///< the plan deletes the newest complete backup
  bool is_newest_ours = true;      ///< the newest complete backup has a manifest
  bool has_verified = false;       ///< the last verification of one of them has passed
  /// Holds the times of the newest complete backups of the newest one's kind (ours, or of older
  /// systems), oldest first, at most kGaps + 1.
  std::vector<UtcTime> latest{};
  std::vector<uint64_t> old_sizes{};  ///< in bytes, as in `latest`, of an older system's files only
  std::vector<Reading> readings{};    ///< the newest of ours, oldest first, at most kMostReadings
  std::vector<std::string> unreadable{};  ///< manifests, with the reason and what to do
  std::vector<FlawedBackup> damaged{};    ///< newest first
  std::vector<FlawedBackup> backdated{};  ///< newest first; also among `readings`
  /// Holds those that were stored after the first signed backup and are not signed, newest first;
  /// some are among `readings`.
  std::vector<FlawedBackup> not_signed{};
  std::optional<UtcTime> first_signed{};  ///< when the first signed one was stored; unset: none was
  /// Says that later runs backed up other databases of the same server without knowing this one.
  bool is_retired = false;
  std::string left_out{};  ///< why the newest later run that knows the database left it out, or ""
};

/// Says when the next backup of a group is due.
struct NextBackup {
  UtcTime due;
  std::chrono::seconds period;  ///< from the newest backup to `due`
};

/// Returns when the next backup is due: when the newest manifest says so; where the manifest says
/// nothing, after twice the largest of the last gaps, but no sooner than a day. Returns nullopt
/// when nothing tells how often there is a backup.
[[nodiscard]] std::optional<NextBackup> next_backup(const GroupFacts& facts);

/// Returns the time from which the group is late by late_from(); nullopt, for never, where
/// next_backup() says nothing.
[[nodiscard]] std::optional<UtcTime> stalled_from(const GroupFacts& facts);

/// Objects when no complete backup would remain.
[[nodiscard]] std::optional<std::string> guard_emptiness(const GroupFacts& facts);
/// Objects when the newest complete backup would be deleted.
[[nodiscard]] std::optional<std::string> guard_newest(const GroupFacts& facts);
/// Objects when backups have stalled by stalled_from().
[[nodiscard]] std::optional<std::string> guard_stalled(const GroupFacts& facts, UtcTime now);
/// Objects to damaged backups: what has damaged one may have damaged others, of which less shows.
[[nodiscard]] std::optional<std::string> guard_damaged(const GroupFacts& facts);
/// Objects to backdated backups: whoever can put one there may have put others there that no
/// listing gives away.
[[nodiscard]] std::optional<std::string> guard_backdated(const GroupFacts& facts);
/// Objects to backups that are not signed although others had been before.
[[nodiscard]] std::optional<std::string> guard_not_signed(const GroupFacts& facts);
/// Objects when a manifest cannot be read.
[[nodiscard]] std::optional<std::string> guard_manifests(const GroupFacts& facts);
/// Objects when two servers take turns. One that replaces another for good is no objection: see
/// server_change().
[[nodiscard]] std::optional<std::string> guard_servers(const GroupFacts& facts);
/// Objects when the newest backup holds less than half of what the ones before it held, in bytes or
/// tables. The size is all that is known of an older system's files.
[[nodiscard]] std::optional<std::string> guard_suspect(const GroupFacts& facts);
/// Objects when the plan deletes more than `limit` allows.
[[nodiscard]] std::optional<std::string> guard_volume(const GroupFacts& facts,
                                                      const RemovalLimit& limit);

/// Says what a guard objects to, in one sentence.
struct GuardFinding {
  Guard guard;
  std::string sentence;
};

/// Asks all guards about one group, as `rules` allow, and returns their objections.
[[nodiscard]] std::vector<GuardFinding> guard_group(const GroupFacts& facts,
                                                    const GuardRules& rules, UtcTime now);

/// Returns a warning when the server is not the one before, as after an upgrade.
[[nodiscard]] std::optional<std::string> server_change(const GroupFacts& facts);

}  // namespace pgbackup
