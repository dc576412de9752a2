#include "backup/physical/cluster_restore.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "backup/physical/tar.h"
#include "backup/physical/tree_writer.h"
#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/catalog/sealed.h"
#include "common/catalog/stored_stream.h"
#include "common/codec/packing.h"
#include "common/codec/progress.h"
#include "common/codec/relay_sink.h"

namespace pgbackup {
namespace {

/// Returns the names of the streams in the order in which they are restored: the file without which
/// no server starts is the last of the last one.
std::vector<std::string> archive_names(const ClusterFacts& facts) {
  std::vector<std::string> names;
  for (const TablespaceFacts& tablespace : facts.tablespaces) {
    names.push_back(fmt::to_string(tablespace.oid));
  }
  names.emplace_back(kBaseStream);
  return names;
}

const ManifestStream& find_stream(const Manifest& manifest, std::string_view name) {
  const auto found =
      std::find_if(manifest.streams.begin(), manifest.streams.end(),
                   [&](const ManifestStream& stream) { return stream.name == name; });
  if (found == manifest.streams.end()) {
    throw damaged(fmt::format("the manifest names no stream '{}'", name));
  }
  return *found;
}

/// Throws unless the manifest names what a base backup consists of, and nothing else.
void check_streams(const StoredCluster& cluster) {
  const std::vector<std::string> names = archive_names(cluster.facts);
  for (const std::string& name : names) static_cast<void>(find_stream(cluster.manifest, name));
  static_cast<void>(find_stream(cluster.manifest, kFileListStream));
  if (cluster.manifest.streams.size() != names.size() + 1) {
    throw Error(ErrorKind::failed, "it holds more than a base backup consists of",
                "update pg-backup");
  }
  for (const ManifestStream& stream : cluster.manifest.streams) {
    require_objects(cluster.store, cluster.backup, stream);
  }
}

/// Returns what the marker of an unfinished restore says.
std::string story_of(const StoredCluster& cluster, const std::vector<TablespacePlace>& places,
                     UtcTime now) {
  std::string story = fmt::format(
      "pg-backup began to restore {} into this directory at {}\n"
      "No server can start in it. Delete everything here, and in the tablespaces that follow, and "
      "restore again.\n",
      cluster.backup.folder(), format_iso(now));
  for (const TablespacePlace& place : places) story += place.directory.string() + "\n";
  return story;
}

/// Throws `corrupt` unless the list is of the same server and the same positions as the manifest.
/// A list of version 1 names no server.
void check_list(const FileList& list, const StoredCluster& cluster) {
  const std::string& system = cluster.manifest.system_identifier;
  if (!list.system_identifier().empty() && !system.empty() && list.system_identifier() != system) {
    throw damaged(fmt::format("the backup_manifest is of the server {}, the manifest of {}",
                              list.system_identifier(), system));
  }
  Lsn begin{UINT64_MAX};
  Lsn end;
  for (const WalRange& range : list.wal_ranges()) {
    begin = std::min(begin, range.begin);
    end = std::max(end, range.end);
  }
  if (begin == cluster.facts.start && end == cluster.facts.end) return;
  throw damaged(
      fmt::format("the backup_manifest needs the WAL from {} to {}, the manifest that "
                  "from {} to {}",
                  format_lsn(begin), format_lsn(end), format_lsn(cluster.facts.start),
                  format_lsn(cluster.facts.end)));
}

/// Copies one file. Throws `corrupt` for a segment that is damaged or has another size.
void copy_wal_file(const FetchWal& fetch, const std::string& name, uint64_t segment_bytes,
                   Sink& file) {
  HashSink counted(file);
  fetch(name, counted);
  counted.finish();
  const bool is_segment = wal_file_kind(name) == WalFileKind::segment;
  if (is_segment && counted.bytes() != segment_bytes) {
    throw Error(ErrorKind::corrupt,
                fmt::format("the stored WAL segment {} has {} bytes, and not {}", name,
                            counted.bytes(), segment_bytes));
  }
}

/// Copies one file from the first store, and else from the other one. Throws what the first did.
void copy_from_any(const WalCopies& wal, const std::string& name, uint64_t segment_bytes,
                   RestoredDirectory& directory, Log& log) {
  const std::string copy = fmt::format("{}/{}", kCopiedWal, name);
  try {
    return copy_wal_file(wal.fetch, name, segment_bytes, *directory.create(copy));
  } catch (const Error& error) {
    directory.remove(copy);
    if (!wal.fetch_elsewhere || error.kind() != ErrorKind::corrupt) throw;
    try {
      copy_wal_file(wal.fetch_elsewhere, name, segment_bytes, *directory.create(copy));
    } catch (...) {
      log.debug("the other destination has no good copy", {{"cause", current_failure().message()}});
      directory.remove(copy);
      throw error;  // NOLINT(cert-err60-cpp, misc-throw-by-value-catch-by-reference)
    }
    log.warn("the other destination has what is damaged here", {{"cause", error.message()}});
  }
}

/// Returns the position up to which a recovery cannot do without WAL, as far as that is known: a
/// position is reached by a record that begins there or behind it.
Lsn needed_end(const ClusterFacts& facts, const RecoveryTarget& target) {
  return target.kind == TargetKind::lsn ? std::max(facts.end, Lsn{target.lsn.value + 1})
                                        : facts.end;
}

uint64_t bytes_of(const FileList& list) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < list.size(); ++i) bytes += list.bytes(i);
  return bytes;
}

}  // namespace

ClusterReport ClusterRestore::run(const StoredCluster& cluster, const ClusterTarget& target,
                                  const RecoveryRequest& recovery, const WalCopies& wal) {
  const auto begun = clock_.steady();
  return with_context(fmt::format("restore of {}", cluster.backup.folder()), [&] {
    require_private(cluster.manifest);
    check_streams(cluster);
    std::vector<TablespacePlace> places =
        place_tablespaces(cluster.facts.tablespaces, target.tablespaces, target.directory);
    require_space_for(cluster, target, places, wal);
    RestoredDirectory directory(target.directory, places, story_of(cluster, places, clock_.now()));
    if (directory.owner() && directory.owner()->user == 0) {
      log_.warn(
          "the directory belongs to root, as which no server runs: change the owner of everything "
          "in it before the start",
          {{"directory", target.directory.string()}});
    }
    const FileList list = with_damage_hint([&] { return fetch_file_list(cluster, directory); });
    FileRecord record(list);
    with_damage_hint([&] {
      unpack_files(cluster, directory, record);
      record.require_all();
    });
    copy_wal(wal, cluster, recovery.target, directory);
    directory.finish({recovery_settings(recovery), recovery.signal});
    return ClusterReport{
        .files = list.size(),
        .bytes = bytes_of(list),
        .tablespaces = std::move(places),
        .elapsed = std::chrono::duration_cast<std::chrono::seconds>(clock_.steady() - begun)};
  });
}

void ClusterRestore::require_space_for(const StoredCluster& cluster, const ClusterTarget& target,
                                       const std::vector<TablespacePlace>& places,
                                       const WalCopies& wal) {
  const auto bytes_of_stream = [&](std::string_view name) {
    return find_stream(cluster.manifest, name).uncompressed_bytes;
  };
  const uint64_t wal_bytes = wal.names.size() * cluster.facts.segment_bytes;
  std::vector<SpaceNeed> needs = {
      {target.directory,
       bytes_of_stream(kBaseStream) + bytes_of_stream(kFileListStream) + wal_bytes}};
  for (const TablespacePlace& place : places) {
    needs.push_back({place.directory, bytes_of_stream(fmt::to_string(place.oid))});
  }
  refuse_occupied(target.directory);
  for (const TablespacePlace& place : places) refuse_occupied(place);
  for (const std::string& sentence : require_space(needs)) {
    log_.info("about the space", {{"note", sentence}});
  }
}

/// Copies a stream, checked and unpacked, and finishes the sink.
void ClusterRestore::unpack_to(const StoredCluster& cluster, std::string_view stream, Sink& sink) {
  const ManifestStream& described = find_stream(cluster.manifest, stream);
  uint64_t stored = 0;
  for (const ManifestObject& object : described.objects) stored += object.bytes;
  StreamCheck checked(sink, described);
  RelaySink relay(checked);  // to read and unpack takes as long as to check and write
  const std::unique_ptr<Sink> unpacked = unpack(relay, described.packing, cluster.keys);
  ProgressSink progress(*unpacked, {.what = described.name, .total = stored}, clock_, log_);
  copy_objects(cluster.store, cluster.backup, described, progress);
  progress.finish();
}

/// Leaves the list in the data directory, where pg_verifybackup looks for it.
FileList ClusterRestore::fetch_file_list(const StoredCluster& cluster,
                                         RestoredDirectory& directory) {
  const std::string name(kFileListStream);
  unpack_to(cluster, name, *directory.create(name));
  FileList list(*directory.open(name));
  check_list(list, cluster);
  return list;
}

void ClusterRestore::unpack_files(const StoredCluster& cluster, const RestoredDirectory& directory,
                                  FileRecord& record) {
  const auto unpack_archive = [&](std::string_view stream, TreeRoot root) {
    TreeWriter writer(std::move(root), record);
    TarParser parser(writer);
    unpack_to(cluster, stream, parser);
  };
  for (const TablespaceFacts& tablespace : cluster.facts.tablespaces) {
    unpack_archive(fmt::to_string(tablespace.oid), directory.tablespace_root(tablespace.oid));
  }
  unpack_archive(kBaseStream, directory.root());
}

void ClusterRestore::copy_wal(const WalCopies& wal, const StoredCluster& cluster,
                              const RecoveryTarget& target, RestoredDirectory& directory) {
  for (const std::string& name : wal.names) {
    try {
      copy_from_any(wal, name, cluster.facts.segment_bytes, directory, log_);
    } catch (const Error& error) {
      const std::optional<WalSegment> segment =
          parse_segment_name(name, cluster.facts.segment_bytes);
      if (error.kind() != ErrorKind::corrupt || !segment) throw;
      const Lsn begin = start_of(*segment, cluster.facts.segment_bytes);
      if (begin < needed_end(cluster.facts, target)) throw;
      log_.warn(
          "a damaged segment is left out: recovery ends before it, and finds no target behind it",
          {{"segment", name}, {"ends", format_lsn(begin)}, {"cause", error.message()}});
    }
  }
}

}  // namespace pgbackup
