// Writes a backup into every destination: its streams, then the manifest, which makes it one. Each
// destination is complete in itself or holds nothing of the backup, whatever happens to the others.
#pragma once

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
  DumpFormat format = DumpFormat::custom;
  Packing packing{};
  PackingEffort effort{};
};

/// Belongs to one thread. What commit() has not written is deleted again by the destructor, as far
/// as the stores answer.
class BackupWriter {
 public:
  struct Written {
    std::string destination;  ///< its name
    Manifest manifest;        ///< as committed there
  };

  /// Begins the backup `id` of `group`. The destinations, at least one, must outlive the writer.
  BackupWriter(SomeDestinations destinations, std::string group, std::string id, Clock& clock,
               Log& log);
  BackupWriter(const BackupWriter&) = delete;
  BackupWriter& operator=(const BackupWriter&) = delete;
  ~BackupWriter();

  /// Begins a stream in every destination that has not failed. The sink takes uncompressed bytes,
  /// ends the stream with finish(), and lives as long as the writer. Its write() and finish(), and
  /// this function, throw `canceled`, and what the destinations said when none is left. A
  /// destination that fails while others go on is logged at once, and its part is deleted.
  [[nodiscard]] Sink& open_stream(const StreamPlan& plan);

  /// Makes the streams a backup, destination by destination: one that is done does not wait for
  /// the next. `manifest` says what the writer does not know: group, id, streams and the time of
  /// the end are filled in. Throws when no destination has the backup, and when a stream has not
  /// ended.
  void commit(Manifest manifest);

  [[nodiscard]] const std::vector<Written>& written() const { return written_; }
  [[nodiscard]] const std::vector<DestinationFailure>& failures() const { return failures_; }

 private:
  class Stream;
  struct Branch;

  void write(size_t stream, std::string_view bytes);
  void on_each_branch(const std::function<void(Branch&)>& work);
  void commit_to(Branch& branch, Manifest manifest);
  void log_written(const std::string& destination, const Manifest& manifest);
  void drop(Branch& branch, const Error& error);

  std::string group_;
  std::string id_;
  Clock& clock_;
  Log& log_;
  std::vector<Branch> branches_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Written> written_;
  std::vector<DestinationFailure> failures_;
};

}  // namespace pgbackup
