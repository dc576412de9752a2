#include "common/codec/handoff.h"

#include "common/base/error.h"
#include "tests/error_of.h"
#include "tests/test.h"

namespace pgbackup {
namespace {

class Recorder final : public Sink {
 public:
  void write(std::string_view bytes) override {
    if (text.size() >= fail_after) throw Error(ErrorKind::failed, "disk full");
    text += bytes;
  }
  void finish() override {
    if (fails_to_finish) throw Error(ErrorKind::failed, "not confirmed");
    finished = true;
  }

  std::string text;
  size_t fail_after = SIZE_MAX;
  bool fails_to_finish = false;
  bool finished = false;
};

std::string numbers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i) + "\n";
  return text;
}

TEST_CASE("Bytes come out of the other thread of a handoff as they went in") {
  const std::string all = numbers(500'000);
  for (const size_t step : {size_t{1000}, size_t{65'536}, kPumpBytes, all.size()}) {
    CAPTURE(step);
    Recorder out;
    HandoffSink handoff(out);
    for (size_t at = 0; at < all.size(); at += step) handoff.write(all.substr(at, step));
    handoff.finish();
    CHECK(out.finished);
    CHECK(out.text == all);
  }
}

TEST_CASE("An empty stream is finished through a handoff") {
  Recorder out;
  HandoffSink handoff(out);
  handoff.finish();
  CHECK(out.finished);
  CHECK(out.text.empty());
}

TEST_CASE("What fails behind a handoff fails in front of it") {
  Recorder out;
  out.fail_after = 3 * kPumpBytes;
  HandoffSink handoff(out);
  const std::string block(kPumpBytes, 'x');
  CHECK(fails_with(ErrorKind::failed, "disk full", [&] {
    for (int i = 0; i < 100; ++i) handoff.write(block);
  }));
  CHECK_FALSE(out.finished);
}

TEST_CASE("A failure behind a handoff at the very end is not lost") {
  for (const bool in_write : {true, false}) {
    CAPTURE(in_write);
    Recorder out;
    if (in_write) out.fail_after = 0;
    out.fails_to_finish = true;
    HandoffSink handoff(out);
    handoff.write("x");
    CHECK(fails_with(ErrorKind::failed, in_write ? "disk full" : "not confirmed",
                     [&] { handoff.finish(); }));
    CHECK_FALSE(out.finished);
  }
}

TEST_CASE("An abandoned handoff leaves what is behind it unfinished") {
  Recorder out;
  {
    HandoffSink handoff(out);
    handoff.write(std::string(3 * kPumpBytes + 1, 'x'));
  }
  CHECK_FALSE(out.finished);
  CHECK(out.text.size() <= 3 * kPumpBytes);
}

}  // namespace
}  // namespace pgbackup
