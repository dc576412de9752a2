#include "common/store/dir_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "common/store/dir_store.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

const std::string kKey = "app/20261120T031500Z-9f3a1c2b/app.dump.zst";

class WriterFixture {
 public:
  TemporaryFolder folder;
  FakeClock clock;
  DirStore store{folder.path(), clock};

  [[nodiscard]] fs::path temporary() const {
    for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
      if (entry.path().filename().string().starts_with(kTemporaryPrefix)) return entry.path();
    }
    FAIL("no temporary file");
    return {};
  }
  /// The descriptor through which it is written.
  [[nodiscard]] int descriptor() const {
    const fs::path file = temporary();
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code ignored;
      if (fs::read_symlink(entry.path(), ignored) == file) {
        return std::stoi(entry.path().filename().string());
      }
    }
    FAIL("no descriptor");
    return -1;
  }
  void redirect(const fs::path& to) const {
    const int other = ::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(dup2(other, descriptor()) >= 0);
    close(other);
  }
  [[nodiscard]] bool is_visible() { return store.stat(kKey).has_value(); }
};

TEST_CASE_METHOD(WriterFixture, "Bytes that others write into the file make finish() fail") {
  const auto writer = store.create(kKey);
  writer->write("abc");
  std::ofstream(temporary(), std::ios::app) << "a log line\n";
  CHECK(fails_with(ErrorKind::corrupt, "holds 14 bytes, but 3 were written", [&] {
    writer->finish();
    return 0;
  }));
  CHECK_FALSE(is_visible());
}

TEST_CASE_METHOD(WriterFixture,
                 "Nothing is written behind a symbolic link, where no listing looks") {
  const TemporaryFolder elsewhere;
  fs::create_directory_symlink(elsewhere.path(), folder.path() / "app");
  CHECK(fails_with(ErrorKind::conflict, "is a symbolic link", [&] { return store.create(kKey); }));
  CHECK(fs::is_empty(elsewhere.path()));
}

TEST_CASE_METHOD(WriterFixture, "A file that was cut makes finish() fail") {
  const auto writer = store.create(kKey);
  writer->write("abc");
  fs::resize_file(temporary(), 1);
  CHECK(fails_with(ErrorKind::corrupt, "holds 1 bytes, but 3 were written", [&] {
    writer->finish();
    return 0;
  }));
  CHECK_FALSE(is_visible());
}

TEST_CASE_METHOD(WriterFixture, "A descriptor that became another file's makes finish() fail") {
  const TemporaryFolder elsewhere;
  const auto writer = store.create(kKey);
  SECTION("before the first byte, so that its size is right") { redirect(elsewhere.path() / "x"); }
  writer->write("abc");
  SECTION("in the middle") { redirect(elsewhere.path() / "x"); }
  writer->write("def");
  CHECK(fails_with(ErrorKind::corrupt, "were written", [&] {
    writer->finish();
    return 0;
  }));
  CHECK_FALSE(is_visible());
}

TEST_CASE_METHOD(WriterFixture,
                 "A backup directory that is gone or replaced is told so by all calls") {
  folder.write("app/1/x", "x");
  const fs::path root = folder.path();
  const fs::path moved = root.string() + "-moved";
  const auto writer = store.create(kKey);
  writer->write("abc");
  fs::rename(root, moved);
  SECTION("removed") {}
  SECTION("another one in its place, as when a volume is unmounted") { fs::create_directory(root); }
  const auto is_told = [](const auto& call) {
    return fails_with(ErrorKind::not_found, "is no longer the one that was opened", call);
  };
  CHECK(is_told([&] {
    writer->finish();
    return 0;
  }));
  CHECK(is_told([&] {
    store.put("app/1/y", "y");
    return 0;
  }));
  CHECK(is_told([&] {
    store.list("", [](const ObjectInfo&) {});
    return 0;
  }));
  CHECK(is_told([&] {
    store.list_unfinished([](const UnfinishedWrite&) {});
    return 0;
  }));
  CHECK(is_told([&] { return store.stat("app/1/x"); }));
  CHECK(is_told([&] { return store.open("app/1/x"); }));
  CHECK(is_told([&] {
    store.remove("app/1/x");
    return 0;
  }));
  CHECK(fs::exists(moved / "app/1/x"));
  fs::remove_all(root);
  fs::rename(moved, root);
}

}  // namespace
}  // namespace pgbackup
