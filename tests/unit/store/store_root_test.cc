#include "common/store/store_root.h"

#include <set>
#include <string>

#include "common/store/dir_store.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// Stands in for a file system that ignores case: the directory `App` is reached by links of the
/// other spellings that are used here, and a listing of directories shows `App` alone.
class IgnoredCase {
 public:
  TemporaryFolder folder;
  FakeClock clock;
  DirStore store{folder.path(), clock};

  IgnoredCase() {
    store.put("App/1/manifest.json", "{}");
    for (const auto* spelling : {"app", "APP", "aPP"}) {
      fs::create_directory_symlink(folder.path() / "App", folder.path() / spelling);
    }
  }
  [[nodiscard]] std::set<std::string> keys(std::string_view prefix) {
    std::set<std::string> found;
    store.list(prefix, [&](const ObjectInfo& object) { found.insert(object.key); });
    return found;
  }
};

TEST_CASE_METHOD(IgnoredCase, "Where case is ignored, no two databases share a directory") {
  for (const auto* key : {"app/2/manifest.json", "APP/2/manifest.json", "app/1/manifest.json"}) {
    CAPTURE(key);
    CHECK(fails_with(ErrorKind::conflict, "ignores case", [&] {
      store.put(key, "{}");
      return 0;
    }));
    CHECK(fails_with(ErrorKind::conflict, "ignores case", [&] { return store.create(key); }));
  }
  CHECK(keys("") == std::set<std::string>{"App/1/manifest.json"});
  store.put("App/2/manifest.json", "{}");
  CHECK(keys("App/").size() == 2);
}

TEST_CASE_METHOD(IgnoredCase, "Where case is ignored, one database is not taken for another") {
  CHECK(keys("app/").empty());
  CHECK_FALSE(store.stat("app/1/manifest.json"));
  CHECK(fails_with(ErrorKind::not_found, "differs in case",
                   [&] { return store.open("app/1/manifest.json"); }));
  store.remove("app/1/manifest.json");
  CHECK(store.stat("App/1/manifest.json"));
}

TEST_CASE("Where case matters, names that differ only in case are two directories") {
  const TemporaryFolder folder;
  const FakeClock clock;
  DirStore store(folder.path(), clock);
  for (const auto* group : {"App", "app", "APP", "1-2"}) {
    store.put(std::string(group) + "/1/manifest.json", group);
  }
  CHECK(read_small_object(store, "app/1/manifest.json") == "app");
  CHECK(read_small_object(store, "App/1/manifest.json") == "App");
  CHECK(StoreRoot(folder.path()).is_spelled_alike("never-seen/1"));
}

}  // namespace
}  // namespace pgbackup
