#include "backup/restore/hold_back.h"

#include "tests/support/string_sink.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

constexpr size_t kHeldBytes = 65'536;

TEST_CASE("The last 64 KiB of a stream are held back until finish()") {
  std::string all;
  while (all.size() < 500'000) all += std::to_string(all.size());
  for (const size_t step : {size_t{1}, size_t{1000}, kHeldBytes, kHeldBytes + 1, all.size()}) {
    CAPTURE(step);
    StringSink out;
    HoldBackSink hold(out);
    for (size_t at = 0; at < all.size(); at += step) {
      hold.write(std::string_view(all).substr(at, step));
      CHECK(out.bytes.size() + hold.held().size() == hold.bytes());
    }
    CHECK(hold.bytes() == all.size());
    CHECK(hold.held().size() >= kHeldBytes);
    CHECK(hold.held().size() <= 2 * kHeldBytes);
    CHECK(out.bytes + std::string(hold.held()) == all);
    CHECK_FALSE(out.finished);
    hold.finish();
    CHECK(out.bytes == all);
    CHECK(out.finished);
  }
}

TEST_CASE("A stream that is held back as a whole shows nothing before its end") {
  StringSink out;
  HoldBackSink hold(out);
  hold.write("one");
  hold.write("two");
  CHECK(out.bytes.empty());
  CHECK(hold.held() == "onetwo");
  hold.finish();
  CHECK(out.bytes == "onetwo");
}

TEST_CASE("A stream without a byte is finished like any other") {
  StringSink out;
  HoldBackSink hold(out);
  hold.finish();
  CHECK(out.bytes.empty());
  CHECK(out.finished);
}

}  // namespace
}  // namespace pgbackup
