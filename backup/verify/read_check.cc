#include "backup/verify/read_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "backup/postgres/dump_format.h"
#include "backup/postgres/sql_guard.h"
#include "common/base/error.h"
#include "common/catalog/recovery_window.h"
#include "common/catalog/sealed.h"
#include "common/catalog/stored_log.h"
#include "common/catalog/stored_stream.h"
#include "common/codec/packing.h"
#include "common/codec/progress.h"

namespace pgbackup {
namespace {

/// Keeps the end of SQL, by which it shows that it is complete.
class SqlTailSink final : public Sink {
 public:
  void write(std::string_view bytes) override {
    tail_ += bytes.substr(bytes.size() - std::min(bytes.size(), kEndBytes));
    tail_.erase(0, tail_.size() - std::min(tail_.size(), kEndBytes));
  }
  void finish() override {}
  [[nodiscard]] const std::string& tail() const { return tail_; }

 private:
  std::string tail_;
};

/// Lets pg_restore turn an archive into SQL that goes nowhere.
class ArchiveReader final : public Sink {
 public:
  ArchiveReader(const ClientProgram& pg_restore, const VerifyMeans& means)
      : process_({.argv = {pg_restore.path.string(), "--format=custom", "--file=/dev/null"},
                  .environment = client_environment(means.environment, false)},
                 means.stop) {}
  void write(std::string_view bytes) override {
    if (process_.write(bytes)) return;
    process_.wait();
    fail();
  }
  void finish() override {
    process_.close_stdin();
    if (!process_.wait()) fail();
  }

 private:
  [[noreturn]] void fail() {
    const bool was_killed = process_.was_killed();  // which says nothing about the archive
    throw Error(was_killed ? ErrorKind::failed : ErrorKind::corrupt,
                fmt::format("pg_restore cannot read the archive: it {}: {}", process_.status_text(),
                            process_.errors()),
                was_killed ? kKilledHint : "");
  }

  Process process_;
};

/// Copies the objects of a stream through the chain `packed` and finishes it.
void copy_stored(Store& store, const Backup& backup, const ManifestStream& stream, Sink& packed) {
  require_objects(store, backup, stream);
  copy_objects(store, backup, stream, packed);
  packed.finish();
}

void unpack_into(Sink& sink, Store& store, const Backup& backup, const ManifestStream& stream,
                 const VerifyMeans& means) {
  StreamCheck checked(sink, stream);
  const std::unique_ptr<Sink> unpacked = unpack(checked, stream.packing, means.keys);
  uint64_t total = 0;
  for (const ManifestObject& object : stream.objects) total += object.bytes;
  ProgressSink progress(*unpacked, {.what = backup.group.name(), .total = total}, means.clock,
                        means.log);
  copy_stored(store, backup, stream, progress);
}

void read_archive(Store& store, const Backup& backup, const Manifest& manifest,
                  const VerifyMeans& means) {
  const std::vector<ClientProgram> found =
      find_clients("pg_restore", means.bindir, means.environment, means.stop);
  ArchiveReader reader(choose_client(found, "pg_restore", manifest.client_version), means);
  unpack_into(reader, store, backup, manifest.streams.front(), means);
}

/// Reads SQL as a restore would: a refusal of SqlCheck means that none can take it.
void read_sql(Store& store, const Backup& backup, const Manifest& manifest,
              const VerifyMeans& means) {
  const ManifestStream& stream = manifest.streams.front();
  SqlTailSink tail;
  if (backup.group.kind() == GroupKind::globals) {
    unpack_into(tail, store, backup, stream, means);
    if (tail.tail().find("-- PostgreSQL database cluster dump complete") == std::string::npos) {
      throw Error(ErrorKind::corrupt, "the SQL does not end as pg_dumpall ends it");
    }
    return;
  }
  SqlCheck check(tail);
  try {
    unpack_into(check, store, backup, stream, means);
    check.judge_end();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::failed) throw;
    throw Error(ErrorKind::corrupt, error.message());
  }
  if (!is_complete_sql(tail.tail())) {
    throw Error(ErrorKind::corrupt, "the SQL does not end as pg_dump ends it");
  }
}

}  // namespace

void require_wal(Store& store, const Manifest& manifest, Log& log) {
  const StoredLogs logs = read_stored_logs(store, manifest.system_identifier, log);
  const auto own = logs.find(manifest.system_identifier);
  const BaseBackup base{.id = manifest.id,
                        .system_identifier = manifest.system_identifier,
                        .finished = manifest.finished,
                        .facts = manifest.cluster};
  const Recovery recovery =
      find_recovery(std::span(&base, 1), own == logs.end() ? StoredLog() : own->second);
  if (recovery.stranded.empty()) return;
  throw Error(ErrorKind::failed,
              fmt::format("the WAL that it needs is not stored: {} is missing or incomplete",
                          missing_segment(recovery.stranded.front())),
              "find out whether WAL is still on its way; without it the backup cannot be restored");
}

uint64_t check_stored(Store& store, const Backup& backup, const Manifest& manifest) {
  const std::vector<const ManifestObject*> objects = manifest.objects();
  for (const ManifestObject* const object : objects) require_object(store, backup, *object);
  uint64_t bytes = 0;
  for (const ManifestObject* const object : objects) {
    check_object(store, backup, *object);
    bytes += object->bytes;
  }
  return bytes;
}

uint64_t check_archive(Store& store, const Backup& backup, const Manifest& manifest,
                       const VerifyMeans& means) {
  require_private(manifest);
  if (backup.group.kind() == GroupKind::cluster) {
    NullSink nowhere;
    for (const ManifestStream& stream : manifest.streams) {
      unpack_into(nowhere, store, backup, stream, means);
    }
  } else if (manifest.streams.front().format == StreamFormat::custom) {
    read_archive(store, backup, manifest, means);
  } else {
    read_sql(store, backup, manifest, means);
  }
  return manifest.stored_bytes();
}

}  // namespace pgbackup
