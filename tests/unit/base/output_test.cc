#include "common/base/output.h"

#include <cstdio>

#include "common/base/handle.h"
#include "tests/support/captured_output.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};

/// Where every write fails for want of space.
std::unique_ptr<std::FILE, Closer> full() {
  return std::unique_ptr<std::FILE, Closer>(std::fopen("/dev/full", "w"));
}

TEST_CASE("Output for people is there at once, and lost without a word where it cannot be") {
  CapturedOutput out;
  print(out.file(), "one\n");
  CHECK(out.text() == "one\n");
  const auto nowhere = full();
  REQUIRE(nowhere);
  print(nowhere.get(), "lost");
  print(nowhere.get(), std::string(1'000'000, 'x'));
}

TEST_CASE("The result of a command that cannot be written is an error") {
  CapturedOutput out;
  print_result(out.file(), "");
  print_result(out.file(), "all\n");
  CHECK(out.text() == "all\n");
  for (const size_t bytes : {size_t{1}, size_t{1'000'000}}) {
    CAPTURE(bytes);
    const auto nowhere = full();
    CHECK(fails_with(ErrorKind::failed, "cannot write the output: No space left on device",
                     [&] { print_result(nowhere.get(), std::string(bytes, 'x')); }));
  }
}

}  // namespace
}  // namespace pgbackup
