#include "common/store/s3/upload.h"

#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <utility>

#include "common/store/s3/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_s3.h"
#include "tests/support/s3_fixture.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

constexpr size_t kPart = 1000;

std::string sample(size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>('a' + (i / 7 + i / 1000) % 26);
  return bytes;
}

/// A store over a fake server, with parts of 1000 bytes.
class Fixture : public S3Fixture {
 public:
  std::unique_ptr<S3Store> store = make_store(kMostParts);

  std::unique_ptr<S3Store> make_store(int max_parts) {
    S3Config config = fake_s3_config();
    config.part_bytes = kPart;
    config.max_parts = max_parts;
    return S3Fixture::make_store(std::move(config));
  }

  std::vector<StoredObject> upload(const std::string& bytes, size_t step = 333) {
    const auto writer = store->create("k");
    for (size_t at = 0; at < bytes.size(); at += step) {
      writer->write(std::string_view(bytes).substr(at, step));
    }
    writer->finish();
    return writer->stored();
  }

  /// The kind of error that ends an upload of `count` bytes.
  ErrorKind kind_of_failure(size_t count) {
    try {
      static_cast<void>(upload(sample(count)));
    } catch (const Error& error) {
      failure = error.message();
      return error.kind();
    }
    FAIL("the upload succeeded");
    return ErrorKind::failed;
  }

  /// Neither an object nor an upload is left.
  void check_nothing_left() const {
    CHECK(server.objects.empty());
    CHECK(server.uploads.empty());
  }

  std::string failure;
};

/// Replies to requests with this summary, `count` times.
auto answer(const std::string& summary, int count, FakeS3Reply reply) {
  return [=](const FakeS3Request& request) mutable -> std::optional<FakeS3Reply> {
    if (request.summary() == summary && count-- > 0) return reply;
    return std::nullopt;
  };
}

/// Does the work of requests with this summary, but loses `count` replies.
auto lose_reply(const std::string& summary, int count) {
  return [=](const FakeS3Request& request, FakeS3Reply& /*reply*/) mutable {
    if (request.summary() == summary && count-- > 0) throw_network_error();
  };
}

const std::string kCreate = "POST k?uploads";
const std::string kSendPart = "PUT k?partNumber&uploadId";
const std::string kComplete = "POST k?uploadId";
const std::string kAbort = "DELETE k?uploadId";

TEST_CASE_METHOD(Fixture, "A stream of up to one part takes a single PUT") {
  for (const size_t count : {size_t{0}, size_t{1}, kPart - 1, kPart}) {
    CAPTURE(count);
    server.seen.clear();
    const auto stored = upload(sample(count));
    CHECK(server.seen == std::vector<std::string>{"PUT k", "HEAD k"});
    REQUIRE(stored.size() == 1);
    CHECK(stored[0].key == "k");
    CHECK(stored[0].bytes == count);
    CHECK(stored[0].sha256 == sha256_hex(sample(count)));
    CHECK(server.objects.at("k").bytes == sample(count));
  }
}

TEST_CASE_METHOD(Fixture, "A longer stream takes one request per part and three more") {
  for (const size_t count : {kPart + 1, 2 * kPart, 10 * kPart + 5}) {
    CAPTURE(count);
    server.seen.clear();
    const auto stored = upload(sample(count));
    CHECK(server.objects.at("k").bytes == sample(count));
    CHECK(stored.size() == 1);
    CHECK(stored[0].sha256 == sha256_hex(sample(count)));
    CHECK(server.seen.size() == (count + kPart - 1) / kPart + 3);
    CHECK(server.uploads.empty());
  }
}

TEST_CASE_METHOD(Fixture, "Large writes are cut into parts like small ones") {
  static_cast<void>(upload(sample(5 * kPart + 1), 100 * kPart));
  CHECK(server.objects.at("k").bytes == sample(5 * kPart + 1));
}

TEST_CASE_METHOD(Fixture, "A stream that outgrows an object goes on in the next") {
  store = make_store(3);
  for (const auto& [count, pieces] : std::vector<std::pair<size_t, size_t>>{
           {3 * kPart, 1}, {3 * kPart + 1, 2}, {6 * kPart, 2}, {10 * kPart, 4}}) {
    CAPTURE(count);
    server.objects.clear();
    const auto stored = upload(sample(count));
    CHECK(stored.size() == pieces);
    std::string together;
    for (size_t i = 0; i < stored.size(); ++i) {
      CHECK(stored[i].key == (i == 0 ? "k" : "k.000" + std::to_string(i)));
      const std::string& bytes = server.objects.at(stored[i].key).bytes;
      CHECK(stored[i].bytes == bytes.size());
      CHECK(stored[i].sha256 == sha256_hex(bytes));
      together += bytes;
    }
    CHECK(together == sample(count));
    CHECK(server.objects.size() == pieces);
  }
}

TEST_CASE_METHOD(Fixture, "No piece is visible before the end of the stream") {
  store = make_store(2);
  const auto writer = store->create("k");
  writer->write(sample(9 * kPart));
  CHECK(server.objects.empty());
  writer->finish();
  CHECK(server.objects.size() == 5);
}

TEST_CASE_METHOD(Fixture, "A refused part fails the stream and leaves nothing") {
  for (const auto* number : {"1", "2", "7", "8"}) {
    CAPTURE(number);
    server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      const bool is_hit = request.has("partNumber") && request.query.at("partNumber") == number;
      return is_hit ? std::optional(fake_error(403, "AccessDenied")) : std::nullopt;
    };
    CHECK(kind_of_failure(8 * kPart) == ErrorKind::denied);
    CHECK(contains(failure, std::string("part ") + number + ": 403 AccessDenied"));
    check_nothing_left();
  }
}

TEST_CASE_METHOD(Fixture, "A failure surfaces in a later write, before the end of the stream") {
  server.before = answer(kSendPart, 1'000'000, fake_error(403, "AccessDenied"));
  const auto writer = store->create("k");
  const auto write_much = [&] {
    for (int i = 0; i < 100; ++i) writer->write(sample(kPart));
  };
  CHECK_THROWS_AS(write_much(), Error);
  CHECK(server.count(kSendPart) <= 4);
}

TEST_CASE_METHOD(Fixture, "Pieces of several objects are all taken back") {
  store = make_store(2);
  server.before = answer("POST k.0001?uploadId", 1, fake_error(400, "InvalidPart"));
  CHECK(kind_of_failure(5 * kPart) == ErrorKind::failed);  // after k was completed
  CHECK(server.count("DELETE k") == 1);
  check_nothing_left();
}

TEST_CASE_METHOD(Fixture, "Passing faults are survived at every step") {
  for (const std::string& step : {kCreate, kSendPart, kComplete, std::string("HEAD k")}) {
    CAPTURE(step);
    server.objects.clear();
    server.before = answer(step, 3, fake_error(503, "SlowDown"));
    static_cast<void>(upload(sample(4 * kPart)));
    CHECK(server.objects.at("k").bytes == sample(4 * kPart));
  }
}

TEST_CASE_METHOD(Fixture, "Ten minutes without the server end in a good object, without a storm") {
  std::map<std::string, int> failed;  // by part
  std::optional<UtcTime> end;
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (!request.has("partNumber")) return std::nullopt;
    const std::string number = request.query.at("partNumber");
    if (!end && std::stoi(number) > 20) end = clock.now() + std::chrono::minutes(10);
    if (!end || clock.now() >= *end) return std::nullopt;
    ++failed[number];
    if (failed[number] % 2 == 0) return fake_error(503, "SlowDown");
    throw_network_error();
  };
  const auto stored = upload(sample(50 * kPart));
  CHECK(server.objects.at("k").bytes == sample(50 * kPart));
  CHECK(stored.at(0).sha256 == sha256_hex(sample(50 * kPart)));
  int requests = 0;
  int probes = 0;  // of the part that was asked most often
  for (const auto& [number, count] : failed) {
    requests += count;
    probes = std::max(probes, count);
  }
  // 20 s is the longest wait and half of it the average.
  CHECK(probes > 30);
  CHECK(probes < 200);
  // The two other connections failed once, and again where a success was told late, as on a busy
  // machine. Each for itself they would have asked as often as the one that probes.
  CHECK(requests - probes <= probes / 2);
}

TEST_CASE_METHOD(Fixture, "An error in the body of a completion is tried again") {
  server.before = answer(kComplete, 2, fake_error(200, "InternalError"));
  static_cast<void>(upload(sample(3 * kPart)));
  CHECK(server.count(kComplete) == 3);
  CHECK(server.objects.size() == 1);
}

TEST_CASE_METHOD(Fixture, "A completion whose reply was lost is recognised by its token") {
  server.after = lose_reply(kComplete, 1);
  static_cast<void>(upload(sample(3 * kPart)));
  CHECK(server.count(kComplete) == 1);  // HEAD had the answer
  CHECK(server.objects.at("k").bytes == sample(3 * kPart));
}

/// Ceph 16 to 20: once the object is gone the repeated completion is refused in this way for ever.
TEST_CASE_METHOD(Fixture,
                 "A completion whose reply was lost and whose object is gone comes to an end") {
  bool is_completed = false;
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (request.summary() != kComplete || !is_completed) return std::nullopt;
    return fake_error(500, "InternalError",
                      "<Message>This multipart completion is already in progress</Message>");
  };
  SECTION("removed") {
    server.after = [&](const FakeS3Request& request, FakeS3Reply& /*reply*/) {
      if (request.summary() != kComplete || std::exchange(is_completed, true)) return;
      server.objects.clear();
      throw_network_error();
    };
  }
  SECTION("overwritten") {
    server.after = [&](const FakeS3Request& request, FakeS3Reply& /*reply*/) {
      if (request.summary() != kComplete || std::exchange(is_completed, true)) return;
      server.objects["k"].token = "other";
      throw_network_error();
    };
  }
  const UtcTime begun = clock.now();
  CHECK(kind_of_failure(3 * kPart) == ErrorKind::transient);
  CHECK(contains(failure, "500 InternalError"));
  CHECK(contains(failure, "gave up"));
  CHECK(clock.now() - begun < std::chrono::minutes(16));
}

/// As servers do where the right to list has a prefix.
void hide_absent_objects(const FakeS3Request& request, FakeS3Reply& reply) {
  if (request.summary() == "HEAD k" && reply.response.status == 404) reply.response.status = 403;
}

TEST_CASE_METHOD(Fixture, "A completion is repeated where an absent object is hidden behind 403") {
  server.before = answer(kComplete, 1, fake_error(500, "InternalError"));
  server.after = hide_absent_objects;
  static_cast<void>(upload(sample(3 * kPart)));
  CHECK(server.count(kComplete) == 2);
  CHECK(server.objects.at("k").bytes == sample(3 * kPart));
}

TEST_CASE_METHOD(Fixture, "No trace of an upload is suspected behind 403") {
  server.before = answer(kComplete, 1, fake_error(400, "InvalidPart"));
  server.after = hide_absent_objects;
  CHECK(kind_of_failure(3 * kPart) == ErrorKind::failed);
  CHECK_FALSE(contains(log.text(), "could not abort"));
  check_nothing_left();
}

TEST_CASE_METHOD(Fixture, "What was written must be readable") {
  server.before = [](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (request.summary() == "HEAD k") return fake_error(403, "AccessDenied");
    return std::nullopt;
  };
  CHECK(kind_of_failure(3 * kPart) == ErrorKind::denied);
}

TEST_CASE_METHOD(Fixture, "A foreign object in place of a lost completion is not accepted") {
  const std::string foreign = sample(3 * kPart);  // even of the same size
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (request.summary() != kComplete) return std::nullopt;
    server.uploads.clear();
    server.objects["k"] = {.bytes = foreign, .token = "other", .modified = clock.now()};
    throw_network_error();
  };
  CHECK(kind_of_failure(3 * kPart) != ErrorKind::canceled);
  CHECK(server.objects.at("k").token == "other");  // nor removed: it is not ours
}

TEST_CASE_METHOD(Fixture, "An upload that vanished from the server is told") {
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (request.summary() == kComplete) server.uploads.clear();
    return std::nullopt;
  };
  CHECK(kind_of_failure(3 * kPart) == ErrorKind::failed);
  CHECK(contains(failure, "no longer knows the upload"));
}

TEST_CASE_METHOD(Fixture, "An object that is not what was written is corrupt") {
  SECTION("of another size") {
    server.after = [&](const FakeS3Request& request, FakeS3Reply& /*reply*/) {
      if (request.method == "PUT") server.objects["k"].bytes += "x";
    };
  }
  SECTION("of another writer") {
    server.after = [&](const FakeS3Request& request, FakeS3Reply& /*reply*/) {
      if (request.method == "PUT") server.objects["k"].token = "other";
    };
  }
  SECTION("lost by the server") {
    server.after = [&](const FakeS3Request& request, FakeS3Reply& /*reply*/) {
      if (request.method == "PUT") server.objects.clear();
    };
  }
  CHECK(kind_of_failure(10) == ErrorKind::corrupt);
}

TEST_CASE_METHOD(Fixture, "A writer that goes away early takes its traces along") {
  SECTION("with nothing written") { static_cast<void>(store->create("k")); }
  SECTION("with less than a part") { store->create("k")->write(sample(10)); }
  SECTION("with parts on their way") { store->create("k")->write(sample(20 * kPart)); }
  SECTION("with several objects begun") {
    store = make_store(2);
    store->create("k")->write(sample(20 * kPart));
  }
  check_nothing_left();
}

TEST_CASE_METHOD(Fixture, "A stop ends the stream and still removes the upload") {
  const auto writer = store->create("k");
  writer->write(sample(5 * kPart));
  stop.request_stop();
  try {
    writer->write(sample(20 * kPart));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::canceled);
  }
  CHECK_FALSE(server.uploads.empty());
  const_cast<std::unique_ptr<ObjectWriter>&>(writer).reset();
  check_nothing_left();
}

TEST_CASE_METHOD(Fixture, "An upload whose id never arrived is found and removed") {
  server.after = lose_reply(kCreate, 1'000'000);
  CHECK(kind_of_failure(3 * kPart) == ErrorKind::transient);
  CHECK(server.count(kCreate) > 1);
  check_nothing_left();
}

TEST_CASE_METHOD(Fixture, "A PUT whose reply was lost for good is taken back") {
  server.after = lose_reply("PUT k", 1'000'000);
  CHECK(kind_of_failure(10) == ErrorKind::transient);
  check_nothing_left();
}

TEST_CASE_METHOD(Fixture, "An abort that fails is told and does not throw") {
  server.before = answer(kAbort, 1'000'000, fake_error(503, "SlowDown"));
  CHECK_NOTHROW(store->create("k")->write(sample(5 * kPart)));
  CHECK(contains(log.text(), "pg-prune will delete it"));
  CHECK(server.uploads.size() == 1);
}

TEST_CASE_METHOD(Fixture, "A part without an ETag is not a part") {
  server.after = [&](const FakeS3Request& request, FakeS3Reply& reply) {
    if (request.has("partNumber")) reply.response.headers.clear();
  };
  CHECK(kind_of_failure(3 * kPart) == ErrorKind::corrupt);
  check_nothing_left();
}

TEST_CASE("The sending threads' memory is bounded by their number") {
  FakeClock clock;
  FakeS3 server(clock);
  std::mutex mutex;
  std::condition_variable changed;
  int sending = 0;
  bool is_open = false;
  PartWorkers workers({.threads = 2, .part_bytes = 10}, server.factory(),
                      [&](Transport& /*transport*/, PartJob& job, const std::stop_token& /*stop*/) {
                        std::unique_lock lock(mutex);
                        ++sending;
                        changed.notify_all();
                        changed.wait(lock, [&] { return is_open; });
                        *job.etag = std::to_string(job.number);
                      },
                      {});
  std::array<std::string, 2> etags;
  for (int i = 0; i < 2; ++i) {
    PartJob job{.number = i + 1, .buffer = workers.take_buffer(), .etag = &etags.at(i)};
    workers.submit(std::move(job));
  }
  static_cast<void>(workers.take_buffer());  // threads + 1
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return sending == 2; });
  }
  std::atomic<bool> has_fourth = false;
  std::jthread filler([&] {
    static_cast<void>(workers.take_buffer());
    has_fourth = true;
  });
  CHECK_FALSE(has_fourth);
  {
    const std::lock_guard lock(mutex);
    is_open = true;
  }
  changed.notify_all();
  filler.join();
  workers.drain();
  CHECK(has_fourth);
  CHECK(etags == std::array<std::string, 2>{"1", "2"});
}

}  // namespace
}  // namespace pgbackup
