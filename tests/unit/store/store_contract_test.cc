#include "tests/support/store_contract.h"

#include <cstdlib>
#include <optional>

#include "common/codec/encoding.h"
#include "common/store/dir_store.h"
#include "common/store/s3/store.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_s3.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

constexpr size_t kSmallestPart = size_t{5} << 20U;  // of S3

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

TEST_CASE("The memory store keeps the contract") {
  const FakeClock clock;
  MemoryStore store(clock, 700);
  store.batch = 10;
  run_store_contract(store, 500);
}

TEST_CASE("The directory store keeps the contract") {
  const SystemClock clock;
  const TemporaryFolder folder;
  DirStore store(folder.path(), clock);
  run_store_contract(store, 1);
}

TEST_CASE("The directory store keeps the contract below a prefix") {
  const SystemClock clock;
  const TemporaryFolder folder;
  DirStore store(folder.path(), clock, "a/b/");
  run_store_contract(store, 1);
}

TEST_CASE("The S3 store keeps the contract on a fake server") {
  FakeClock clock;
  TestLog log(clock);
  FakeS3 server(clock);
  S3Config config;
  config.endpoint = "http://s3.example.com";
  config.bucket = server.bucket;
  config.access_key = Secret("AKID");
  config.secret_key = Secret("secret");
  config.prefix = "folder";
  config.part_bytes = 1000;
  config.max_parts = 2;
  S3Store store(std::move(config), clock, log.log(), {}, server.factory());
  run_store_contract(store, 1001);
  CHECK(server.uploads.empty());
}

/// nullopt, said aloud: the environment names no server.
std::optional<S3Config> real_server() {
  S3Config config;
  config.endpoint = variable("S3_ENDPOINT");
  config.bucket = variable("S3_BUCKET");
  config.access_key = Secret(variable("S3_ACCESS_KEY"));
  config.secret_key = Secret(variable("S3_SECRET_KEY"));
  config.ca_file = variable("S3_CA_FILE");
  config.prefix = "contract-test-" + random_hex(4);
  config.part_bytes = kSmallestPart;
  config.max_parts = 2;
  if (config.endpoint.empty() || config.bucket.empty() || config.access_key.empty() ||
      config.secret_key.empty()) {
    WARN("skipped: S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY and S3_SECRET_KEY name no server");
    return std::nullopt;
  }
  return config;
}

TEST_CASE("The S3 store keeps the contract on a real server") {
  std::optional<S3Config> config = real_server();
  if (!config) return;
  SystemClock clock;
  TestLog log(clock);
  S3Store store(std::move(*config), clock, log.log(), {});
  run_store_contract(store, kSmallestPart + 1);
  CHECK_FALSE(contains(log.text(), "Z warn "));  // no repeats were needed
  CHECK_FALSE(contains(log.text(), "Z info "));  // nor single DELETEs
}

TEST_CASE("A real server refuses to overwrite where it is asked to") {
  std::optional<S3Config> config = real_server();
  if (!config) return;
  config->write.is_conditional = true;
  SystemClock clock;
  TestLog log(clock);
  S3Store store(std::move(*config), clock, log.log(), {});
  store.put("k", "first");
  CHECK_NOTHROW(store.put("k", "first"));  // as after a lost reply
  CHECK(fails_with(ErrorKind::conflict, "already", [&] { store.put("k", "second"); }));
  const auto writer = store.create("k");
  writer->write("third");
  CHECK(fails_with(ErrorKind::conflict, "already", [&] { writer->finish(); }));
  CHECK(read_small_object(store, "k") == "first");
  store.remove("k");
}

}  // namespace
}  // namespace pgbackup
