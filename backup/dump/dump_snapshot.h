// pg_dump under a snapshot that it shares with a connection of ours, which notes meanwhile what the
// database holds. Nothing here makes a backup fail: whoever cannot share a snapshot dumps without.
// https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "backup/dump/dump_options.h"
#include "backup/dump/dump_source.h"
#include "backup/postgres/connection.h"
#include "backup/postgres/contents.h"
#include "common/base/log.h"
#include "common/catalog/dump_contents.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// Returns why what a dump with these options holds cannot be compared, or why it shares no
/// snapshot; an empty string where nothing speaks against it.
[[nodiscard]] std::string obstacle_to_snapshot(const DumpOptions& options);

class DumpSnapshot {
 public:
  /// Connects, exports a snapshot and reads everything but the rows. Throws Error where the server
  /// gives none, and where it is a standby whose exported snapshots are wrong.
  DumpSnapshot(const PgConfig& config, CountRows which, const std::stop_token& stop);
  DumpSnapshot(const DumpSnapshot&) = delete;
  DumpSnapshot& operator=(const DumpSnapshot&) = delete;
  ~DumpSnapshot() { stop_.request_stop(); }

  /// Returns the name for `pg_dump --snapshot`.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Begins to count rows, in a thread. To be called once pg_dump has the snapshot.
  void count();
  /// Ends the counting and returns what was found. Small tables may take 10 s from count() on, and
  /// all of it as long again as the dump took, and 5 s at least. Logs why not all could be counted.
  [[nodiscard]] DumpContents take(Log& log);

 private:
  void count_until_stopped();

  CountRows which_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_stop_;
  std::optional<PgConnection> connection_;
  std::string name_;
  DumpContents contents_;
  std::chrono::steady_clock::time_point begun_{};
  std::string failure_;
  std::promise<void> done_;
  std::jthread thread_;  // last: ends before what it uses
};

/// Reads what pg_dump writes, under a snapshot where there is one.
class SnapshotSource final : public Source {
 public:
  /// Makes the source of a dump, with the name of a snapshot, or without where it is empty.
  using Start = std::function<std::unique_ptr<DumpSource>(const std::string& snapshot)>;

  SnapshotSource(Start start, std::unique_ptr<DumpSnapshot> snapshot, Log& log);

  /// Reads as DumpSource does. Starts pg_dump again without the snapshot where it has ended within
  /// a minute and written nothing: a role may be limited to one connection, and several hosts may
  /// be several servers.
  size_t read(std::span<char> buffer) override;

  /// To be called after the end.
  [[nodiscard]] DumpSource& dump() { return *dump_; }
  /// Returns what the database held; nullopt where there was no snapshot. To be called once, after
  /// the end.
  [[nodiscard]] std::optional<DumpContents> contents();

 private:
  size_t read_first(std::span<char> buffer);

  Start start_;
  std::unique_ptr<DumpSnapshot> snapshot_;
  Log& log_;
  bool is_first_ = true;
  std::unique_ptr<DumpSource> dump_;
};

}  // namespace pgbackup
