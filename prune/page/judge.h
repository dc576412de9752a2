// The verdict on one group, in a word and a sentence, as far as the store tells. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/utc_time.h"
#include "prune/plan.h"

namespace pgbackup {

/// Names how a group stands, the worst first.
enum class GroupState {
  never,    ///< there is no complete backup
  damaged,  ///< a backup lacks what its manifest names
  failing,  ///< a later run made backups of other databases, and none of this one
  late,     ///< the next backup is overdue
  frozen,   ///< a guard lets nothing be deleted
  good,
  ended,  ///< later backups of the server were made without it
};
inline constexpr size_t kGroupStates = static_cast<size_t>(GroupState::ended) + 1;

/// Returns `never backed up`, `damaged` and so on.
[[nodiscard]] std::string_view state_title(GroupState state);
/// Returns the name of the state as a class of CSS.
[[nodiscard]] std::string_view state_class(GroupState state);
/// Returns whether somebody should look at it.
[[nodiscard]] bool needs_attention(GroupState state);

/// A run that names a group of which it made no backup.
struct MissedRun {
  UtcTime time;
  std::string reason{};  ///< why it left the group out; empty: it meant to back it up
};

/// Holds what decides about the state.
struct GroupEvidence {
  size_t complete = 0;   ///< backups that have a manifest and are not dated in the future
  size_t damaged = 0;    ///< of these
  std::string damage{};  ///< of the newest of these
  std::optional<UtcTime> last_success{};  ///< of the newest that is whole
  std::optional<UtcTime> due{};           ///< when the next one is due
  std::optional<UtcTime> late_from{};
  std::optional<MissedRun> missed{};  ///< the newest one since the last success
  bool is_ended = false;
  std::span<const Objection> objections{};
  UtcTime now;
};

struct GroupVerdict {
  GroupState state = GroupState::good;
  std::string sentence;
};

[[nodiscard]] GroupVerdict judge_group(const GroupEvidence& evidence);

}  // namespace pgbackup
