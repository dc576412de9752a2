// Writes a backup into every destination: its streams, then the manifest, which makes them a
// backup. Each destination holds the whole backup or nothing of it, whatever happens to the others.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/manifest.h"
#include "common/codec/packing.h"
#include "common/codec/sink.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Says what a stream is called and how it is stored.
struct StreamPlan {
  std::string name;  ///< the file's name without its suffixes, `[A-Za-z0-9._=-]`
  StreamFormat format = StreamFormat::custom;
  Packing packing{};
  PackingEffort effort{};
};

/// Says what the time of a backup went into. The parts add up to the whole.
struct StageTimes {
  std::chrono::nanoseconds read{0};    ///< waiting for PostgreSQL, and everything else
  std::chrono::nanoseconds pack{0};    ///< hashing and compressing
  std::chrono::nanoseconds store{0};   ///< waiting for the destinations to take bytes
  std::chrono::nanoseconds commit{0};  ///< confirming the objects, and writing the manifests
};

/// Writes one backup; used by one thread. The destructor deletes what commit() has not written, as
/// far as the stores answer.
class BackupWriter {
 public:
  struct Written {
    std::string destination;  ///< the name of the destination
    Manifest manifest;        ///< as committed there
  };

  /// Begins the backup `id` of `group`. The destinations, at least one, must outlive the writer.
  BackupWriter(const SomeDestinations& destinations, Group group, std::string id, Clock& clock,
               Log& log);
  BackupWriter(const BackupWriter&) = delete;
  BackupWriter& operator=(const BackupWriter&) = delete;
  ~BackupWriter();

  /// Begins a stream in every destination that has not failed. The sink takes uncompressed bytes,
  /// ends the stream with finish(), and lives as long as the writer. open_stream(), and write() and
  /// finish() of the sink, throw `canceled`, and the errors of the destinations when none is left.
  /// A destination that fails while others go on is logged at once, and its part is deleted. Throws
  /// `failed` where only some streams of the backup would be encrypted.
  [[nodiscard]] Sink& open_stream(const StreamPlan& plan);

  /// Makes the streams a backup, one destination after the other; none waits for the next. The
  /// writer fills in the manifest's group, id, streams and time of the end; the caller fills in the
  /// rest. What is private in the manifest of encrypted streams is encrypted with their keys, and
  /// stored beside them. Before the manifest is written to a destination, `confirm` is called,
  /// which throws when something else that the backup needs is not there. Throws when no
  /// destination has the backup, and when a stream has not ended.
  void commit(Manifest manifest, const std::function<void(const Destination&)>& confirm = {});

  [[nodiscard]] const std::vector<Written>& written() const { return written_; }
  [[nodiscard]] const std::vector<DestinationFailure>& failures() const { return failures_; }
  /// Returns where the time went since the writer was made.
  [[nodiscard]] StageTimes stages() const;

 private:
  class Stream;
  struct Branch;

  void write(size_t stream, std::string_view bytes);
  void on_each_branch(const std::function<void(Branch&)>& work);
  void finish_streams(Branch& branch);
  [[nodiscard]] std::string seal(Manifest& manifest) const;
  void commit_to(Branch& branch, Manifest manifest, const std::string& sealed);
  void log_written(const std::string& destination, const Manifest& manifest);
  void drop(Branch& branch, const Error& error);
  void withdraw(Branch& branch, ErrorKind cause) noexcept;

  Group group_;
  std::string id_;
  Clock& clock_;
  Log& log_;
  std::chrono::steady_clock::time_point begun_;
  StageTimes spent_;  ///< all but `read`
  std::vector<Branch> branches_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Written> written_;
  std::vector<DestinationFailure> failures_;
};

}  // namespace pgbackup
