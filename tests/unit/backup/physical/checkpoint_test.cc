#include "backup/physical/checkpoint.h"

#include "backup/physical/wal_archive.h"
#include "backup/physical/wal_page.h"
#include "tests/support/age_keys.h"
#include "tests/support/checkpoint.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {
namespace {

const std::string kSystem = "7434812345678901234";
constexpr uint64_t kBytes = kLeastSegmentBytes;
const Lsn kSegment{0x5000000};

struct Fixture {
  FakeClock clock;
  MemoryStore store{clock};
  WalArchive archive{store, kSystem};

  static std::string name(Lsn at) { return segment_name(segment_at(1, at, kBytes), kBytes); }
  void put(Lsn at, const std::string& segment) { archive.put(name(at), segment); }

  std::optional<Error> judge(Lsn position, const std::string& data = checkpoint_data()) {
    return error_of([&] {
      WalReader reader(store, kSystem);
      require_checkpoint(reader, checkpoint_of(make_control_file(position, data)), kBytes);
    });
  }
};

bool is_other_history(const std::optional<Error>& error) {
  return error && error->kind() == ErrorKind::conflict &&
         contains(error->message(), "is of another history than the base backup");
}

}  // namespace

TEST_CASE("The checkpoint of a base backup is found in the stored log", "[checkpoint]") {
  Fixture f;
  std::string segment = make_segment(Fixture::name(kSegment));
  put_checkpoint(segment, 0x2060, checkpoint_data());
  f.put(kSegment, segment);
  CHECK_FALSE(f.judge(Lsn{kSegment.value + 0x2060}));
  // A standby changes the next transaction id in its control file.
  std::string replayed = checkpoint_data();
  replayed[24] = '\x7f';
  CHECK_FALSE(f.judge(Lsn{kSegment.value + 0x2060}, replayed));
}

TEST_CASE("A log of another history is told from that of the base backup", "[checkpoint]") {
  Fixture f;
  std::string segment = make_segment(Fixture::name(kSegment));
  put_checkpoint(segment, 0x2060, checkpoint_data(1));
  f.put(kSegment, segment);
  CHECK(is_other_history(f.judge(Lsn{kSegment.value + 0x2060})));
  CHECK(is_other_history(f.judge(Lsn{kSegment.value + 0x2068}, checkpoint_data(1))));
  CHECK(is_other_history(f.judge(Lsn{kSegment.value + 0x80}, checkpoint_data(1))));
  const auto missing = f.judge(Lsn{kSegment.value + kBytes + 0x80});
  REQUIRE(missing);
  CHECK(missing->kind() == ErrorKind::not_found);
}

TEST_CASE("Whether encrypted WAL is of the same history is not known, and is no error",
          "[checkpoint]") {
  const NoBrokenPipe no_broken_pipe;
  const AgeKeys recipients = age_keys(kRecipient);
  Fixture f;
  std::string segment = make_segment(Fixture::name(kSegment));
  put_checkpoint(segment, 0x2060, checkpoint_data(1));
  WalArchive(f.store, kSystem, kEncrypted, {.zstd_threads = 1, .keys = &recipients})
      .put(Fixture::name(kSegment), segment);
  const Lsn position{kSegment.value + 0x2060};
  CHECK_FALSE(f.judge(position));
  const AgeKeys identity = age_keys("", kIdentity);
  WalReader reader(f.store, kSystem, &identity);
  const auto judge = [&](uint64_t number) {
    return error_of([&] {
      require_checkpoint(
          reader, checkpoint_of(make_control_file(position, checkpoint_data(number))), kBytes);
    });
  };
  CHECK_FALSE(judge(1));
  CHECK(is_other_history(judge(2)));
}

TEST_CASE("The record of a checkpoint may go on in the next page and the next segment",
          "[checkpoint]") {
  for (const bool is_last_page : {false, true}) {
    CAPTURE(is_last_page);
    Fixture f;
    const size_t border = is_last_page ? kBytes : 3 * 8192;
    const std::string record = checkpoint_record(checkpoint_data());
    const size_t front = 32;
    std::string segment = make_segment(Fixture::name(kSegment));
    segment.replace(border - front, front, record.substr(0, front));
    std::string next = make_segment(Fixture::name(Lsn{kSegment.value + kBytes}));
    const std::string rest = record.substr(front);
    if (is_last_page) {
      next.replace(kWalPageHeaderBytes, rest.size(), rest);
    } else {
      segment.replace(border + 24, rest.size(), rest);
    }
    f.put(kSegment, segment);
    const Lsn position{kSegment.value + border - front};
    if (is_last_page) CHECK(is_other_history(f.judge(position)));  // the rest is not there yet
    f.put(Lsn{kSegment.value + kBytes}, next);
    CHECK_FALSE(f.judge(position));
    CHECK(is_other_history(f.judge(position, checkpoint_data(2))));
  }
}

}  // namespace pgbackup
