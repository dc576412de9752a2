#include "backup/physical/base_backup_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "backup/physical/base_check.h"
#include "backup/physical/checkpoint.h"
#include "backup/physical/tar.h"
#include "backup/physical/wal_server.h"
#include "backup/physical/wal_stream.h"
#include "backup/physical/wal_wait.h"
#include "common/base/due.h"
#include "common/base/error.h"
#include "common/base/units.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

constexpr std::chrono::minutes kLeastWalPatience{5};
/// How long a base backup waits for the streams of WAL that begin together with it.
constexpr std::chrono::seconds kStreamPatience{30};
/// How long the server gets to end the replacement of a file that it has sent torn.
constexpr std::chrono::seconds kReplacementPause{1};

/// Looks at nothing: the archive of a tablespace is only checked for its form.
class NoVisitor final : public TarVisitor {
 public:
  void begin(const TarMember& /*member*/) override {}
  void write(std::string_view /*bytes*/) override {}
  void end() override {}
};

/// Returns whether nobody else stores the WAL that the base backup needs.
bool must_stream(WalStreaming wal_stream, ReplicationConnection& server, bool from_standby) {
  switch (wal_stream) {
    case WalStreaming::here:
      return true;
    case WalStreaming::elsewhere:
      return false;
    case WalStreaming::off:
      return !is_archiving(server.show("archive_mode"), from_standby);
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

/// Returns the WAL of a base backup.
NeededWal needed_wal(const Manifest& manifest) {
  return {.system_id = manifest.system_identifier,
          .timeline = manifest.cluster.timeline,
          .begin = manifest.cluster.start,
          .end = manifest.cluster.end,
          .segment_bytes = manifest.cluster.segment_bytes,
          .patience = {}};
}

}  // namespace

bool is_archiving(std::string_view archive_mode, bool is_standby) {
  return archive_mode == "always" || (archive_mode == "on" && !is_standby);
}

std::chrono::seconds wal_patience(std::chrono::seconds flush_interval) {
  return std::max<std::chrono::seconds>(kLeastWalPatience, 2 * flush_interval);
}

/// Writes what the server sends into the streams of the backup, and checks it on the way. Calls
/// `require_wal` again and again, which throws when the backup can no longer succeed.
class BaseBackupJob::Receiver final : public BaseBackupReceiver {
 public:
  Receiver(const BaseBackupConfig& config, BackupWriter& writer, Clock& clock, Log& log,
           std::function<void()> require_wal)
      : config_(config),
        writer_(writer),
        clock_(clock),
        log_(log),
        require_wal_(std::move(require_wal)) {}

  void begin(const BackupStart& start) override {
    start_ = start;
    uint64_t bytes = 0;
    for (const BackupArchive& archive : start.archives) bytes += archive.kilobytes * 1024;
    progress_.emplace(outlet_,
                      ProgressOf{.what = "_cluster", .total = bytes, .count = config_.progress},
                      clock_, log_);
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
    require_wal_();
    if (parser_) parser_->write(bytes);
    progress_->write(bytes);
  }

  void end_stream() override {
    if (parser_) parser_->finish();
    parser_.reset();
    if (is_base_) {
      check_->require_complete();
      checkpoint_ = checkpoint_of(check_->control_file());
    }
    outlet_.stream->finish();
  }

  [[nodiscard]] const BackupStart& start() const { return start_; }
  [[nodiscard]] const Checkpoint& checkpoint() const { return checkpoint_; }

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
  std::function<void()> require_wal_;
  BackupStart start_;
  bool is_base_ = false;
  Checkpoint checkpoint_;
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
          WalStreamContext{
              .pg = config.pg, .open = config.open, .destination = destination->name()},
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
  void require(const std::string& destination) const {
    for (const Stream& one : streams_) {
      if (one.destination() != destination) continue;
      if (const std::optional<Error> error = one.failure()) throw Error(*error);
    }
  }

  /// Throws why the streams have ended, when none is left.
  void require_any() const {
    std::vector<DestinationFailure> failures;
    for (const Stream& one : streams_) {
      const std::optional<Error> error = one.failure();
      if (!error) return;
      failures.push_back({one.destination(), *error});
    }
    throw join_failures(failures);
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
    [[nodiscard]] std::string destination() const { return stream.status().destination; }
    /// Returns why the stream has ended.
    [[nodiscard]] std::optional<Error> failure() const {
      const std::lock_guard lock(mutex);
      return error ? std::optional(error->within(kWalJob)) : std::nullopt;
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
  Log log(log_, {{"database", group.name()}, {"run", run_.id}});
  try {
    with_context(fmt::format("backup of {}", group.name()),
                 [&] { make(destinations, outcome, log); });
  } catch (...) {
    outcome.error = current_failure();
  }
  return outcome;
}

/// Makes a base backup, and once more when the server sent a torn file.
void BaseBackupJob::make(const SomeDestinations& destinations, BackupOutcome& outcome, Log& log) {
  std::unique_ptr<OwnWal> wal;  // goes on from the first attempt to the second
  try {
    return take(destinations, wal, outcome, log);
  } catch (const TornFile& torn) {
    log.warn("the base backup is taken again", {{"cause", torn.message()}});
  }
  outcome = {};
  clock_.sleep(kReplacementPause, stop_);
  take(destinations, wal, outcome, log);
}

void BaseBackupJob::take(const SomeDestinations& destinations, std::unique_ptr<OwnWal>& wal,
                         BackupOutcome& outcome, Log& log) {
  ReplicationConnection server(config_.pg(), stop_);
  const Group group = Group::cluster();
  log.info("backing up", {{"to", locations(destinations, backup_folder(group, run_.id))},
                          {"server", format_pg_version(server.server_version())}});
  Manifest manifest = describe(server);
  if (wal == nullptr) wal = start_wal(server, manifest.cluster.from_standby, destinations);
  BackupWriter writer(destinations, group, run_.id, clock_, log);
  try {
    Receiver receiver(config_, writer, clock_, log, [&] {
      if (wal != nullptr) wal->require_any();
    });
    const BackupEnd end = take_base_backup(server,
                                           {.label = fmt::format("pg-backup {}", run_.id),
                                            .checkpoint = config_.checkpoint,
                                            .max_rate_kib = config_.max_rate / 1024},
                                           receiver);
    manifest.cluster.start = receiver.start().position;
    manifest.cluster.end = end.position;
    manifest.cluster.timeline = receiver.start().timeline;
    manifest.cluster.tablespaces = tablespaces_of(receiver.start());
    manifest.cluster.clock_ahead = find_clock_ahead(server, log);
    NeededWal range = needed_wal(manifest);
    range.patience = wal_patience(config_.flush_interval);
    writer.commit(std::move(manifest), [&](const Destination& destination) {
      wait_for_wal(destination.store(), range, clock_, stop_, [&] {
        if (wal != nullptr) wal->require(destination.name());
      });
      WalReader reader(destination.store(), range.system_id);
      require_checkpoint(reader, receiver.checkpoint(), range.segment_bytes);
    });
  } catch (...) {
    outcome.failures = writer.failures();
    throw;
  }
  report_written(writer, outcome, log);
}

/// Returns how far the server's clock is ahead of the one by which backups are dated.
std::chrono::seconds BaseBackupJob::find_clock_ahead(ReplicationConnection& server, Log& log) {
  /// Two clocks that are both right may differ so much, and the answer takes a while.
  constexpr std::chrono::seconds kLeastDifference{2};
  const std::optional<UtcTime> there = ask_time(server);
  if (!there) return {};
  const std::chrono::seconds ahead = *there - clock_.now();
  if (std::chrono::abs(ahead) <= kLeastDifference) return {};
  log.warn("the server's clock is not that of the backups: a target time is one of the server",
           {{ahead.count() > 0 ? "ahead" : "behind", format_duration(std::chrono::abs(ahead))}});
  return ahead;
}

/// Sees to it that somebody stores the WAL from before the base backup begins. Returns the streams
/// of the run, where it must do so itself.
std::unique_ptr<BaseBackupJob::OwnWal> BaseBackupJob::start_wal(
    ReplicationConnection& server, bool is_standby, const SomeDestinations& destinations) {
  if (config_.wal_stream == WalStreaming::elsewhere) wait_for_streams(destinations);
  if (!must_stream(config_.wal_stream, server, is_standby)) return nullptr;
  auto wal = std::make_unique<OwnWal>(config_, run_.id, destinations, clock_, log_);
  wal->start(clock_, stop_);
  wal->require_any();
  return wal;
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
Manifest BaseBackupJob::describe(ReplicationConnection& server) const {
  Manifest manifest;
  manifest.started = clock_.now();
  manifest.tool = fmt::format("pg-backup {}", PROJECT_VERSION);
  manifest.server_version = server.server_version();
  manifest.system_identifier = server.identify_system().system_id;
  manifest.cluster.segment_bytes = read_position(server).segment_bytes;
  manifest.cluster.from_standby = is_standby(server);
  manifest.groups = run_.groups;
  if (config_.schedule) {
    manifest.next_due = next_due_after(run_.started, *config_.schedule) + config_.jitter;
  }
  return manifest;
}

}  // namespace pgbackup
