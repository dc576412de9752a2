#include "tests/support/store_contract.h"

#include <algorithm>
#include <set>

#include "common/base/error.h"
#include "common/codec/digest.h"
#include "common/codec/encoding.h"
#include "tests/support/test.h"
#include "tests/support/unfinished.h"

namespace pgbackup {
namespace {

/// Bytes that repeat late, so that a swapped or doubled block shows.
std::string sample(size_t count) {
  std::string bytes(count, '\0');
  uint64_t state = 1;
  for (char& c : bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    c = static_cast<char>(state >> 56U);
  }
  return bytes;
}

std::string read_all(Store& store, const std::string& key) {
  return read_small_object(store, key, size_t{1} << 30U);
}

std::set<std::string> keys_below(Store& store, const std::string& prefix) {
  std::set<std::string> keys;
  store.list(prefix, [&](const ObjectInfo& object) { keys.insert(object.key); });
  return keys;
}

std::vector<UnfinishedWrite> unfinished_below(Store& store, const std::string& prefix) {
  std::vector<UnfinishedWrite> writes = unfinished_of(store);
  std::erase_if(writes, [&](const UnfinishedWrite& w) { return !w.key.starts_with(prefix); });
  return writes;
}

ErrorKind kind_of_open(Store& store, const std::string& key) {
  try {
    static_cast<void>(store.open(key));
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("open succeeded");
  return ErrorKind::failed;
}

void check_small_objects(Store& store, const std::string& root) {
  const std::string bytes("a\0b\n", 4);
  store.put(root + "small", bytes);
  store.put(root + "small", bytes);  // harmless
  CHECK(read_all(store, root + "small") == bytes);

  const auto info = store.stat(root + "small");
  REQUIRE(info);
  CHECK(info->key == root + "small");
  CHECK(info->bytes == 4);
  CHECK(info->modified <= store.now() + std::chrono::seconds(5));
  CHECK(info->modified >= store.now() - std::chrono::minutes(5));

  store.put(root + "small", "replaced");
  CHECK(read_all(store, root + "small") == "replaced");
  store.put(root + "empty", "");
  CHECK(read_all(store, root + "empty").empty());
  CHECK(store.stat(root + "empty")->bytes == 0);
  CHECK_THROWS_AS(read_small_object(store, root + "small", 3), Error);

  CHECK(store.location(root + "small").ends_with(root + "small"));
  CHECK(store.full_key(root + "small").ends_with(root + "small"));
}

void check_absence(Store& store, const std::string& root) {
  CHECK_FALSE(store.stat(root + "absent"));
  CHECK(kind_of_open(store, root + "absent") == ErrorKind::not_found);
  CHECK_NOTHROW(store.remove(root + "absent"));
  CHECK_NOTHROW(store.remove(root + "absent/deeper"));
  CHECK(keys_below(store, root + "absent/").empty());
  CHECK_NOTHROW(store.remove_unfinished(
      {.key = root + "absent", .id = "no-such-write", .newest = UtcTime{}}));
}

void check_listing(Store& store, const std::string& root) {
  const std::set<std::string> keys = {root + "app/1/manifest.json", root + "app/1/app.dump.zst",
                                      root + "app2/1/manifest.json", root + "app.x",
                                      root + "=5Fodd=20name/1/a"};
  for (const std::string& key : keys) store.put(key, key);
  CHECK(keys_below(store, root) == keys);
  CHECK(keys_below(store, root + "app/").size() == 2);
  CHECK(keys_below(store, root + "app").size() == 4);  // a prefix of the name, not a folder
  CHECK(keys_below(store, root + "app/1/m").size() == 1);
  CHECK(keys_below(store, root + "nothing").empty());
  store.list(root + "app.x", [&](const ObjectInfo& object) {
    CHECK(object.bytes == object.key.size());
    CHECK(object.modified <= store.now() + std::chrono::seconds(5));
  });

  store.remove(root + "app/1/manifest.json");
  CHECK(keys_below(store, root + "app/") == std::set{root + "app/1/app.dump.zst"});
  CHECK(keys_below(store, root + "app2/").size() == 1);
}

void check_removal_of_many(Store& store, const std::string& root) {
  const std::vector<std::string> keys = {root + "many/1/manifest.json", root + "many/2/a=20b",
                                         root + "many/absent", root + "many/3/c_d-e.f"};
  for (const std::string& key : keys) {
    if (!key.ends_with("absent")) store.put(key, key);
  }
  store.put(root + "many2", "stays");
  for (const std::vector<std::string>& some :
       {std::vector<std::string>{}, keys, keys /* again */, {keys[0]}}) {
    CHECK(store.remove_all(some).empty());
  }
  CHECK(keys_below(store, root) == std::set{root + "many2"});
  CHECK(store.removal_batch() >= 1);
}

void check_writer(Store& store, const std::string& root, size_t bytes) {
  const std::string key = root + "stream";
  const std::string all = sample(bytes);
  const auto writer = store.create(key);
  for (size_t at = 0; at < all.size(); at += 100'003) {
    writer->write(std::string_view(all).substr(at, 100'003));
  }
  CHECK(keys_below(store, key).empty());  // nothing is visible before finish()
  writer->finish();

  REQUIRE_FALSE(writer->stored().empty());
  CHECK(writer->stored()[0].key == key);
  std::string together;
  for (const StoredObject& piece : writer->stored()) {
    const std::string stored = read_all(store, piece.key);
    CHECK(store.stat(piece.key)->bytes == piece.bytes);
    CHECK(piece.bytes == stored.size());
    CHECK(piece.sha256 == sha256_hex(stored));
    together += stored;
  }
  CHECK((together == all));  // no megabytes in the report
  CHECK(unfinished_below(store, root).empty());
}

void check_abandoned_writer(Store& store, const std::string& root, size_t bytes) {
  const std::string all = sample(bytes);
  {
    const auto writer = store.create(root + "abandoned");
    writer->write(all);
    const auto writes = unfinished_below(store, root);
    REQUIRE(writes.size() == 1);
    CHECK(writes[0].key == root + "abandoned");
    CHECK(writes[0].newest <= store.now() + std::chrono::seconds(5));
    CHECK(writes[0].newest >= store.now() - std::chrono::minutes(5));
    CHECK_FALSE(store.stat(root + "abandoned"));
  }
  CHECK(unfinished_below(store, root).empty());
  CHECK(keys_below(store, root).empty());

  { const auto untouched = store.create(root + "untouched"); }
  CHECK(keys_below(store, root).empty());
}

void check_removal_of_unfinished(Store& store, const std::string& root, size_t bytes) {
  const auto writer = store.create(root + "swept");
  writer->write(sample(bytes));
  for (const UnfinishedWrite& write : unfinished_below(store, root)) {
    store.remove_unfinished(write);
    store.remove_unfinished(write);  // already gone
  }
  CHECK(unfinished_below(store, root).empty());
}

void check_commit(Store& store, const std::string& root) {
  store.put(root + "app/1/data", "x");
  store.commit(root + "app/1", "{}",
               {{.key = root + "app/1/data", .bytes = 1, .sha256 = sha256_hex("x")}});
  CHECK(read_all(store, root + "app/1/manifest.json") == "{}");
  CHECK(read_all(store, root + "app/1/SHA256SUMS") ==
        sha256_hex("x") + "  data\n" + sha256_hex("{}") + "  manifest.json\n");
}

}  // namespace

void run_store_contract(Store& store, size_t visible_after_bytes) {
  const std::string root = "contract-" + random_hex(6) + "/";
  SECTION("small objects are put, read, replaced and described") {
    check_small_objects(store, root);
  }
  SECTION("what is absent is told so, and removing it is harmless") { check_absence(store, root); }
  SECTION("a list has every key with the prefix and no other") { check_listing(store, root); }
  SECTION("many objects are removed at once, and no other") { check_removal_of_many(store, root); }
  SECTION("an empty stream becomes an empty object") { check_writer(store, root, 0); }
  SECTION("a short stream arrives") { check_writer(store, root, 1000); }
  SECTION("a long stream arrives") { check_writer(store, root, 3 * visible_after_bytes + 12'345); }
  SECTION("an abandoned stream leaves nothing") {
    check_abandoned_writer(store, root, visible_after_bytes);
  }
  SECTION("an unfinished write can be removed from outside") {
    check_removal_of_unfinished(store, root, visible_after_bytes);
  }
  SECTION("a commit writes the sums and the manifest") { check_commit(store, root); }

  for (const std::string& key : keys_below(store, root)) store.remove(key);
  CHECK(keys_below(store, root).empty());
}

}  // namespace pgbackup
