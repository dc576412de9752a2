#include "prune/writes.h"

#include <set>

#include "common/catalog/key_grammar.h"
#include "common/store/s3/store.h"
#include "tests/support/error_of.h"
#include "tests/support/faulty_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/s3_fixture.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::hours;

const std::string kOurs = "app/20261119T031500Z-0a1b2c3d/app.dump.zst";
const std::string kOther = "web/20261119T031500Z-0a1b2c3d/web.dump.zst";

class WritesFixture : public S3Fixture {
 public:
  UtcTime begun = clock.now() - hours(30);

  WritesFixture() { settings.prefix = "pg"; }

  void begin(const std::string& id, const std::string& key) {
    server.uploads[id] = {.key = "pg/" + key, .token = {}, .initiated = begun, .parts = {}};
  }
  void add_part(const std::string& id, UtcTime time) {
    server.uploads[id].parts[1] = {.bytes = "x", .token = {}, .modified = time};
  }
  /// What the server answers when it is asked for the parts of uploads of `key`.
  void refuse_parts_of(const std::string& key, int status, const std::string& code) {
    server.before = [=](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      if (request.key != "pg/" + key || !request.has("uploadId")) return std::nullopt;
      return fake_error(status, code);
    };
  }
  [[nodiscard]] std::vector<UnfinishedWrite> find() {
    return find_unfinished(*make_store(), clock.now(), log.log());
  }
  [[nodiscard]] size_t requests_for_parts() const {
    return static_cast<size_t>(
        std::count_if(server.seen.begin(), server.seen.end(),
                      [](const std::string& request) { return contains(request, "uploadId"); }));
  }
};

TEST_CASE_METHOD(WritesFixture,
                 "Unfinished writes of ours come with the time of their last bytes") {
  begin("u1", kOurs);
  begin("u2", kOurs);
  add_part("u2", begun + hours(2));
  const auto writes = find();
  REQUIRE(writes.size() == 2);
  CHECK(writes[0].newest == begun);
  CHECK(writes[1].newest == begun + hours(2));
}

TEST_CASE_METHOD(WritesFixture, "Unfinished uploads of other programs cost no request") {
  for (const auto* key : {"", "data.bin", "velero/backups/1/x.tar", "app/notes/app.dump.zst"}) {
    begin(std::string("foreign-") + key, key);
    refuse_parts_of(key, 403, "AccessDenied");
  }
  begin("u1", kOurs);
  const auto writes = find();
  REQUIRE(writes.size() == 1);
  CHECK(writes[0].key == kOurs);
  CHECK(requests_for_parts() == 1);
  CHECK_FALSE(contains(log.text(), "level=warn"));
}

TEST_CASE_METHOD(WritesFixture,
                 "A write that cannot be asked about counts as alive, with a warning") {
  begin("u1", kOurs);
  begin("u2", kOther);
  refuse_parts_of(kOurs, 403, "AccessDenied");
  const auto writes = find();
  REQUIRE(writes.size() == 2);
  CHECK(writes[0].newest == clock.now());
  CHECK(writes[1].newest == begun);
  CHECK(contains(log.text(), "left alone"));
  CHECK(contains(log.text(), "uploads=1 "));
  CHECK(contains(log.text(), "AccessDenied"));
}

TEST_CASE_METHOD(WritesFixture, "Once the store does not answer, the other writes are not asked") {
  settings.retry = {.total = std::chrono::seconds(30)};
  for (int i = 0; i < 50; ++i) begin(std::to_string(i), kOurs);
  refuse_parts_of(kOurs, 500, "InternalError");
  const UtcTime before = clock.now();
  CHECK(find().size() == 50);
  CHECK(clock.now() - before < std::chrono::minutes(2));
  CHECK(contains(log.text(), "uploads=50 "));
}

TEST_CASE_METHOD(WritesFixture, "A write that ended since it was listed is no unfinished write") {
  begin("u1", kOurs);
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (request.has("uploadId")) server.uploads.clear();
    return std::nullopt;
  };
  CHECK(find().empty());
}

TEST_CASE("What stops the listing of unfinished writes, and a stop, leave find_unfinished()") {
  const FakeClock clock;
  TestLog log(clock);
  MemoryStore memory(clock);
  memory.unfinished["1"] = {.key = kOurs, .id = "1", .newest = clock.now()};
  FaultyStore store(memory);
  const auto find = [&] { return find_unfinished(store, clock.now(), log.log()); };
  const auto break_call = [&](std::string_view broken, ErrorKind kind) {
    store.before = [=](std::string_view call, std::string_view) {
      if (call == broken) throw Error(kind, "broken");
    };
  };
  break_call("list_unfinished", ErrorKind::denied);
  CHECK(fails_with(ErrorKind::denied, "broken", find));
  break_call("last_activity", ErrorKind::canceled);
  CHECK(fails_with(ErrorKind::canceled, "broken", find));
}

}  // namespace
}  // namespace pgbackup
