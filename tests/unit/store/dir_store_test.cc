#include "common/store/dir_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "common/codec/digest.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/unfinished.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

const std::string kOld = "app/20261119T031500Z-9f3a1c2b";
const std::string kNew = "app/20261120T031500Z-9f3a1c2b";

class DirStoreFixture {
 public:
  TemporaryFolder folder;
  FakeClock clock;
  DirStore store{folder.path(), clock};

  [[nodiscard]] std::set<std::string> keys(std::string_view prefix = "") {
    std::set<std::string> found;
    store.list(prefix, [&](const ObjectInfo& object) { found.insert(object.key); });
    return found;
  }
  /// Everything that lies there, folders included.
  [[nodiscard]] size_t entries() const {
    size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
      count += entry.exists() || entry.is_symlink() ? 1 : 0;
    }
    return count;
  }
  StoredObject write(const std::string& key, std::string_view bytes) {
    const auto writer = store.create(key);
    writer->write(bytes);
    writer->finish();
    REQUIRE(writer->stored().size() == 1);
    return writer->stored()[0];
  }
  [[nodiscard]] fs::path latest() const { return folder.path() / "app" / "latest"; }
};

TEST_CASE_METHOD(DirStoreFixture, "A finished writer has its size and digest, and private files") {
  const StoredObject object = write(kNew + "/app.dump.zst", "abc");
  CHECK(object.key == kNew + "/app.dump.zst");
  CHECK(object.bytes == 3);
  CHECK(object.sha256 == sha256_hex("abc"));
  struct stat info {};
  REQUIRE(::stat((folder.path() / object.key).c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600);
  REQUIRE(::stat((folder.path() / kNew).c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0700);
}

TEST_CASE_METHOD(DirStoreFixture, "An abandoned writer leaves nothing, not even a folder") {
  {
    const auto writer = store.create(kNew + "/app.dump.zst");
    writer->write("abc");
    CHECK(keys().empty());
    CHECK(unfinished_of(store).size() == 1);
  }
  CHECK(entries() == 0);
  write(kOld + "/app.dump.zst", "abc");
  { const auto writer = store.create(kOld + "/app.dump.zst.0001"); }
  CHECK(keys() == std::set<std::string>{kOld + "/app.dump.zst"});
  CHECK(unfinished_of(store).empty());
}

TEST_CASE_METHOD(DirStoreFixture, "What a killed writer left is an unfinished write, no object") {
  const fs::path left = folder.write(kNew + "/.tmp-0a1b2c3d-app.dump.zst", "abc");
  const UtcTime time = clock.now() - std::chrono::hours(9);
  fs::last_write_time(left, std::chrono::file_clock::from_sys(time));
  CHECK(keys().empty());
  const auto unfinished = unfinished_of(store);
  REQUIRE(unfinished.size() == 1);
  CHECK(unfinished[0].key == kNew + "/app.dump.zst");
  CHECK(unfinished[0].newest == time);
  store.remove_unfinished(unfinished[0]);
  CHECK(entries() == 0);
  CHECK_NOTHROW(store.remove_unfinished(unfinished[0]));
}

TEST_CASE_METHOD(DirStoreFixture, "Names that only look like ours are neither") {
  for (const auto* name : {".tmp-", ".tmp-x", ".tmp-0a1b2c3d"}) folder.write(name, "x");
  for (const auto* name : {".tmpx", "tmp-0a-b", ".hidden"}) folder.write(name, "x");
  CHECK(unfinished_of(store).empty());
  CHECK(keys() == std::set<std::string>{".tmpx", "tmp-0a-b", ".hidden"});
}

TEST_CASE_METHOD(DirStoreFixture, "A commit writes sums that sha256sum understands, and a link") {
  const StoredObject object = write(kNew + "/app.dump.zst", "abc");
  store.commit(kNew, "{}", {object});
  CHECK(folder.read(kNew + "/manifest.json") == "{}");
  CHECK(folder.read(kNew + "/SHA256SUMS") ==
        sha256_hex("abc") + "  app.dump.zst\n" + sha256_hex("{}") + "  manifest.json\n");
  CHECK(fs::read_symlink(latest()) == fs::path(kNew).filename());
  CHECK(keys() == std::set<std::string>{kNew + "/app.dump.zst", kNew + "/manifest.json",
                                        kNew + "/SHA256SUMS"});
  CHECK(unfinished_of(store).empty());
}

TEST_CASE_METHOD(DirStoreFixture, "The link names the backup that was committed last") {
  for (const auto& name : {kOld, kNew}) {
    store.commit(name, "{}", {write(name + "/app.dump.zst", name)});
    CHECK(folder.read("app/latest/app.dump.zst") == name);
  }
}

TEST_CASE_METHOD(DirStoreFixture, "Removing the last object removes the folders and the link") {
  store.commit(kNew, "{}", {write(kNew + "/app.dump.zst", "abc")});
  for (const auto& key : keys()) store.remove(key);
  CHECK(entries() == 0);
  CHECK(fs::is_directory(folder.path()));
}

TEST_CASE_METHOD(DirStoreFixture, "Removing leaves what others keep in the folder") {
  store.commit(kOld, "{}", {write(kOld + "/app.dump.zst", "abc")});
  store.commit(kNew, "{}", {write(kNew + "/app.dump.zst", "abc")});
  folder.write(kOld + "/mine.txt", "x");
  for (const auto& key : keys(kOld + "/")) {
    if (!key.ends_with("mine.txt")) store.remove(key);
  }
  CHECK(folder.read(kOld + "/mine.txt") == "x");
  CHECK(fs::exists(latest() / "manifest.json"));
  CHECK_NOTHROW(store.remove(kOld + "/manifest.json"));
  CHECK_NOTHROW(store.remove("never/was"));
}

TEST_CASE_METHOD(DirStoreFixture, "A prefix is matched as text, from the start") {
  for (const auto* key : {"app/x", "app2/x", "app", "a/pp/x"}) {
    if (key != std::string_view("app")) folder.write(key, "x");
  }
  CHECK(keys("app/") == std::set<std::string>{"app/x"});
  CHECK(keys("app") == std::set<std::string>{"app/x", "app2/x"});
  CHECK(keys("a/p") == std::set<std::string>{"a/pp/x"});
  CHECK(keys("none/").empty());
}

TEST_CASE_METHOD(DirStoreFixture, "Links are not followed and are no objects") {
  const TemporaryFolder elsewhere;
  elsewhere.write("secret", "x");
  fs::create_directory_symlink(elsewhere.path(), folder.path() / "link");
  fs::create_symlink(elsewhere.path() / "secret", folder.path() / "file");
  CHECK(keys().empty());
  CHECK_FALSE(store.stat("file"));
}

TEST_CASE_METHOD(DirStoreFixture, "What is not there is not found") {
  CHECK_FALSE(store.stat("app/x"));
  folder.write("app", "a file where a folder could be");
  CHECK_FALSE(store.stat("app/x"));
  CHECK(fails_with(ErrorKind::not_found, "cannot open", [&] { return store.open("none/x"); }));
}

TEST_CASE_METHOD(DirStoreFixture, "A write that cannot be made names the file and leaves nothing") {
  folder.write("app", "a file where a folder must be");
  CHECK(fails_with(ErrorKind::failed, "app", [&] { return store.create("app/x/y"); }));
  CHECK(entries() == 1);
}

TEST_CASE("A slash behind the root changes nothing, and nothing above the root is ever removed") {
  const TemporaryFolder folder;
  const FakeClock clock;
  for (const auto* const spelling : {"a/b/", "a/b//", "a/./b/.", "a/b"}) {
    CAPTURE(spelling);
    fs::create_directories(folder.path() / "a/b");
    DirStore store(folder.path() / spelling, clock);
    { const auto abandoned = store.create(kNew + "/app.dump.zst"); }
    store.put(kNew + "/manifest.json", "{}");
    store.remove(kNew + "/manifest.json");
    CHECK(fs::is_directory(folder.path() / "a/b"));
    CHECK(fs::is_empty(folder.path() / "a/b"));
  }
}

TEST_CASE_METHOD(DirStoreFixture, "Folders that cannot hold keys are not looked into") {
  folder.write("lost+found/x", "a fresh file system's own");
  folder.write("with blank/x", "not ours");
  store.put(kNew + "/manifest.json", "{}");
  CHECK(keys() == std::set<std::string>{kNew + "/manifest.json"});
}

TEST_CASE_METHOD(DirStoreFixture, "A commit does not fail for want of a link") {
  folder.write("app/latest/x", "a folder in its place");
  store.commit(kNew, "{}", {});
  CHECK(store.stat(kNew + "/manifest.json"));
}

TEST_CASE("Below a prefix a store knows its own keys and nothing else") {
  const TemporaryFolder folder;
  const FakeClock clock;
  DirStore store(folder.path(), clock, "daily/eu/");
  const auto keys = [&](std::string_view prefix) {
    std::set<std::string> found;
    store.list(prefix, [&](const ObjectInfo& object) { found.insert(object.key); });
    return found;
  };
  folder.write(kNew + "/manifest.json", "of another");
  folder.write("daily/" + kNew + "/manifest.json", "of another");
  CHECK(keys("").empty());
  CHECK_FALSE(store.stat(kNew + "/manifest.json"));
  CHECK_NOTHROW(store.remove(kNew + "/manifest.json"));
  CHECK_FALSE(fs::exists(folder.path() / "daily/eu"));
  {
    const auto writer = store.create(kNew + "/app.dump.zst");
    writer->write("abc");
    const auto unfinished = unfinished_of(store);
    REQUIRE(unfinished.size() == 1);
    CHECK(unfinished[0].key == kNew + "/app.dump.zst");
    store.remove_unfinished(unfinished[0]);
    CHECK(unfinished_of(store).empty());
  }
  CHECK_FALSE(fs::exists(folder.path() / "daily/eu"));  // nothing is left of it
  store.commit(kNew, "{}", {});
  CHECK(keys("") == std::set<std::string>{kNew + "/manifest.json", kNew + "/SHA256SUMS"});
  CHECK(keys("app/").size() == 2);
  CHECK(keys("daily/").empty());
  CHECK(folder.read("daily/eu/app/latest/manifest.json") == "{}");
  CHECK(read_small_object(store, kNew + "/manifest.json") == "{}");
  CHECK(store.location(kNew) == (folder.path() / "daily/eu" / kNew).string());
  CHECK(store.full_key(kNew) == "daily/eu/" + kNew);
  for (const auto& key : keys("")) store.remove(key);
  CHECK_FALSE(fs::exists(folder.path() / "daily/eu"));
  CHECK(folder.read(kNew + "/manifest.json") == "of another");
  fs::create_directory_symlink(folder.path() / "app", folder.path() / "daily/eu");
  CHECK(keys("").empty());
  CHECK(
      fails_with(ErrorKind::conflict, "symbolic link", [&] { return store.create(kOld + "/x"); }));
}

TEST_CASE("A directory that vanishes is noticed below a prefix, too") {
  const TemporaryFolder folder;
  const FakeClock clock;
  fs::create_directory(folder.path() / "mount");
  DirStore store(folder.path() / "mount", clock, "daily/");
  fs::remove(folder.path() / "mount");
  const auto is_noticed = [](const auto& call) {
    return fails_with(ErrorKind::not_found, "is no longer the one that was opened", [&] {
      call();
      return 0;
    });
  };
  CHECK(is_noticed([&] { store.put(kNew + "/manifest.json", "{}"); }));
  CHECK(is_noticed([&] { store.list("", [](const ObjectInfo&) {}); }));
  CHECK(is_noticed([&] { store.remove(kNew + "/manifest.json"); }));
}

TEST_CASE("A root that is missing or no directory is refused with a hint") {
  const TemporaryFolder folder;
  const FakeClock clock;
  const auto open = [&](const fs::path& root) {
    return error_of([&] { return std::make_unique<DirStore>(root, clock); });
  };
  for (const fs::path& root : {folder.path() / "none", fs::path(folder.write("file", "x"))}) {
    const auto error = open(root);
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::not_found);
    CHECK(error->message().find(root.string()) != std::string::npos);
    CHECK(error->hint().find("is the volume mounted?") != std::string::npos);
  }
}

TEST_CASE("The link names the newest backup that is not dated in the future") {
  const TemporaryFolder folder;
  const FakeClock clock(*parse_iso("2026-11-20T12:00:00Z"));
  DirStore store(folder.path(), clock);
  const auto latest = [&](const std::string& id) {
    store.commit("app/" + id, "{}", {});
    return std::filesystem::read_symlink(folder.path() / "app/latest").string();
  };
  const std::string old = "20261118T031500Z-00000001";
  const std::string middle = "20261119T031500Z-00000002";
  const std::string future = "20310101T000000Z-00000003";
  CHECK(latest(old) == old);
  CHECK(latest(middle) == middle);
  CHECK(latest(old) == middle);  // a run that began before and ended after
  CHECK(latest(future) == future);
  CHECK(latest(old) == old);
  CHECK(latest(middle) == middle);
  std::filesystem::remove(folder.path() / "app" / middle / "manifest.json");
  CHECK(latest(old) == old);
}

}  // namespace
}  // namespace pgbackup
