#include "backup/physical/wal_status.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr UtcTime kBegun{seconds(1795144500)};  // 2026-11-20T03:15:00Z
constexpr seconds kInterval{10};

WalStatus streaming() {
  return {
      .begun = kBegun, .connected_since = kBegun, .stored = {0x5000000}, .server_end = {0x5000000}};
}

bool is_well(const WalStatus& status, UtcTime now) {
  return judge_wal(status, kInterval, now).is_well;
}
std::string sentence(const WalStatus& status, UtcTime now = kBegun) {
  return judge_wal(status, kInterval, now).sentence;
}

TEST_CASE("A stream is well while all that came is stored, however long nothing comes") {
  CHECK(is_well(streaming(), kBegun + std::chrono::days(30)));
  CHECK(sentence(streaming()) == "WAL is stored up to 0/5000000");
}

TEST_CASE("Bytes that wait are late five minutes after they are due") {
  WalStatus status = streaming();
  status.waiting_since = kBegun;
  status.server_end = {0x5100000};
  CHECK(is_well(status, kBegun + kInterval + minutes(5)));
  CHECK_FALSE(is_well(status, kBegun + kInterval + minutes(5) + seconds(1)));
  CHECK(sentence(status).find("1.0 MiB behind the server") != std::string::npos);
  CHECK(sentence(status, kBegun + minutes(9)).find("bytes wait to be stored since") !=
        std::string::npos);
}

TEST_CASE("Without a connection a stream is unwell after the same time, and says why") {
  WalStatus status{.begun = kBegun};
  CHECK(is_well(status, kBegun + minutes(5)));
  CHECK_FALSE(is_well(status, kBegun + minutes(6)));
  CHECK(sentence(status).starts_with("no WAL is stored yet since 2026-11-20T03:15:00Z"));
  status.failing_since = kBegun + minutes(10);
  status.last_error = "PostgreSQL does not answer\nsecond line";
  CHECK(is_well(status, kBegun + minutes(15)));
  CHECK_FALSE(is_well(status, kBegun + minutes(16)));
  CHECK(sentence(status).ends_with("the last failure: PostgreSQL does not answer"));
}

TEST_CASE("Trouble begins with the first byte that waits, or the first failure") {
  WalStatus status = streaming();
  CHECK_FALSE(trouble_since(status));
  status.waiting_since = kBegun + minutes(2);
  CHECK(trouble_since(status) == kBegun + minutes(2));
  status.failing_since = kBegun + minutes(1);
  CHECK(trouble_since(status) == kBegun + minutes(1));
  CHECK(trouble_since({.begun = kBegun}) == kBegun);
}

TEST_CASE("A refusal is unwell at once: no later try mends it") {
  WalStatus status = streaming();
  status.failing_since = kBegun;
  status.last_error = "other content";
  CHECK(is_well(status, kBegun));
  status.is_refused = true;
  CHECK_FALSE(is_well(status, kBegun));
  CHECK(sentence(status).ends_with("the last failure: other content"));
}

TEST_CASE("A gap is unwell at once, whatever else is well") {
  WalStatus status = streaming();
  status.destination = "s3";
  status.gap_found = kBegun;
  status.gap = "the server removed WAL";
  CHECK_FALSE(is_well(status, kBegun));
  CHECK(sentence(status) == "WAL is stored up to 0/5000000 in s3; the server removed WAL");
}

}  // namespace
}  // namespace pgbackup
