#include "backup/physical/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "backup/physical/wal_archive.h"
#include "backup/physical/wal_page.h"
#include "common/base/error.h"

namespace pgbackup {
namespace {

// In the control file: the position of the checkpoint, and a copy of the data of its record, which
// begins with the position from which recovery starts, and the timeline.
constexpr size_t kPositionAt = 32;
constexpr size_t kCopyAt = 40;
constexpr size_t kTimelineAt = kCopyAt + 8;

// In the log: pages with headers, and records of a header, an id, a length and data.
constexpr uint64_t kPageBytes = 8192;
constexpr uint64_t kPageHeaderBytes = 24;
constexpr size_t kManagerAt = 17;
constexpr size_t kDataIdAt = 24;
constexpr size_t kDataAt = kDataIdAt + 2;
constexpr char kShortData = '\xff';
constexpr size_t kMostRecordBytes = kDataAt + 255;

/// Where a standby changes the copy in its control file while it replays: the next transaction id.
constexpr size_t kChangedFrom = 24;
constexpr size_t kChangedTo = 40;

/// Returns a number in the byte order of x86-64 and ARM.
uint64_t parse_number(std::string_view bytes) {
  uint64_t number = 0;
  for (auto at = bytes.rbegin(); at != bytes.rend(); ++at) {
    number = number << 8U | static_cast<unsigned char>(*at);
  }
  return number;
}

/// Keeps the bytes from `begin` on, as many as wanted.
class WindowSink final : public Sink {
 public:
  WindowSink(uint64_t begin, size_t wanted) : skip_(begin), wanted_(wanted) {}
  void write(std::string_view more) override {
    const auto skipped = static_cast<size_t>(std::min<uint64_t>(skip_, more.size()));
    skip_ -= skipped;
    bytes += more.substr(skipped, wanted_ - bytes.size());
  }
  void finish() override {}
  std::string bytes;

 private:
  uint64_t skip_;
  size_t wanted_;
};

/// Returns the bytes of the log from `position` on, without the headers of pages. There are fewer
/// than a record may have where the stored log ends; nullopt where that cannot be read.
std::optional<std::string> read_log(WalReader& reader, Timeline timeline, Lsn position,
                                    uint64_t segment_bytes) {
  std::string log;
  while (log.size() < kMostRecordBytes) {
    const WalSegment segment = segment_at(timeline, position, segment_bytes);
    const std::string name = segment_name(segment, segment_bytes);
    const uint64_t in_segment = position.value - start_of(segment, segment_bytes).value;
    const uint64_t in_page = in_segment % kPageBytes;
    const uint64_t header = in_page > 0      ? 0
                            : in_segment > 0 ? kPageHeaderBytes
                                             : uint64_t{kWalPageHeaderBytes};
    const size_t wanted = std::min<size_t>(kMostRecordBytes - log.size(),
                                           static_cast<size_t>(kPageBytes - in_page - header));
    WindowSink window(in_segment + header, wanted);
    const StoredSegment stored = reader.find(name);
    if (!log.empty() && !stored.is_whole() && stored.pieces.empty()) break;
    if (!reader.can_read(stored)) return std::nullopt;
    static_cast<void>(reader.fetch(name, stored, window));
    log += window.bytes;
    position.value += header + wanted;
  }
  return log;
}

/// Returns the data of the record at the front of the log; an empty string unless the record is a
/// checkpoint's.
std::string_view checkpoint_data(std::string_view log) {
  constexpr char kLogManager = 0;
  if (log.size() <= kDataAt || log[kManagerAt] != kLogManager || log[kDataIdAt] != kShortData) {
    return {};
  }
  const std::string_view data = log.substr(kDataAt, static_cast<unsigned char>(log[kDataIdAt + 1]));
  return data.size() < kChangedTo ? std::string_view() : data;
}

bool is_same(std::string_view data, std::string_view copy) {
  return !data.empty() && data.substr(0, kChangedFrom) == copy.substr(0, kChangedFrom) &&
         data.substr(kChangedTo) ==
             copy.substr(kChangedTo, data.size() - std::min(data.size(), kChangedTo));
}

}  // namespace

Checkpoint checkpoint_of(std::string_view control_file) {
  return {.position = Lsn{parse_number(control_file.substr(kPositionAt, 8))},
          .timeline = static_cast<Timeline>(parse_number(control_file.substr(kTimelineAt, 4))),
          .copy = std::string(control_file.substr(kCopyAt, 255))};
}

void require_checkpoint(WalReader& reader, const Checkpoint& checkpoint, uint64_t segment_bytes) {
  const std::optional<std::string> log =
      read_log(reader, checkpoint.timeline, checkpoint.position, segment_bytes);
  if (!log || is_same(checkpoint_data(*log), checkpoint.copy)) return;
  throw Error(ErrorKind::conflict,
              fmt::format("the stored WAL is of another history than the base backup: it lacks the "
                          "server's checkpoint at {} of timeline {}",
                          format_lsn(checkpoint.position), checkpoint.timeline),
              std::string(kOtherHistoryHint));
}

}  // namespace pgbackup
