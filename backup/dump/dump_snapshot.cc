#include "backup/dump/dump_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backup/postgres/version_advice.h"
#include "common/base/error.h"

namespace pgbackup {
namespace {

using std::chrono::steady_clock;

/// Begins a transaction and returns the name of its snapshot.
std::string export_snapshot(PgConnection& connection) {
  const bool is_standby =
      connection.query("SELECT pg_catalog.pg_is_in_recovery()").at(0).at(0) == "t";
  if (is_standby && !exports_from_standby(connection.server_version())) {
    throw Error(ErrorKind::failed,
                "snapshots that a standby exports are wrong before the releases of November 2026");
  }
  connection.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  // Whoever waits for an exclusive lock makes everybody wait who comes after.
  connection.query("SET LOCAL lock_timeout = 100");
  connection.query("SET LOCAL row_security = off");
  return connection.query("SELECT pg_catalog.pg_export_snapshot()").at(0).at(0);
}

}  // namespace

std::string obstacle_to_snapshot(const DumpOptions& options) {
  if (!selection_of(options.flags, options.format).empty()) return "the dump is partial";
  for (const GivenDumpFlag& flag : options.flags) {
    if (flag.name == "snapshot" || flag.name == "serializable-deferrable") {
      return fmt::format("PGDUMP_OPTIONS holds --{}", flag.name);
    }
  }
  return "";
}

DumpSnapshot::DumpSnapshot(const PgConfig& config, CountRows which, const std::stop_token& stop)
    : which_(which),
      on_stop_(stop, [this] { stop_.request_stop(); }),
      connection_(std::in_place, config, stop_.get_token()),
      name_(export_snapshot(*connection_)),
      contents_(read_contents(*connection_)) {}

void DumpSnapshot::count() {
  begun_ = steady_clock::now();
  thread_ = std::jthread([this] {
    count_until_stopped();
    connection_.reset();
    done_.set_value();
  });
}

void DumpSnapshot::count_until_stopped() {
  constexpr std::chrono::seconds kCheapLimit{10};
  const bool is_full = which_ == CountRows::full;
  const auto deadline = is_full ? steady_clock::time_point::max() : begun_ + kCheapLimit;
  try {
    count_rows(
        *connection_, which_, [&] { return steady_clock::now() < deadline; }, contents_);
  } catch (...) {
    failure_ = current_error().message();
  }
}

DumpContents DumpSnapshot::take(Log& log) {
  constexpr steady_clock::duration kLeast = std::chrono::seconds(5);
  const auto now = steady_clock::now();
  const auto deadline = now + std::max(now - begun_, kLeast);
  const bool is_done =
      thread_.joinable() && done_.get_future().wait_until(deadline) == std::future_status::ready;
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
  if (!is_done || !failure_.empty()) {
    // The sum would be of some only.
    contents_.further_tables = contents_.further_rows = 0;
    log.info("not all rows that a verification compares could be counted",
             {{"cause", failure_.empty() ? "it took too long" : failure_}});
  }
  std::sort(contents_.rows.begin(), contents_.rows.end());
  return std::move(contents_);
}

SnapshotSource::SnapshotSource(Start start, std::unique_ptr<DumpSnapshot> snapshot, Log& log)
    : start_(std::move(start)),
      snapshot_(std::move(snapshot)),
      log_(log),
      dump_(start_(snapshot_ == nullptr ? "" : snapshot_->name())) {}

size_t SnapshotSource::read(std::span<char> buffer) {
  return std::exchange(is_first_, false) && snapshot_ != nullptr ? read_first(buffer)
                                                                 : dump_->read(buffer);
}

size_t SnapshotSource::read_first(std::span<char> buffer) {
  constexpr std::chrono::minutes kSoon{1};
  const auto begun = steady_clock::now();
  try {
    const size_t got = dump_->read(buffer);
    snapshot_->count();
    return got;
  } catch (...) {
    const Error error = current_failure();
    if (steady_clock::now() - begun > kSoon) throw error;
    log_.info("pg_dump is started again without the snapshot that a verification would need",
              {{"cause", error.message()}});
  }
  snapshot_.reset();
  dump_ = start_("");
  return dump_->read(buffer);
}

std::optional<DumpContents> SnapshotSource::contents() {
  if (snapshot_ == nullptr) return std::nullopt;
  return snapshot_->take(log_);
}

}  // namespace pgbackup
