#include "prune/page/model.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/catalog/adoption.h"
#include "prune/page/group_model.h"

namespace pgbackup {
namespace {

bool is_shown_before(const PageGroup& a, const PageGroup& b) {
  if (a.verdict.state != b.verdict.state) return a.verdict.state < b.verdict.state;
  return a.group < b.group;
}

PageDestination make_destination(const StoreView& view) {
  PageDestination shown{.name = view.name, .location = view.location};
  if (view.error) {
    shown.error = view.error->message();
    return shown;
  }
  shown.problems = view.problems;
  if (!view.seen->catalog.not_adopted.empty()) {
    shown.not_adopted.push_back(
        fmt::format("ignored objects of older systems ({}); set ADOPT_LAYOUTS to adopt them",
                    format_not_adopted(view.seen->catalog.not_adopted)));
  }
  const GroupSlices slices = slices_of(view);
  for (const GroupSlice& slice : slices.shown) shown.groups.push_back(make_group(slice, view));
  std::sort(shown.groups.begin(), shown.groups.end(), is_shown_before);
  shown.unlisted = slices.unlisted;
  for (const ServerWalPlan& server : view.seen->plan.wal) {
    shown.servers.push_back({.system_identifier = server.system_identifier,
                             .objects = server.kept + server.removed.size(),
                             .bytes = server.kept_bytes + server.removed_bytes,
                             .recovery = server.recovery});
  }
  return shown;
}

}  // namespace

Page make_page(std::span<const StoreView> views, const PageSettings& settings, UtcTime now) {
  Page page{.now = now, .settings = settings};
  for (const StoreView& view : views) page.destinations.push_back(make_destination(view));
  return page;
}

}  // namespace pgbackup
