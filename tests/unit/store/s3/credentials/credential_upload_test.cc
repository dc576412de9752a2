// Credentials that end in the middle of an upload, with several threads at work.
#include <atomic>
#include <memory>
#include <string>

#include "common/store/s3/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_s3.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

constexpr size_t kPart = 1000;

/// A server with the accounts K1, K2 ..., and a store that asks for one after the other.
class Fixture {
 public:
  Fixture() {
    for (int i = 1; i < 500; ++i) {
      const std::string number = std::to_string(i);
      server.accounts["K" + number] = {.secret_key = "secret " + number,
                                       .session_token = "token " + number};
    }
  }

  FakeClock clock;
  TestLog log{clock};
  FakeS3 server{clock};
  std::atomic<int> issued{0};
  std::optional<std::chrono::seconds> life;

  std::unique_ptr<S3Store> make_store(int threads = 4) {
    S3Config config;
    config.endpoint = "http://s3.example.com";
    config.bucket = "bucket";
    config.get_credentials = [this](const std::stop_token& /*stop*/) { return issue(); };
    config.part_bytes = kPart;
    config.upload_concurrency = threads;
    return std::make_unique<S3Store>(std::move(config), clock, log.log(), std::stop_token(),
                                     server.factory());
  }

  Credentials issue() {
    const std::string number = std::to_string(++issued);
    Credentials made{.access_key = Secret("K" + number),
                     .secret_key = Secret("secret " + number),
                     .session_token = Secret("token " + number),
                     .source = "the test"};
    if (life) made.expires = clock.now() + *life;
    return made;
  }

  static std::string number_of(const FakeS3Request& request) {
    const std::string& field = request.headers.at("authorization");
    const size_t begin = field.find("Credential=K") + 12;
    return field.substr(begin, field.find('/', begin) - begin);
  }

  /// Refuses what is signed with older ones than `valid`.
  static auto expiring(const std::atomic<int>& valid, std::string code) {
    return [&valid, code](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      if (std::stoi(number_of(request)) < valid) return fake_error(400, code);
      return std::nullopt;
    };
  }
};

TEST_CASE_METHOD(Fixture, "An upload goes on with new credentials when its own expire") {
  std::atomic<int> valid{1};
  server.before = expiring(valid, GENERATE("ExpiredToken", "InvalidAccessKeyId"));
  const std::unique_ptr<S3Store> store = make_store();
  const auto writer = store->create("k");
  std::string all;
  for (int i = 0; i < 60; ++i) {
    if (i == 30) valid = 2;
    const std::string bytes(500, static_cast<char>('a' + i % 26));
    writer->write(bytes);
    all += bytes;
  }
  writer->finish();
  CHECK((server.objects.at("k").bytes == all));
  CHECK(server.uploads.empty());
  CHECK(issued == 2);  // once for all threads
}

TEST_CASE_METHOD(Fixture, "An upload that outlives its credentials renews them by the clock") {
  std::atomic<int> valid{0};
  server.before = expiring(valid, "ExpiredToken");
  life = std::chrono::minutes(20);
  const std::unique_ptr<S3Store> store =
      make_store(1);  // the clock runs ahead of two parts at most
  const auto writer = store->create("k");
  for (int i = 0; i < 60; ++i) {
    writer->write(std::string(1000, 'x'));
    clock.advance(std::chrono::minutes(1));
  }
  writer->finish();
  CHECK(server.objects.at("k").bytes.size() == 60'000);
  CHECK(issued >= 5);
  CHECK(issued <= 8);
}

TEST_CASE_METHOD(Fixture, "Credentials that never hold end the upload, and nothing is left") {
  std::atomic<int> valid{1};
  server.before = expiring(valid, "ExpiredToken");
  const std::unique_ptr<S3Store> store = make_store();
  {
    const auto writer = store->create("k");
    writer->write(std::string(3000, 'x'));
    valid = 1'000'000;
    try {
      for (int i = 0; i < 100; ++i) writer->write(std::string(1000, 'x'));
      writer->finish();
      FAIL("the upload succeeded");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::denied);
      CHECK(contains(error.message(), "ExpiredToken"));
      CHECK_FALSE(contains(error.what(), "secret"));
    }
    valid = 1;
  }
  CHECK(server.objects.empty());
  CHECK(server.uploads.empty());
}

}  // namespace
}  // namespace pgbackup
