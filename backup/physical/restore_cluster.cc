#include "backup/physical/restore_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "backup/physical/base_backups.h"
#include "backup/physical/wal_reader.h"
#include "common/base/error.h"
#include "common/catalog/sealed.h"

namespace pgbackup {
namespace {

/// What one destination offers, and what was chosen of it.
struct Offer {
  Store* store = nullptr;
  FoundBase base;
  StoredLog log;
  ChosenBase chosen;
};

Offer choose(Store& store, const ClusterRequest& request, const std::string& id, UtcTime now,
             Log& log) {
  std::vector<FoundBase> found = read_base_backups_of(store, now, id, log);
  std::vector<BaseBackup> bases;
  StoredLogs logs;
  for (const FoundBase& one : found) {
    const std::string& system_id = one.manifest.system_identifier;
    bases.push_back(base_of(one.manifest));
    if (!logs.contains(system_id)) logs.merge(read_stored_logs(store, system_id, log));
    logs.try_emplace(system_id);
  }
  ChosenBase chosen =
      choose_base(bases, logs, {.target = request.target, .timeline = request.timeline, .id = id});
  FoundBase& base = found.at(chosen.number);
  StoredLog& of_base = logs.at(base.manifest.system_identifier);
  return {.store = &store,
          .base = std::move(base),
          .log = std::move(of_base),
          .chosen = std::move(chosen)};
}

/// Returns how far WAL is needed. All of it is, but for the end of the base backup: recovery ends
/// with the first record that begins at the target or behind it, and it may begin in a later
/// segment.
Lsn needed_until(const Offer& offer, const RecoveryTarget& target) {
  return target.kind == TargetKind::immediate ? offer.base.manifest.cluster.end
                                              : offer.chosen.reach.until;
}

/// Returns whether `other` is to be restored rather than `offer`, which is nearer.
bool is_better(const Offer& other, const Offer& offer, TargetKind target) {
  const UtcTime finished = other.base.manifest.finished;
  const bool is_later = finished > offer.base.manifest.finished;
  if (target == TargetKind::immediate) return is_later;
  const bool is_one_log =
      other.base.manifest.system_identifier == offer.base.manifest.system_identifier &&
      other.chosen.timeline == offer.chosen.timeline;
  if (!is_one_log) return other.chosen.reach.newest > offer.chosen.reach.newest;
  const Lsn until = offer.chosen.reach.until;
  return other.chosen.reach.until > until || (other.chosen.reach.until == until && is_later);
}

std::vector<std::string> names_to_copy(const Offer& offer, const RecoveryTarget& target) {
  const ClusterFacts& facts = offer.base.manifest.cluster;
  std::vector<std::string> names =
      segments_between(offer.log.wal, offer.chosen.way, facts.start, needed_until(offer, target),
                       facts.segment_bytes);
  for (std::string& name : history_names(offer.log)) names.push_back(std::move(name));
  return names;
}

/// Writes a file of which another destination holds as much as that of `offer`, or throws
/// `not_found`.
void fetch_elsewhere(const Destinations& destinations, const Offer& offer, const AgeKeys* keys,
                     const std::string& name, Sink& sink) {
  const Manifest& manifest = offer.base.manifest;
  const uint64_t segment_bytes = manifest.cluster.segment_bytes;
  const uint64_t wanted =
      list_wal_file(*offer.store, manifest.system_identifier, name).reach(segment_bytes);
  for (const Destination& other : destinations) {
    if (!other.is_open() || &other.store() == offer.store) continue;
    WalReader reader(other.store(), manifest.system_identifier, keys);
    const StoredSegment stored = reader.find(name);
    if (stored.reach(segment_bytes) < wanted) continue;
    static_cast<void>(reader.fetch(name, stored, sink));
    return;
  }
  throw Error(ErrorKind::not_found, fmt::format("no other destination holds {}", name));
}

/// Returns the restore_command of the restored server; nullopt where the WAL is copied.
std::optional<std::string> fetch_command(const ClusterRequest& request,
                                         const std::string& system_id) {
  if (!request.restore_command.empty()) return request.restore_command;
  if (request.wal == WalWay::copy) return std::nullopt;
  return fmt::format("pg-backup wal-fetch --system-id {} %f \"%p\"", system_id);
}

}  // namespace

ClusterReport restore_cluster(const Destinations& destinations, const ClusterRequest& request,
                              const std::string& id, Clock& clock, Log& log) {
  const UtcTime now = time_of(destinations, clock);
  std::optional<Offer> offer;
  const std::vector<DestinationFailure> failures =
      for_each_destination(destinations, [&](const Destination& destination) {
        const TargetKind kind = request.target.kind;
        const bool is_met = kind == TargetKind::time || kind == TargetKind::lsn;
        if (offer && is_met) return;
        if (offer) {
          log.info(
              "asking a further destination whether it holds more",
              {{"destination", destination.name()}, {"hint", "--from asks one destination alone"}});
        }
        Offer found = choose(destination.store(), request, id, now, log);
        if (!offer || is_better(found, *offer, kind)) offer = std::move(found);
      });
  if (!offer) throw join_failures(failures);
  if (!failures.empty()) {
    log.warn("a destination does not count", {{"cause", join_failures(failures).message()}});
  }
  for (const std::string& warning : offer->chosen.warnings) {
    log.warn("about the chosen base backup", {{"warning", warning}});
  }

  open_private(*offer->store, offer->base.backup, offer->base.manifest, request.keys);
  const Manifest& manifest = offer->base.manifest;
  const std::optional<std::string> command = fetch_command(request, manifest.system_identifier);
  WalReader reader(*offer->store, manifest.system_identifier, request.keys, &log);
  WalCopies wal;
  if (!command) {
    wal.names = names_to_copy(*offer, request.target);
    wal.fetch = [&](const std::string& name, Sink& sink) {
      static_cast<void>(reader.fetch(name, reader.find(name), sink));
    };
    wal.fetch_elsewhere = [&](const std::string& name, Sink& sink) {
      fetch_elsewhere(destinations, *offer, request.keys, name, sink);
    };
  }
  log.info("restoring the cluster", {{"database", offer->base.backup.group.name()},
                                     {"run", offer->base.backup.id},
                                     {"from", offer->store->location(offer->base.backup.folder())},
                                     {"to", request.target_dir.string()},
                                     {"until", format_lsn(needed_until(*offer, request.target))}});
  return ClusterRestore(clock, log)
      .run({.store = *offer->store,
            .backup = offer->base.backup,
            .manifest = manifest,
            .facts = manifest.cluster,
            .keys = request.keys},
           {.directory = request.target_dir, .tablespaces = request.mappings},
           {.target = request.target,
            .timeline = offer->chosen.timeline,
            .backup_timeline = manifest.cluster.timeline,
            .action = request.action,
            .signal = request.standby ? Signal::standby : Signal::recovery,
            .follows_timelines = request.standby,
            .fetch_command = command},
           wal);
}

RecoveryRequest recovery_of_base(const ClusterFacts& facts) {
  return {.timeline = facts.timeline, .backup_timeline = facts.timeline};
}

ClusterReport restore_base(Store& store, const FoundBase& base, const ClusterTarget& target,
                           Clock& clock, Log& log) {
  const Manifest& manifest = base.manifest;
  StoredLogs logs = read_stored_logs(store, manifest.system_identifier, log);
  const RecoveryTarget own_end{.kind = TargetKind::immediate};
  const std::vector<BaseBackup> bases = {base_of(manifest)};
  ChosenBase chosen =
      choose_base(bases, logs,
                  {.target = own_end, .timeline = manifest.cluster.timeline, .id = base.backup.id});
  const Offer offer{.store = &store,
                    .base = base,
                    .log = std::move(logs[manifest.system_identifier]),
                    .chosen = std::move(chosen)};
  WalReader reader(store, manifest.system_identifier, base.keys, &log);
  const WalCopies wal{.names = names_to_copy(offer, own_end),
                      .fetch = [&](const std::string& name, Sink& sink) {
                        static_cast<void>(reader.fetch(name, reader.find(name), sink));
                      }};
  return ClusterRestore(clock, log)
      .run({.store = store,
            .backup = base.backup,
            .manifest = manifest,
            .facts = manifest.cluster,
            .keys = base.keys},
           target, recovery_of_base(manifest.cluster), wal);
}

}  // namespace pgbackup
