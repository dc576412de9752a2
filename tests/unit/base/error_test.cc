#include "common/base/error.h"

#include <filesystem>
#include <future>
#include <ios>
#include <new>
#include <stdexcept>
#include <system_error>

#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

template <class Exception>
Error translated(const Exception& exception) {
  try {
    throw exception;
  } catch (...) {
    return current_error();
  }
}

std::filesystem::filesystem_error refusal() {
  return {"cannot look", "/backups/app", std::make_error_code(std::errc::permission_denied)};
}

TEST_CASE("Whatever is thrown, one function makes an Error of it") {
  const Error own(ErrorKind::corrupt, "damaged", "take another");
  CHECK(translated(own).kind() == ErrorKind::corrupt);
  CHECK(translated(own).hint() == "take another");
  CHECK(translated(refusal()).kind() == ErrorKind::denied);
  CHECK(translated(refusal()).message().find("/backups/app") != std::string::npos);
  const std::system_error gone(ENOENT, std::system_category(), "open");
  CHECK(translated(gone).kind() == ErrorKind::not_found);
  const std::system_error no_thread(EAGAIN, std::system_category(), "thread");
  CHECK(translated(no_thread).kind() == ErrorKind::failed);
  // Its code is 1, which as an errno would be EPERM.
  CHECK(translated(std::ios_base::failure("stream")).kind() == ErrorKind::failed);
  CHECK(translated(std::bad_alloc()).message() == "out of memory");
  CHECK(translated(std::out_of_range("at")).message() == "unexpected error: at");
  CHECK(translated(7).message() == "unexpected error: an exception of an unknown type");
}

TEST_CASE("A stop request is no failure of one part: it goes on through") {
  const auto isolate = [](const auto& exception) {
    try {
      throw exception;
    } catch (...) {
      return current_failure();
    }
  };
  CHECK(isolate(std::bad_alloc()).kind() == ErrorKind::failed);
  CHECK(isolate(Error(ErrorKind::transient, "away")).kind() == ErrorKind::transient);
  CHECK(fails_with(ErrorKind::canceled, "stopped",
                   [&] { isolate(Error(ErrorKind::canceled, "stopped")); }));
}

TEST_CASE("A context is put in front of whatever leaves its body") {
  CHECK(fails_with(ErrorKind::denied, "backup of app: ", [] {
    with_context("backup of app", [] { throw refusal(); });
  }));
  CHECK(with_context("nothing wrong", [] { return 7; }) == 7);
}

}  // namespace
}  // namespace pgbackup
