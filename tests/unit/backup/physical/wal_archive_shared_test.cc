// Archives of the same server in the same bucket: two daemons, or `pg-backup now` beside one.
#include <functional>
#include <string>

#include "backup/physical/wal_archive.h"
#include "tests/support/error_of.h"
#include "tests/support/fetched_wal.h"
#include "tests/support/s3_fixture.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {
namespace {

const std::string kSystem = "7434812345678901234";
const std::string kName = "000000010000000000000050";
const std::string kKey = "_cluster/wal/7434812345678901234/00000001/" + kName + ".zst";

/// Stores a file in one of the ways that there are.
struct Way {
  std::string what;
  size_t part_bytes;
  std::function<void(WalArchive& archive, const std::string& bytes)> store;
};

void write_as_it_comes(WalArchive& archive, const std::string& bytes) {
  const std::unique_ptr<Sink> sink = archive.create(kName);
  for (size_t at = 0; at < bytes.size(); at += 65536) sink->write(bytes.substr(at, 65536));
  sink->finish();
}

const std::vector<Way> kWays = {
    {"in memory", size_t{16} << 20U,
     [](WalArchive& archive, const std::string& bytes) { archive.put(kName, bytes); }},
    {"as it comes, one part", size_t{16} << 20U, write_as_it_comes},
    {"as it comes, in parts", 100'000, write_as_it_comes}};

struct Fixture : S3Fixture {
  explicit Fixture(const Way& by, S3WriteOptions options = {}) : way(by), write(options) {}

  Way way;
  S3WriteOptions write;
  std::string segment = make_segment(kName);

  std::unique_ptr<S3Store> make_store() {
    S3Config config = fake_s3_config();
    config.part_bytes = way.part_bytes;
    config.upload_concurrency = 1;
    config.write = write;
    return S3Fixture::make_store(std::move(config));
  }
  std::optional<Error> store_segment() {
    const std::unique_ptr<S3Store> store = make_store();
    WalArchive archive(*store, kSystem, {}, {.zstd_threads = 1});
    return error_of([&] { way.store(archive, segment); });
  }
  /// Another writer stores these bytes, packed in another way.
  void store_as_another(const std::string& bytes) {
    StringSink packed;
    const std::unique_ptr<Sink> packer = pack(packed, {}, {.zstd_level = 1, .zstd_threads = 1});
    packer->write(bytes);
    packer->finish();
    server.objects[kKey] = {.bytes = packed.bytes, .token = "other", .modified = clock.now()};
  }
  [[nodiscard]] std::string stored() {
    const std::unique_ptr<S3Store> store = make_store();
    return fetch_wal_file(*store, kSystem, kName).bytes;
  }
  /// Calls `work` after each request that makes the object visible.
  void after_commit(const std::function<void()>& work) {
    server.after = [work](const FakeS3Request& request, const FakeS3Reply& reply) {
      const bool is_completion = request.method == "POST" && request.has("uploadId");
      const bool is_put = request.method == "PUT" && !request.has("partNumber");
      if ((is_completion || is_put) && reply.response.status == 200) work();
    };
  }
};

TEST_CASE("Where another writer stores the same segment at the same time, both have stored it") {
  for (const Way& way : kWays) {
    CAPTURE(way.what);
    Fixture f(way);
    f.after_commit([&] { f.store_as_another(f.segment); });
    CHECK_FALSE(f.store_segment());
    CHECK((f.stored() == f.segment));

    // The other one was first, and the store refuses to overwrite.
    Fixture conditional(way, {.is_conditional = true});
    conditional.server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      if (request.method == "PUT" || request.method == "POST") {
        conditional.store_as_another(conditional.segment);
      }
      return std::nullopt;
    };
    CHECK_FALSE(conditional.store_segment());
    CHECK(conditional.server.objects.at(kKey).token == "other");
  }
}

TEST_CASE("Where another writer stores another segment under the name, it is not taken for ours") {
  for (const Way& way : kWays) {
    CAPTURE(way.what);
    Fixture f(way, {.is_conditional = true});
    std::string other = f.segment;
    other.back() = '?';
    f.server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      if (request.method == "PUT" || request.method == "POST") f.store_as_another(other);
      return std::nullopt;
    };
    const std::optional<Error> error = f.store_segment();
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::conflict);
    CHECK(contains(error->message(), "other content"));
    CHECK((f.stored() == other));
  }
}

TEST_CASE("A writer that fails after its segment was stored leaves it: another may rely on it") {
  for (const Way& way : kWays) {
    CAPTURE(way.what);
    Fixture lossy(way);
    lossy.after_commit([] { throw_network_error(); });
    static_cast<void>(lossy.store_segment());
    CHECK((lossy.stored() == lossy.segment));

    Fixture stopped(way);
    stopped.after_commit([&] { stopped.stop.request_stop(); });
    static_cast<void>(stopped.store_segment());
    stopped.stop = {};
    CHECK((stopped.stored() == stopped.segment));

    Fixture blind(way);
    blind.server.before = [](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      if (request.method == "HEAD") return fake_error(403, "AccessDenied");
      return std::nullopt;
    };
    static_cast<void>(blind.store_segment());
    CHECK((blind.stored() == blind.segment));
  }
}

TEST_CASE("A segment that the store has lost again is not stored") {
  for (const Way& way : kWays) {
    CAPTURE(way.what);
    Fixture f(way);
    f.after_commit([&] { f.server.objects.clear(); });
    const std::optional<Error> error = f.store_segment();
    REQUIRE(error);
    // What a writer has begun and cannot find again may be another's.
    CHECK(error->kind() == (way.what == "in memory" ? ErrorKind::corrupt : ErrorKind::conflict));
  }
}

TEST_CASE("A writer that fails does not end the upload of another") {
  Fixture f(kWays.back());
  f.server.uploads["other"] = {
      .key = kKey, .token = "other", .initiated = f.clock.now(), .parts = {}};
  f.server.after = [](const FakeS3Request& request, const FakeS3Reply& /*reply*/) {
    if (request.method == "POST" && request.has("uploads")) throw_network_error();
  };
  CHECK(f.store_segment());
  CHECK(f.server.uploads.contains("other"));
}

TEST_CASE(
    "Whatever is stored of WAL is locked from then on, however long the store has been open") {
  const std::chrono::days month(30);
  Fixture f(kWays.back(), {.lock_mode = S3LockMode::compliance, .lock_retention = month});
  std::vector<std::string> ends;
  f.server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    const std::string end = request.header("x-amz-object-lock-retain-until-date");
    if (!end.empty()) ends.push_back(end);
    return std::nullopt;
  };
  const std::unique_ptr<S3Store> store = f.make_store();
  WalArchive archive(*store, kSystem, {}, {.zstd_threads = 1});
  const std::vector<std::function<void()>> ways = {
      [&] { archive.put_piece(kName, 0, f.segment.substr(0, 9000)); },
      [&] { write_as_it_comes(archive, f.segment); },
      [&] { archive.put("00000002.history", "1\t0/5000060\tno reason\n"); }};
  for (const std::function<void()>& way : ways) {
    f.clock.advance(2 * month);
    ends.clear();
    way();
    CHECK(ends == std::vector<std::string>{format_iso(f.clock.now() + month)});
  }
}

}  // namespace
}  // namespace pgbackup
