#include "backup/physical/way_back.h"

#include <fmt/format.h>

#include <utility>

namespace pgbackup {

WayBack find_way_back(Store& store, const ServerPlace& place, const StoredLog& stored, UtcTime now,
                      Log& log) {
  WayBack way;
  visit_base_backups(store, now, log, [&](FoundBase found) {
    if (!way.newest) way.newest = found;
    if (found.manifest.system_identifier != place.system_id) return true;
    if (!way.own) way.own = found;
    std::optional<RecoveryRoute> route =
        find_route_to(place.timeline, base_of(found.manifest), stored);
    if (!route) return true;
    const bool is_whole = route->reach.until >= place.position;
    if (!way.route || is_whole) {
      way.base = std::move(found);
      way.route = std::move(route);
    }
    return !is_whole;
  });
  return way;
}

std::string describe_lost_way(const WayBack& way, const ServerPlace& place) {
  if (!way.newest) return "there is no base backup";
  if (!way.own) {
    return fmt::format(
        "there is no base backup of the server {}; the newest one is of the server {}",
        place.system_id, way.newest->manifest.system_identifier);
  }
  return fmt::format(
      "no base backup leads to timeline {}, along which the server goes on; the "
      "newest one is of timeline {} ({})",
      place.timeline, way.own->manifest.cluster.timeline, way.own->backup.id);
}

}  // namespace pgbackup
