#include "common/codec/sink.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/error_of.h"
#include "tests/test.h"

namespace pgbackup {
namespace {

/// Keeps what arrives until it was let go, and fails where a test wants it to.
class Branch final : public Sink {
 public:
  static constexpr size_t kNever = SIZE_MAX;

  void write(std::string_view more) override {
    REQUIRE_FALSE(is_gone);
    if (writes++ == fails_at_write) throw Error(kind, "write failed");
    bytes += more;
  }
  void finish() override {
    REQUIRE_FALSE(is_gone);
    if (fails_at_finish) throw Error(kind, "finish failed");
    is_finished = true;
  }

  size_t fails_at_write = kNever;
  bool fails_at_finish = false;
  ErrorKind kind = ErrorKind::failed;
  std::string bytes;
  size_t writes = 0;
  bool is_finished = false;
  bool is_gone = false;
};

struct Fixture {
  Branch one;
  Branch two;
  std::vector<std::string> failures;
  Tee tee{{&one, &two}, [this](Sink& sink, const Error& error) {
            auto& branch = dynamic_cast<Branch&>(sink);
            branch.is_gone = true;
            failures.push_back((&branch == &one ? "one: " : "two: ") + error.message());
          }};

  void write_all() {
    for (const char* const bytes : {"a", "b", "c"}) tee.write(bytes);
    tee.finish();
  }
};

TEST_CASE("Every sink of a tee gets all bytes and is finished") {
  Fixture f;
  f.write_all();
  CHECK(f.one.bytes == "abc");
  CHECK(f.two.bytes == "abc");
  CHECK((f.one.is_finished && f.two.is_finished));
  CHECK(f.failures.empty());
}

TEST_CASE("A sink that fails at any point is let go at once, and the other gets everything") {
  for (const size_t at : {size_t{0}, size_t{1}, size_t{2}, Branch::kNever}) {
    for (const bool is_first : {true, false}) {
      CAPTURE(at, is_first);
      Fixture f;
      Branch& bad = is_first ? f.one : f.two;
      Branch& good = is_first ? f.two : f.one;
      bad.fails_at_write = at;
      bad.fails_at_finish = at == Branch::kNever;
      f.write_all();
      CHECK(good.bytes == "abc");
      CHECK(good.is_finished);
      CHECK(bad.is_gone);
      CHECK_FALSE(bad.is_finished);
      REQUIRE(f.failures.size() == 1);
      CHECK(f.failures[0] == std::string(is_first ? "one: " : "two: ") +
                                 (at == Branch::kNever ? "finish failed" : "write failed"));
    }
  }
}

TEST_CASE("When the last sink of a tee fails its failure is thrown") {
  Fixture f;
  f.one.fails_at_write = 0;
  f.two.fails_at_write = 1;
  f.two.kind = ErrorKind::denied;
  CHECK(fails_with(ErrorKind::denied, "write failed", [&] { f.write_all(); }));
  CHECK(f.failures.size() == 2);

  Fixture end;
  end.one.fails_at_finish = true;
  end.two.fails_at_finish = true;
  CHECK(fails_with(ErrorKind::failed, "finish failed", [&] { end.write_all(); }));
  CHECK(end.failures == std::vector<std::string>{"one: finish failed", "two: finish failed"});
}

TEST_CASE("A stop is nobody's failure: a tee passes it on at once") {
  for (const bool in_finish : {false, true}) {
    Fixture f;
    f.one.kind = ErrorKind::canceled;
    (in_finish ? f.one.fails_at_finish : f.one.is_finished) = in_finish;
    if (!in_finish) f.one.fails_at_write = 1;
    CHECK(fails_with(ErrorKind::canceled, "failed", [&] { f.write_all(); }));
    CHECK(f.failures.empty());
    CHECK_FALSE(f.two.is_finished);
  }
}

}  // namespace
}  // namespace pgbackup
