#include "common/store/dir_walk.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/store/dir_store.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

class WalkFixture {
 public:
  TemporaryFolder folder;

  [[nodiscard]] std::set<std::string> walk(std::string_view prefix = "") const {
    std::set<std::string> found;
    walk_files(folder.path(), prefix, [&](const std::string& path, const struct stat& info) {
      CHECK(S_ISREG(info.st_mode));
      CHECK(found.insert(path).second);
    });
    return found;
  }
};

TEST_CASE_METHOD(WalkFixture,
                 "A walk visits the files whose paths from the root start as it is asked to") {
  for (const auto* name : {"a", "app/1/x", "app/2/y", "web/1/z"}) folder.write(name, "x");
  CHECK(walk() == std::set<std::string>{"a", "app/1/x", "app/2/y", "web/1/z"});
  CHECK(walk("app/") == std::set<std::string>{"app/1/x", "app/2/y"});
  CHECK(walk("app/2/") == std::set<std::string>{"app/2/y"});
  CHECK(walk("a") == std::set<std::string>{"a", "app/1/x", "app/2/y"});
  CHECK(walk("app/2") == std::set<std::string>{"app/2/y"});
  CHECK(walk("web/1/z") == std::set<std::string>{"web/1/z"});
  for (const auto* none : {"none/", "app/none/", "a/", "app/1/x/", "b", "x", "app/x", "web/1/zz"}) {
    CHECK(walk(none).empty());
  }
}

TEST_CASE_METHOD(WalkFixture, "A walk follows no link, not even one that it is asked to begin at") {
  const TemporaryFolder elsewhere;
  elsewhere.write("1/secret", "x");
  fs::create_directory_symlink(elsewhere.path(), folder.path() / "link");
  CHECK(walk().empty());
  CHECK(walk("link/").empty());
  CHECK(walk("link/1/").empty());
}

TEST_CASE_METHOD(WalkFixture, "A walk ends at a depth that no key of ours has") {
  std::string path;
  for (int i = 0; i < 3 * kMaxWalkDepth; ++i) path += "d/";
  folder.write(path + "deep", "x");
  folder.write("d/d/shallow", "x");
  CHECK(walk() == std::set<std::string>{"d/d/shallow"});
}

TEST_CASE_METHOD(WalkFixture, "The root may be a link; a root that is gone is an error") {
  folder.write("real/x", "x");
  fs::create_directory_symlink(folder.path() / "real", folder.path() / "link");
  std::set<std::string> found;
  walk_files(folder.path() / "link", "",
             [&](const std::string& path, const struct stat&) { found.insert(path); });
  CHECK(found == std::set<std::string>{"x"});
  CHECK(fails_with(ErrorKind::not_found, "none", [&] {
    walk_files(folder.path() / "none", "", {});
    return 0;
  }));
}

/// Root may read everything.
class WithoutRoot {
 public:
  WithoutRoot() { REQUIRE((!was_root_ || seteuid(65534) == 0)); }
  WithoutRoot(const WithoutRoot&) = delete;
  WithoutRoot& operator=(const WithoutRoot&) = delete;
  ~WithoutRoot() { CHECK((!was_root_ || seteuid(0) == 0)); }

 private:
  bool was_root_ = geteuid() == 0;
};

TEST_CASE_METHOD(WalkFixture,
                 "A directory that may not be read is an error that names it, after all the rest") {
  folder.write("app/1/x", "x");
  folder.write("a/1/x", "x");
  folder.write("web/1/x", "x");
  fs::permissions(folder.path(), fs::perms(0755));
  fs::permissions(folder.path() / "app", fs::perms::none);
  {
    const WithoutRoot others;
    std::set<std::string> found;
    try {
      walk_files(folder.path(), "",
                 [&](const std::string& path, const struct stat&) { found.insert(path); });
      FAIL("nothing was thrown");
    } catch (const PartialListing& error) {
      CHECK(error.kind() == ErrorKind::denied);
      CHECK(error.message().ends_with("/app/: Permission denied"));
      CHECK(error.hint().starts_with("the program runs as user id 65534: chown"));
    }
    CHECK(found == std::set<std::string>{"a/1/x", "web/1/x"});
    CHECK(walk("web/").size() == 1);
    CHECK(walk("w").size() == 1);
    CHECK(fails_with(ErrorKind::denied, "/app", [&] { return walk("app/"); }));
  }
  fs::permissions(folder.path() / "app", fs::perms::owner_all);
}

/// Makes and removes directories at each level of a store, as many writers and pruners would.
class Churn {
 public:
  explicit Churn(const fs::path& root) {
    for (int i = 0; i < 3; ++i) {
      threads_.emplace_back([this, root, i](const std::stop_token& stop) {
        for (int round = 0; !stop.stop_requested(); ++round) turn(root, i, round);
      });
    }
  }

  [[nodiscard]] int rounds() const { return rounds_; }

 private:
  void turn(const fs::path& root, int thread, int round) {
    std::error_code ignored;
    const fs::path group = root / fmt::format("churn{}-{}", thread, round % 7);
    const fs::path id = root / "app0" / fmt::format("19700101T000000Z-{:04x}{:04x}", thread, round);
    for (const fs::path& directory : {group / "1/2", id})
      fs::create_directories(directory, ignored);
    for (const fs::path& directory : {id, group}) fs::remove_all(directory, ignored);
    ++rounds_;
  }

  std::atomic<int> rounds_ = 0;
  std::vector<std::jthread> threads_;  // last: ends first
};

TEST_CASE("Every listing is complete while directories come and go") {
  const TemporaryFolder folder;
  const FakeClock clock;
  DirStore store(folder.path(), clock);
  std::set<std::string> stable;
  for (int group = 0; group < 10; ++group) {
    for (int id = 0; id < 10; ++id) {
      const std::string key =
          fmt::format("app{}/20261120T03150{}Z-00000000/manifest.json", group, id);
      folder.write(key, "{}");
      stable.insert(key);
    }
  }
  const Churn churn(folder.path());
  int incomplete = 0;
  for (int listing = 0; listing < 100 || churn.rounds() < 300; ++listing) {
    std::set<std::string> missing = stable;
    store.list("", [&](const ObjectInfo& object) { missing.erase(object.key); });
    incomplete += missing.empty() ? 0 : 1;
  }
  CHECK(incomplete == 0);
}

}  // namespace
}  // namespace pgbackup
