#include "backup/physical/base_backup_job.h"

#include <fmt/format.h>

#include <charconv>
#include <deque>
#include <memory>
#include <thread>
#include <utility>

#include "backup/physical/base_check.h"
#include "backup/physical/tar.h"
#include "backup/physical/wal_server.h"
#include "backup/physical/wal_stream.h"
#include "backup/physical/wal_wait.h"
#include "common/base/due.h"
#include "common/base/error.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/progress.h"

namespace pgbackup {
namespace {

/// How long nothing of the WAL may come after the end of the base backup.
constexpr std::chrono::minutes kWalPatience{5};
/// How long a base backup waits for the streams of WAL that begin together with it.
constexpr std::chrono::seconds kStreamPatience{30};

/// Looks at nothing: the archive of a tablespace is only checked for its form.
class NoVisitor final : public TarVisitor {
 public:
  void begin(const TarMember& /*member*/) override {}
  void write(std::string_view /*bytes*/) override {}
  void end() override {}
};

/// Returns whether the server says that it is a standby; false for version 13, which does not say.
bool is_standby(ReplicationConnection& server) {
  constexpr int kSaysSince = 140000;
  return server.server_version() >= kSaysSince && server.show("in_hot_standby") == "on";
}

/// Returns whether nobody else stores the WAL that the base backup needs.
bool must_stream(WalStreaming wal_stream, ReplicationConnection& server) {
  switch (wal_stream) {
    case WalStreaming::here:
      return true;
    case WalStreaming::elsewhere:
      return false;
    case WalStreaming::off:
      return server.show("archive_mode") == "off";
  }
  return true;
}

/// Returns what the manifest says of the tablespaces. The server names them by OID.
std::vector<TablespaceFacts> tablespaces_of(const BackupStart& start) {
  std::vector<TablespaceFacts> all;
  for (const BackupArchive& archive : start.archives) {
    if (archive.name == kBaseArchive) continue;
    uint32_t oid = 0;
    const char* const end = archive.name.data() + archive.name.size();
    if (std::from_chars(archive.name.data(), end, oid).ptr != end) {
      throw protocol_error("a tablespace without an OID");
    }
    all.push_back({.oid = oid, .location = archive.location, .bytes = archive.kilobytes * 1024});
  }
  return all;
}

}  // namespace

/// Writes what the server sends into the streams of the backup, and checks it on the way.
class BaseBackupJob::Receiver final : public BaseBackupReceiver {
 public:
  Receiver(const BaseBackupConfig& config, BackupWriter& writer, Clock& clock, Log& log)
      : config_(config), writer_(writer), clock_(clock), log_(log) {}

  void begin(const BackupStart& start) override {
    start_ = start;
    uint64_t bytes = 0;
    for (const BackupArchive& archive : start.archives) bytes += archive.kilobytes * 1024;
    progress_.emplace(outlet_, "_cluster", bytes, clock_, log_);
  }

  void begin_stream(const std::string& name) override {
    const bool is_list = name == kBackupManifest;
    outlet_.stream =
        &writer_.open_stream({.name = name,
                              .format = is_list ? StreamFormat::manifest : StreamFormat::tar,
                              .packing = config_.packing,
                              .effort = config_.effort});
    is_base_ = name == kBaseArchive;
    if (is_base_) {
      check_.emplace();
      parser_.emplace(*check_);
    } else if (!is_list) {
      parser_.emplace(no_visitor_);
    }
  }

  void data(std::string_view bytes) override {
    if (parser_) parser_->write(bytes);
    progress_->write(bytes);
  }

  void end_stream() override {
    if (parser_) parser_->finish();
    parser_.reset();
    if (is_base_) check_->require_complete();
    outlet_.stream->finish();
  }

  [[nodiscard]] const BackupStart& start() const { return start_; }

 private:
  /// Passes on to the present stream, so that the progress is that of all of them together.
  struct Outlet final : public Sink {
    void write(std::string_view bytes) override { stream->write(bytes); }
    void finish() override {}
    Sink* stream = nullptr;
  };

  const BaseBackupConfig& config_;
  BackupWriter& writer_;
  Clock& clock_;
  Log& log_;
  BackupStart start_;
  bool is_base_ = false;
  NoVisitor no_visitor_;
  std::optional<BaseCheck> check_;
  std::optional<TarParser> parser_;
  Outlet outlet_;
  std::optional<ProgressSink> progress_;
};

/// Streams the WAL of the run into each destination, from before the base backup begins, each in a
/// thread of its own.
class BaseBackupJob::OwnWal {
 public:
  OwnWal(const BaseBackupConfig& config, const std::string& id,
         const SomeDestinations& destinations, Clock& clock, Log& log) {
    for (const Destination* const destination : destinations) {
      // The last 8 characters of an id are its random ones; the slot ends with its connection.
      streams_.emplace_back(
          WalStreamSettings{
              .slot = fmt::format("pg_backup_{}{}", id.substr(id.size() - 8), destination->name()),
              .life = SlotLife::temporary,
              .flush_interval = kFlushInterval,
              .packing = config.packing,
              .effort = config.effort},
          WalStreamContext{.pg = [&config] { return config.pg.with_database(""); },
                           .open = config.open,
                           .destination = destination->name()},
          clock, log);
    }
  }

  /// Waits until each stream has its slot, or has failed.
  void start(Clock& clock, const std::stop_token& stop) {
    for (Stream& one : streams_) one.start();
    for (const Stream& one : streams_) {
      while (!one.has_begun()) {
        clock.sleep(std::chrono::milliseconds(20), stop);
        if (stop.stop_requested()) throw Error(ErrorKind::canceled, "stopped");
      }
    }
  }

  /// Throws why the stream to the destination has ended.
  void check(const std::string& destination) const {
    for (const Stream& one : streams_) {
      if (one.stream.status().destination == destination) one.check();
    }
  }

 private:
  static constexpr std::chrono::seconds kFlushInterval{1};

  struct Stream {
    Stream(WalStreamSettings settings, WalStreamContext context, Clock& clock, Log& log)
        : stream(std::move(settings), std::move(context), clock, log) {}
    void start() {
      thread = std::jthread([this](const std::stop_token& stop) {
        try {
          stream.stream(stop);
        } catch (...) {
          const std::lock_guard lock(mutex);
          error = current_error();
        }
      });
    }
    [[nodiscard]] bool has_begun() const {
      const std::lock_guard lock(mutex);
      return error || stream.status().connected_since;
    }
    void check() const {
      const std::lock_guard lock(mutex);
      if (error) throw error->within(kWalJob);
    }

    WalStream stream;
    mutable std::mutex mutex;
    std::optional<Error> error;
    std::jthread thread;  // last: ends before what it uses
  };

  std::deque<Stream> streams_;
};

BaseBackupJob::BaseBackupJob(BaseBackupConfig config, RunInfo run, Clock& clock, Log& log,
                             std::stop_token stop)
    : config_(std::move(config)),
      run_(std::move(run)),
      clock_(clock),
      log_(log),
      stop_(std::move(stop)) {}

BackupOutcome BaseBackupJob::back_up(const Group& group, const SomeDestinations& destinations) {
  BackupOutcome outcome;
  try {
    with_context(fmt::format("backup of {}", group.name()), [&] { make(destinations, outcome); });
  } catch (...) {
    outcome.error = current_failure();
  }
  return outcome;
}

void BaseBackupJob::make(const SomeDestinations& destinations, BackupOutcome& outcome) {
  ReplicationConnection server(config_.pg.with_database(""), stop_);
  const std::string system_id = server.identify_system().system_id;
  const uint64_t segment_bytes = read_position(server).segment_bytes;
  const bool from_standby = is_standby(server);
  const Group group = Group::cluster();
  log_.info(fmt::format("backing up {}", group.name()),
            {{"id", run_.id},
             {"to", locations(destinations, backup_folder(group, run_.id))},
             {"server", format_pg_version(server.server_version())}});
  if (config_.wal_stream == WalStreaming::elsewhere) wait_for_streams(destinations);
  std::optional<OwnWal> wal;
  if (must_stream(config_.wal_stream, server)) {
    wal.emplace(config_, run_.id, destinations, clock_, log_);
    wal->start(clock_, stop_);
  }
  Manifest manifest = describe(server);
  manifest.system_identifier = system_id;
  BackupWriter writer(destinations, group, run_.id, clock_, log_);
  try {
    Receiver receiver(config_, writer, clock_, log_);
    const BackupEnd end = take_base_backup(server,
                                           {.label = fmt::format("pg-backup {}", run_.id),
                                            .checkpoint = config_.checkpoint,
                                            .max_rate_kib = config_.max_rate / 1024},
                                           receiver);
    const BackupStart& start = receiver.start();
    manifest.cluster = {.start = start.position,
                        .end = end.position,
                        .timeline = start.timeline,
                        .segment_bytes = segment_bytes,
                        .from_standby = from_standby,
                        .tablespaces = tablespaces_of(start)};
    const NeededWal range{.system_id = system_id,
                          .timeline = start.timeline,
                          .begin = start.position,
                          .end = end.position,
                          .segment_bytes = segment_bytes};
    writer.commit(std::move(manifest), [&](const Destination& destination) {
      wait_for_wal(destination.store(), range, kWalPatience, clock_, stop_, [&] {
        if (wal) wal->check(destination.name());
      });
    });
  } catch (...) {
    outcome.failures = writer.failures();
    throw;
  }
  report_written(writer, outcome, log_);
}

/// Waits until the WAL is streamed, which began together with this run. Where it is not after a
/// while, the backup begins nevertheless: its commit finds out which destination lacks WAL.
void BaseBackupJob::wait_for_streams(const SomeDestinations& destinations) {
  const auto give_up = clock_.steady() + kStreamPatience;
  for (const Destination* const destination : destinations) {
    while (!config_.states->last_success(kWalJob, Group::cluster(), destination->name()) &&
           clock_.steady() < give_up) {
      clock_.sleep(std::chrono::milliseconds(50), stop_);
      if (stop_.stop_requested()) throw Error(ErrorKind::canceled, "stopped");
    }
  }
}

/// Returns a manifest with everything that is known before the base backup.
Manifest BaseBackupJob::describe(const ReplicationConnection& server) const {
  Manifest manifest;
  manifest.started = clock_.now();
  manifest.tool = fmt::format("pg-backup {}", PROJECT_VERSION);
  manifest.server_version = server.server_version();
  manifest.groups = run_.groups;
  if (config_.schedule) {
    manifest.next_due = next_due_after(run_.started, *config_.schedule) + config_.jitter;
  }
  return manifest;
}

}  // namespace pgbackup
