#include "backup/physical/way_back.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "backup/physical/wal_reader.h"
#include "common/base/error.h"

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

std::string find_damage(Store& store, const FoundBase& base) {
  std::map<std::string, uint64_t> listed;
  store.list(base.backup.folder() + "/",
             [&](const ObjectInfo& object) { listed[object.key] = object.bytes; });
  for (const BackupFile& file : base.backup.files) {
    const auto found = listed.find(base.backup.key_of(file.name));
    if (found == listed.end()) return file.name + " is gone";
    if (found->second != file.bytes) return file.name + " has another size";
  }
  const ClusterFacts& facts = base.manifest.cluster;
  WalReader reader(store, base.manifest.system_identifier);
  for (const Lsn at : {facts.start, Lsn{facts.end.value - 1}}) {
    const std::string name =
        segment_name(segment_at(facts.timeline, at, facts.segment_bytes), facts.segment_bytes);
    try {
      const StoredSegment stored = reader.find(name);
      NullSink nowhere;
      if (reader.can_read(stored)) static_cast<void>(reader.fetch(name, stored, nowhere));
    } catch (const Error& error) {
      const bool is_damage =
          error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::not_found;
      if (!is_damage) throw;
      return error.message();
    }
  }
  return {};
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
