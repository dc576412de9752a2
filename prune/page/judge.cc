#include "prune/page/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/printable.h"
#include "prune/page/page_text.h"

namespace pgbackup {
namespace {

struct StateNames {
  std::string_view title;
  std::string_view css_class;
};

constexpr std::array<StateNames, kGroupStates> kNames = {{{"never backed up", "never"},
                                                          {"damaged", "damaged"},
                                                          {"failing", "failing"},
                                                          {"late", "late"},
                                                          {"frozen", "frozen"},
                                                          {"good", "good"},
                                                          {"ended", "ended"}}};

/// Returns the first objection that says more than another state does.
const Objection* first_freeze(const GroupEvidence& on) {
  const auto* const found =
      std::find_if(on.objections.data(), on.objections.data() + on.objections.size(),
                   [](const Objection& objection) { return objection.guard != Guard::stalled; });
  return found == on.objections.data() + on.objections.size() ? nullptr : found;
}

std::string missed_sentence(const MissedRun& missed) {
  const std::string run = page_time(missed.time);
  if (missed.reason.empty()) {
    return fmt::format("The run of {} made backups of other databases, and none of this one.", run);
  }
  return fmt::format("The run of {} left it out: {}.", run, short_line(missed.reason));
}

std::string late_sentence(const GroupEvidence& on) {
  return fmt::format("The next backup was due {}, and there is none.", page_age(*on.due, on.now));
}

std::string good_sentence(const GroupEvidence& on) {
  if (!on.due) return fmt::format("Backed up {}.", page_age(*on.last_success, on.now));
  return fmt::format("Backed up {}; the next one {} due {}.", page_age(*on.last_success, on.now),
                     *on.due > on.now ? "is" : "was", page_age(*on.due, on.now));
}

std::string damaged_sentence(const GroupEvidence& on) {
  if (on.damaged == 0) return "";
  return on.damaged == 1
             ? fmt::format("One of {} backups cannot be restored: {}.", on.complete, on.damage)
             : fmt::format("{} of {} backups cannot be restored, the newest because {}.",
                           on.damaged, on.complete, on.damage);
}

}  // namespace

std::string_view state_title(GroupState state) {
  return kNames.at(static_cast<size_t>(state)).title;
}

std::string_view state_class(GroupState state) {
  return kNames.at(static_cast<size_t>(state)).css_class;
}

bool needs_attention(GroupState state) {
  return state != GroupState::good && state != GroupState::ended;
}

GroupVerdict judge_group(const GroupEvidence& on) {
  if (on.complete == 0) {
    return {GroupState::never, on.missed ? missed_sentence(*on.missed)
                                         : "There is no complete backup of it in the store."};
  }
  if (on.damaged > 0) return {GroupState::damaged, damaged_sentence(on)};
  if (!on.last_success) return {GroupState::never, "Its backups are all dated in the future."};
  if (on.is_ended) {
    return {GroupState::ended,
            "Later backups of its server were made without it: it was dropped, or is no longer "
            "selected."};
  }
  if (on.missed) return {GroupState::failing, missed_sentence(*on.missed)};
  if (on.late_from && on.now > *on.late_from) return {GroupState::late, late_sentence(on)};
  if (const Objection* const objection = first_freeze(on)) {
    return {GroupState::frozen, fmt::format("Nothing of it is deleted: {}.", objection->sentence)};
  }
  return {GroupState::good, good_sentence(on)};
}

}  // namespace pgbackup
