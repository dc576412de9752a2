#include "common/codec/relay_sink.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "tests/support/error_of.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

/// Neither constant nor a multiple of a block.
std::string sample() {
  std::string text;
  while (text.size() < 5 * kCopyBytes) text += std::to_string(text.size()) + "\n";
  return text;
}

/// Fails when it has taken `most` bytes.
class FailingSink final : public Sink {
 public:
  explicit FailingSink(size_t most) : most_(most) {}
  void write(std::string_view bytes) override {
    taken += bytes.size();
    if (taken >= most_) throw Error(ErrorKind::failed, "the disk is full");
  }
  void finish() override { finished = true; }
  size_t taken = 0;
  bool finished = false;

 private:
  size_t most_;
};

/// Takes nothing until it is told to.
class WaitingSink final : public Sink {
 public:
  void write(std::string_view bytes) override {
    may_take.wait(false);
    taken += bytes.size();
  }
  void finish() override {}
  std::atomic<bool> may_take = false;
  std::atomic<size_t> taken = 0;
};

}  // namespace

TEST_CASE("Everything passes a relay in order, whatever the sizes", "[relay]") {
  const std::string all = sample();
  for (const size_t chunk :
       {size_t{1000}, kCopyBytes - 1, kCopyBytes, kCopyBytes + 1, all.size()}) {
    StringSink end;
    RelaySink relay(end);
    for (size_t i = 0; i < all.size(); i += chunk) {
      relay.write(std::string_view(all).substr(i, chunk));
    }
    CHECK_FALSE(end.finished);
    relay.finish();
    CHECK(end.finished);
    CHECK(end.bytes == all);
  }
}

TEST_CASE("A relay that nothing was written to finishes what follows", "[relay]") {
  StringSink end;
  RelaySink relay(end);
  relay.write("");
  relay.finish();
  CHECK(end.finished);
  CHECK(end.bytes.empty());
}

TEST_CASE("A failure behind a relay reaches the writer, and nothing more is passed on", "[relay]") {
  FailingSink end(2 * kCopyBytes);
  RelaySink relay(end);
  const auto error = error_of([&] {
    while (true) relay.write(std::string(kCopyBytes, 'x'));
  });
  REQUIRE(error);
  CHECK(std::string(error->what()) == "the disk is full");
  CHECK(end.taken == 2 * kCopyBytes);
  CHECK(error_of([&] { relay.finish(); }));
  CHECK_FALSE(end.finished);
}

TEST_CASE("A failure at the last bytes makes finish() fail", "[relay]") {
  FailingSink end(1);
  RelaySink relay(end);
  static_cast<void>(error_of([&] { relay.write("x"); }));
  CHECK(error_of([&] { relay.finish(); }));
  CHECK_FALSE(end.finished);
}

TEST_CASE("A relay is abandoned without its end", "[relay]") {
  StringSink end;
  {
    RelaySink relay(end);
    relay.write("begin");
  }
  CHECK_FALSE(end.finished);
}

TEST_CASE("A relay holds a bounded number of bytes", "[relay]") {
  WaitingSink end;
  std::atomic<size_t> written = 0;
  std::jthread writer;
  RelaySink relay(end);
  writer = std::jthread([&] {
    for (int i = 0; i < 20; ++i) {
      relay.write(std::string(kCopyBytes, 'x'));
      written += kCopyBytes;
    }
    relay.finish();
  });
  while (written < 8 * kCopyBytes) std::this_thread::yield();
  CHECK(written == 8 * kCopyBytes);  // one of them is being written
  end.may_take = true;
  end.may_take.notify_all();
  writer.join();
  CHECK(end.taken == 20 * kCopyBytes);
}

}  // namespace pgbackup
