// The write-ahead log: a key that is taken for ours is exactly the one that we would write, a
// history leads from older timelines to newer ones, and a page tells sizes that exist.
#include "common/catalog/wal.h"

#include "backup/physical/wal_page.h"
#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

/// `bytes` as what was found in a store.
void check_key(std::string_view bytes) {
  const std::optional<WalKey> key = parse_wal_key(bytes);
  if (!key) return;
  require(format_wal_key(*key) == bytes, "a key of ours is the one that we would write");
  const bool is_encrypted = key->packing.encryption != Encryption::none;
  require(key->token.empty() || (is_encrypted && key->token.size() == 8),
          "only what is encrypted has a token");
  require(is_system_id(key->system_id), "a key names a server");
  require(wal_file_kind(key->name).has_value(), "a key names a file of the log");
  require(key->is_piece == (key->begin < key->end), "a piece holds bytes");
  require(key->end <= kMostSegmentBytes, "a piece lies within a segment");
}

/// `bytes` as the name of a file.
void check_name(std::string_view bytes) {
  for (const uint64_t size : {kLeastSegmentBytes, kDefaultSegmentBytes, kMostSegmentBytes}) {
    const std::optional<WalSegment> segment = parse_segment_name(bytes, size);
    if (!segment) continue;
    require(segment_name(*segment, size) == bytes, "a segment has one name");
    require(segment_at(segment->timeline, start_of(*segment, size), size) == *segment,
            "a segment begins with its first byte");
  }
  if (wal_file_kind(bytes)) require(timeline_of(bytes) != 0, "a file has a timeline");
}

void check_lsn(std::string_view bytes) {
  if (const std::optional<Lsn> lsn = parse_lsn(bytes)) {
    require(parse_lsn(format_lsn(*lsn)) == lsn, "a position survives its text form");
  }
}

void check_history(std::string_view bytes) {
  const std::vector<TimelineSwitch> switches = parse_history(bytes);
  require(!switches.empty(), "a history names a timeline");
  Timeline last = 0;
  for (const TimelineSwitch& step : switches) {
    require(step.parent > last, "timelines go up");
    last = step.parent;
  }
}

void check_page(std::string_view bytes) {
  const WalPage page = read_wal_page(bytes);
  require(is_segment_size(page.segment_bytes), "a segment has a size that exists");
  require(page.start.value % page.segment_bytes == 0, "a segment begins at its border");
  const WalSegment segment = segment_at(page.timeline, page.start, page.segment_bytes);
  const std::string name = segment_name(segment, page.segment_bytes);
  check_wal_page(page, name, page.system_id);
  SegmentCheck check(name, page.system_id);
  check.see(bytes);
  require(check.page().has_value(), "a segment that begins like this is seen");
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  const std::string_view bytes = as_text(data, size);
  check_key(bytes);
  check_name(bytes);
  check_lsn(bytes);
  expect_corrupt_at_most([&] { check_history(bytes); });
  expect_corrupt_at_most([&] { check_page(bytes); });
  return 0;
}
