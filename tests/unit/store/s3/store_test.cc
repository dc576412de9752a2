#include "common/store/s3/store.h"

#include <functional>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_s3.h"
#include "tests/support/s3_fixture.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/unfinished.h"

namespace pgbackup {
namespace {

class Fixture : public S3Fixture {
 public:
  const std::unique_ptr<S3Store> made = make_store(fake_s3_config("/pg"));
  S3Store& store = *made;

  void add(const std::string& full_key, const std::string& bytes = "x") {
    server.objects[full_key] = {.bytes = bytes, .token = {}, .modified = clock.now()};
  }

  std::multiset<std::string> keys(const std::string& prefix) {
    std::multiset<std::string> found;
    store.list(prefix, [&](const ObjectInfo& object) { found.insert(object.key); });
    return found;
  }

  ErrorKind kind_of_list() {
    try {
      static_cast<void>(keys(""));
    } catch (const Error& error) {
      return error.kind();
    }
    FAIL("the list ended");
    return ErrorKind::failed;
  }

  std::string read_all(const std::string& key) { return read_small_object(store, key, 4'000'000); }

  ErrorKind kind_of_read(const std::string& key) {
    try {
      static_cast<void>(read_all(key));
    } catch (const Error& error) {
      failure = error.message();
      return error.kind();
    }
    FAIL("the object was read");
    return ErrorKind::failed;
  }

  std::string failure;
};

TEST_CASE_METHOD(Fixture, "A store is a folder of its bucket") {
  CHECK(store.full_key("app/1/manifest.json") == "pg/app/1/manifest.json");
  CHECK(store.location("app/1") == "s3://bucket/pg/app/1");
  store.put("app/1/a", "bytes");
  CHECK(server.objects.at("pg/app/1/a").bytes == "bytes");
  CHECK(server.seen.size() == 1);
}

TEST_CASE_METHOD(Fixture, "A list walks all pages and stays in its folder") {
  for (int i = 0; i < 25; ++i) add("pg/a/" + std::to_string(100 + i));
  add("pg/");  // what consoles make for a folder
  add("pg2/a/1");
  add("a/1");
  server.page_keys = 10;
  CHECK(keys("").size() == 25);
  CHECK(server.seen.size() == 3);
  CHECK(keys("a/10").size() == 10);
  CHECK(keys("a/").contains("a/100"));
  CHECK(keys("b/").empty());
}

TEST_CASE_METHOD(Fixture, "A list that turns in a circle or cannot go on is corrupt") {
  const auto page = [](const std::string& inner) {
    return fake_reply(
        200, "<ListBucketResult><IsTruncated>true</IsTruncated>" + inner + "</ListBucketResult>");
  };
  const auto token = [](const std::string& text) {
    return "<NextContinuationToken>" + text + "</NextContinuationToken>";
  };
  std::vector<FakeS3Reply> pages;
  SECTION("without a token") { pages = {page("")}; }
  SECTION("with an empty token") { pages = {page(token(""))}; }
  SECTION("with the same token twice") { pages = {page(token("a"))}; }
  SECTION("with two tokens in turn") { pages = {page(token("a")), page(token("b"))}; }
  SECTION("with an error document") { pages = {fake_reply(200, "<Error/>")}; }
  SECTION("with another document") { pages = {fake_reply(200, "<ListPartsResult/>")}; }
  size_t next = 0;
  server.before = [&](const FakeS3Request& /*request*/) { return pages[next++ % pages.size()]; };
  CHECK(kind_of_list() == ErrorKind::corrupt);
  CHECK(next < 5);
}

TEST_CASE_METHOD(Fixture, "A missing bucket is no empty store") {
  server.before = [](const FakeS3Request& /*request*/) { return fake_error(404, "NoSuchBucket"); };
  CHECK(kind_of_list() == ErrorKind::failed);
  CHECK(kind_of_read("k") == ErrorKind::failed);
  CHECK_THROWS_AS(store.remove("k"), Error);
  CHECK_THROWS_AS(store.put("k", ""), Error);
}

/// Passes requests on and keeps how long the last PUT may take.
class TimedTransport final : public Transport {
 public:
  TimedTransport(std::unique_ptr<Transport> next, std::chrono::milliseconds& put_timeout)
      : next_(std::move(next)), put_timeout_(put_timeout) {}
  HttpResponse start(const HttpRequest& request, const std::stop_token& stop) override {
    if (request.method == "PUT") put_timeout_ = request.timeout;
    return next_->start(request, stop);
  }
  size_t read(std::span<char> buffer) override { return next_->read(buffer); }

 private:
  std::unique_ptr<Transport> next_;
  std::chrono::milliseconds& put_timeout_;
};

TEST_CASE_METHOD(Fixture, "A large object that is put at once gets the time of a slow line") {
  std::chrono::milliseconds timeout{0};
  S3Store timed(fake_s3_config(), clock, log.log(), {},
                [&] { return std::make_unique<TimedTransport>(server.factory()(), timeout); });
  timed.put("small", "x");
  CHECK(timeout == std::chrono::minutes(1));
  timed.put("segment", std::string(size_t{16} << 20U, 'x'));
  CHECK(timeout >= std::chrono::minutes(15));
}

/// A store that writes `latest`.
std::unique_ptr<S3Store> make_latest(Fixture& f, bool is_conditional = false) {
  S3Config config = fake_s3_config("/pg");
  config.writes_latest = true;
  config.write.is_conditional = is_conditional;
  config.write.lock_mode = S3LockMode::governance;
  config.write.lock_retention = std::chrono::hours(24);
  return f.make_store(std::move(config));
}

TEST_CASE_METHOD(Fixture, "The manifest is written behind the sums, and nothing else unasked") {
  store.commit("app/1", "{}", {});
  CHECK(server.seen ==
        std::vector<std::string>{"PUT pg/app/1/SHA256SUMS", "PUT pg/app/1/manifest.json"});
}

TEST_CASE_METHOD(Fixture, "Where it is asked for, latest names the backup that was made last") {
  for (const bool is_conditional : {false, true}) {
    CAPTURE(is_conditional);
    server.objects.clear();
    const auto latest = make_latest(*this, is_conditional);
    server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      const bool is_latest = request.key == "pg/app/latest";
      CHECK(request.header("x-amz-object-lock-mode").empty() == is_latest);
      CHECK(request.header("if-none-match").empty() == (is_latest || !is_conditional));
      return std::nullopt;
    };
    for (const auto* id : {"1", "2"}) {
      latest->commit(std::string("app/") + id, "{}", {});
      CHECK(server.objects.at("pg/app/latest").bytes == std::string(id) + "\n");
    }
    CHECK(server.seen.back() == "PUT pg/app/latest");
    CHECK(server.objects.size() == 5);
  }
  CHECK_FALSE(contains(log.text(), " warn "));
}

TEST_CASE_METHOD(Fixture, "A latest that cannot be written is a warning, and the backup is there") {
  const auto latest = make_latest(*this);
  const std::vector<std::function<FakeS3Reply()>> failures = {
      [] { return fake_error(403, "AccessDenied"); }, [] { return fake_error(503, "SlowDown"); },
      []() -> FakeS3Reply { throw Error(ErrorKind::transient, "the connection broke off"); },
      []() -> FakeS3Reply { throw std::bad_alloc(); },
      [this]() -> FakeS3Reply {
        stop.request_stop();
        return fake_error(503, "SlowDown");
      }};
  for (size_t i = 0; i < failures.size(); ++i) {
    CAPTURE(i);
    server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      if (request.key == "pg/app/latest") return failures[i]();
      return std::nullopt;
    };
    const UtcTime began = clock.now();
    const size_t said = log.text().size();
    CHECK_NOTHROW(latest->commit("app/" + std::to_string(i), "{}", {}));
    CHECK(clock.now() - began <= std::chrono::minutes(2));
    CHECK(server.objects.contains("pg/app/" + std::to_string(i) + "/manifest.json"));
    CHECK_FALSE(server.objects.contains("pg/app/latest"));
    CHECK(contains(log.text().substr(said),
                   "an object does not name the newest backup object=s3://bucket/pg/app/latest"));
  }
}

TEST_CASE_METHOD(Fixture, "An object is described") {
  add("pg/k", "12345");
  const auto info = store.stat("k");
  REQUIRE(info);
  CHECK(info->key == "k");
  CHECK(info->bytes == 5);
  CHECK(format_iso(info->modified) == "2026-11-20T03:15:00Z");
  CHECK_FALSE(store.stat("absent"));
  for (const NameValues& headers : std::vector<NameValues>{
           {},
           {{"content-length", "5"}},
           {{"last-modified", "Fri, 20 Nov 2026 03:15:00 GMT"}},
           {{"content-length", "x"}, {"last-modified", "Fri, 20 Nov 2026 03:15:00 GMT"}},
           {{"content-length", "5"}, {"last-modified", "2026-11-20"}}}) {
    server.before = [&](const FakeS3Request& /*request*/) { return fake_reply(200, "", headers); };
    CHECK_THROWS_AS(store.stat("k"), Error);
  }
}

TEST_CASE_METHOD(Fixture, "An object is read to its end in one request") {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{100'000}}) {
    add("pg/k", std::string(count, 'x'));
    server.seen.clear();
    CHECK(read_all("k").size() == count);
    CHECK(server.seen.size() == 1);
  }
  CHECK(kind_of_read("absent") == ErrorKind::not_found);
}

TEST_CASE_METHOD(Fixture, "A read that breaks off goes on where it was") {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += std::to_string(i);
  add("pg/k", bytes);
  std::vector<std::string> ranges;
  server.after = [&](const FakeS3Request& request, FakeS3Reply& reply) {
    const auto range = request.headers.find("range");
    ranges.push_back(range == request.headers.end() ? "" : range->second);
    if (range != request.headers.end()) CHECK_FALSE(request.headers.at("if-match").empty());
    if (ranges.size() < 4) reply.breaks_after = 2500;
  };
  CHECK(read_all("k") == bytes);
  CHECK(ranges == std::vector<std::string>{"", "bytes=2500-", "bytes=5000-", "bytes=7500-"});
}

TEST_CASE_METHOD(Fixture, "A body of another length than announced is corrupt") {
  add("pg/k", std::string(5000, 'x'));
  server.after = [&](const FakeS3Request& /*request*/, FakeS3Reply& reply) {
    reply.response.headers = {{"content-length", "5000"}, {"etag", "\"e\""}};
  };
  SECTION("shorter") { server.objects["pg/k"].bytes.resize(4999); }
  SECTION("longer") { server.objects["pg/k"].bytes.resize(5001); }
  SECTION("much longer") { server.objects["pg/k"].bytes.resize(9000); }
  CHECK(kind_of_read("k") == ErrorKind::corrupt);
  CHECK(contains(failure, "than announced"));
}

TEST_CASE_METHOD(Fixture, "A body without a length or ETag is not trusted") {
  NameValues headers;
  SECTION("no ETag") { headers = {{"content-length", "1"}}; }
  SECTION("no length") { headers = {{"content-length", "?"}, {"etag", "\"e\""}}; }
  add("pg/k");
  server.after = [&](const FakeS3Request& /*request*/, FakeS3Reply& reply) {
    reply.response.headers = headers;
  };
  CHECK(kind_of_read("k") == ErrorKind::corrupt);
}

TEST_CASE_METHOD(Fixture, "A read is not continued with another object or another place") {
  add("pg/k", std::string(5000, 'x'));
  int call = 0;
  std::function<void(FakeS3Reply&)> change;
  server.after = [&](const FakeS3Request& /*request*/, FakeS3Reply& reply) {
    if (++call == 1) {
      reply.breaks_after = 2500;
      if (!change) server.objects["pg/k"].bytes[0] = 'y';
    } else if (change) {
      change(reply);
    }
  };
  SECTION("replaced meanwhile") {}
  SECTION("the range is ignored") {
    change = [&](FakeS3Reply& reply) { reply = fake_reply(200, server.objects["pg/k"].bytes); };
  }
  SECTION("another range comes") {
    change = [](FakeS3Reply& reply) {
      reply = fake_reply(206, std::string(2499, 'x'), {{"content-range", "bytes 2501-4999/5000"}});
    };
  }
  SECTION("of an object of another size") {
    change = [](FakeS3Reply& reply) {
      reply = fake_reply(206, std::string(2501, 'x'), {{"content-range", "bytes 2500-5000/5001"}});
    };
  }
  SECTION("without saying which") {
    change = [](FakeS3Reply& reply) { reply = fake_reply(206, std::string(2500, 'x')); };
  }
  CHECK(kind_of_read("k") == ErrorKind::corrupt);
}

TEST_CASE_METHOD(Fixture, "A read gives up when the server stays away") {
  add("pg/k", std::string(5000, 'x'));
  int call = 0;
  server.after = [&](const FakeS3Request& /*request*/, FakeS3Reply& reply) {
    if (++call > 1) throw_network_error();
    reply.breaks_after = 100;
  };
  CHECK(kind_of_read("k") == ErrorKind::transient);
  CHECK(contains(failure, "gave up"));
}

TEST_CASE_METHOD(Fixture, "A read that breaks off again and again after a few bytes gives up") {
  add("pg/k", std::string(100'000, 'x'));
  server.after = [](const FakeS3Request& /*request*/, FakeS3Reply& reply) {
    reply.breaks_after = 10;
  };
  const UtcTime begun = clock.now();
  CHECK(kind_of_read("k") == ErrorKind::transient);
  CHECK(contains(failure, "gave up"));
  CHECK(clock.now() - begun < std::chrono::minutes(16));
  CHECK(server.seen.size() < 500);
}

TEST_CASE_METHOD(Fixture, "A read that breaks off again and again, but gets on, comes to its end") {
  std::string bytes;
  for (int i = 0; bytes.size() < 2'000'000; ++i) bytes += std::to_string(i);
  add("pg/k", bytes);
  server.after = [&](const FakeS3Request& request, FakeS3Reply& reply) {
    if (request.method != "GET" || reply.response.body.size() <= 70'000) return;
    clock.advance(std::chrono::minutes(1));  // more than the time for retries in all
    reply.breaks_after = 70'000;
  };
  const UtcTime begun = clock.now();
  CHECK((read_all("k") == bytes));
  CHECK(clock.now() - begun > std::chrono::minutes(20));
}

TEST_CASE_METHOD(Fixture, "The reader's own pauses do not count as time for retries") {
  add("pg/k", std::string(50'000, 'x'));
  server.after = [](const FakeS3Request& /*request*/, FakeS3Reply& reply) {
    if (reply.response.body.size() > 10'000) reply.breaks_after = 10'000;
  };
  const auto source = store.open("k");
  std::vector<char> buffer(10'000);
  size_t received = 0;
  while (const size_t got = source->read(buffer)) {
    received += got;
    clock.advance(std::chrono::minutes(20));  // an index is built from what was read
  }
  CHECK(received == 50'000);
}

TEST_CASE_METHOD(Fixture, "An empty object whose reply breaks off is not asked for again") {
  add("pg/k", "");
  server.after = [](const FakeS3Request& /*request*/, FakeS3Reply& reply) {
    reply.breaks_after = 0;
  };
  CHECK(read_all("k").empty());  // bytes=0- of it would be answered with 416
  CHECK(server.seen.size() == 1);
}

TEST_CASE_METHOD(Fixture, "Removing twice is removing once") {
  add("pg/k");
  store.remove("k");
  CHECK(server.objects.empty());
  CHECK_NOTHROW(store.remove("k"));
}

TEST_CASE_METHOD(Fixture, "Unfinished uploads are told with their newest part") {
  const UtcTime begun = clock.now();
  server.uploads["u1"] = {.key = "pg/app/1/a", .token = {}, .initiated = begun, .parts = {}};
  server.uploads["u2"] = server.uploads["u1"];
  server.uploads["u2"].parts = {
      {1, {.bytes = {}, .token = {}, .modified = begun + std::chrono::hours(2)}},
      {2, {.bytes = {}, .token = {}, .modified = begun + std::chrono::hours(1)}}};
  server.uploads["u3"] = {.key = "pg2/a", .token = {}, .initiated = begun, .parts = {}};
  auto writes = unfinished_of(store);
  REQUIRE(writes.size() == 2);
  CHECK(writes[0].key == "app/1/a");
  CHECK(writes[0].id == "u1");
  CHECK(writes[0].newest == begun);
  CHECK(writes[1].newest == begun + std::chrono::hours(2));

  store.remove_unfinished(writes[0]);
  store.remove_unfinished(writes[0]);
  CHECK_FALSE(server.uploads.contains("u1"));
  CHECK(unfinished_of(store).size() == 1);
}

TEST_CASE_METHOD(Fixture, "A store tells its own time at once or not at all") {
  server.ahead = -std::chrono::minutes(10);
  CHECK(store.own_time() == clock.now() - std::chrono::minutes(10));
  CHECK(store.own_time() == clock.now() - std::chrono::minutes(10));
  CHECK(server.seen.size() == 1);
  clock.advance(std::chrono::minutes(2));
  SECTION("a refusal has a date, too") {
    server.before = [](const FakeS3Request&) { return fake_error(403, "AccessDenied"); };
    CHECK(store.own_time() == clock.now() - std::chrono::minutes(10));
  }
  SECTION("a server that is away") {
    server.before = [](const FakeS3Request&) -> std::optional<FakeS3Reply> {
      throw Error(ErrorKind::transient, "no answer");
    };
    const auto began = clock.now();
    CHECK_FALSE(store.own_time());
    CHECK(clock.now() == began);
  }
}

TEST_CASE_METHOD(Fixture, "A list of uploads that turns in a circle is corrupt") {
  std::string markers;
  SECTION("without a marker") {}
  SECTION("with the same marker again") {
    markers = "<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>";
  }
  server.before = [&](const FakeS3Request& /*request*/) {
    return fake_reply(200, "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>" + markers +
                               "</ListMultipartUploadsResult>");
  };
  CHECK_THROWS_AS(unfinished_of(store), Error);
  CHECK(server.seen.size() < 4);
}

TEST_CASE_METHOD(Fixture, "The time is the server's, asked for when it is not known") {
  clock.advance(std::chrono::minutes(10));
  server.ahead = -std::chrono::minutes(10);
  CHECK(format_iso(store.now()) == "2026-11-20T03:15:00Z");
  CHECK(server.seen.size() == 1);
  clock.advance(std::chrono::seconds(30));
  CHECK(format_iso(store.now()) == "2026-11-20T03:15:30Z");
  CHECK(server.seen.size() == 1);
  clock.advance(std::chrono::minutes(2));
  static_cast<void>(store.now());
  CHECK(server.seen.size() == 2);
}

TEST_CASE_METHOD(Fixture, "After a stop, things can still be removed, but without patience") {
  stop.request_stop();
  add("pg/k");
  server.uploads["u1"] = {.key = "pg/k", .token = {}, .initiated = clock.now(), .parts = {}};
  store.remove("k");
  store.remove_unfinished({.key = "k", .id = "u1", .newest = clock.now()});
  CHECK(server.objects.empty());
  CHECK(server.uploads.empty());
  server.seen.clear();
  server.before = [](const FakeS3Request& /*request*/) { return fake_error(503, "SlowDown"); };
  CHECK_THROWS_AS(store.remove("k"), Error);
  CHECK(server.seen.size() == 1);
}

TEST_CASE_METHOD(Fixture, "A stop ends every other call") {
  stop.request_stop();
  add("pg/k");
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { store.put("k", ""); }, [&] { static_cast<void>(store.open("k")); },
           [&] { static_cast<void>(store.stat("k")); }, [&] { static_cast<void>(keys("")); },
           [&] { static_cast<void>(store.now()); }}) {
    try {
      call();
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::canceled);
    }
  }
}

}  // namespace
}  // namespace pgbackup
