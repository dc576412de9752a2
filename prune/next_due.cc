#include "prune/next_due.h"

#include <algorithm>
#include <span>

#include "common/base/due.h"
#include "common/base/error.h"
#include "prune/evidence.h"

namespace pgbackup {
namespace {

/// Returns the summary of `group`; nullptr where there is none.
template <class Groups>
auto* find_group(Groups& groups, const Group& group) {
  const auto found =
      std::lower_bound(groups.begin(), groups.end(), group,
                       [](const GroupSummary& one, const Group& name) { return one.group < name; });
  return found == groups.end() || found->group != group ? nullptr : &*found;
}

void take_over(const PruneSummary& previous, PruneSummary& summary) {
  for (GroupSummary& group : summary.groups) {
    const GroupSummary* const before = find_group(previous.groups, group.group);
    if (before == nullptr || before->newest_id != group.newest_id) continue;
    group.next_due = before->next_due;
    group.is_due_read = before->is_due_read;
  }
}

/// Returns whether the time is known, and nothing may have changed since: a group that is late may
/// have been retired meanwhile.
bool is_settled(const GroupSummary& group, UtcTime now) {
  if (group.newest_id.empty()) return true;
  if (!group.is_due_read || !group.next_due) return group.is_due_read;
  return now <= late_from(*group.next_due, *group.next_due - *group.newest);
}

}  // namespace

void find_next_due(Store& store, const Plan& plan, const PruneSummary& previous,
                   PruneSummary& summary) {
  take_over(previous, summary);
  for (const std::span<const Step> steps : groups_of(std::span<const Step>(plan.steps))) {
    GroupSummary* const group = find_group(summary.groups, steps.front().backup->group);
    if (group == nullptr || is_settled(*group, plan.now)) continue;
    const auto newest = std::find_if(steps.begin(), steps.end(), [&](const Step& step) {
      return step.write == nullptr && step.backup->id == group->newest_id;
    });
    if (newest == steps.end()) continue;
    try {
      group->next_due = read_next_due(store, plan, *newest->backup);
      group->is_due_read = true;
    } catch (const Error&) {
      return;
    }
  }
}

}  // namespace pgbackup
