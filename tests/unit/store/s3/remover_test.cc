#include "common/store/s3/remover.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/store/s3/store.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_s3.h"
#include "tests/support/s3_fixture.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using Keys = std::vector<std::string>;
const std::string kBatch = "POST ?delete";

class Fixture : public S3Fixture {
 public:
  const std::unique_ptr<S3Store> made = make_store(fake_s3_config("pg"));
  S3Store& store = *made;

  /// Puts `count` objects there; their keys.
  Keys fill(size_t count) {
    Keys keys;
    for (size_t i = 0; i < count; ++i) {
      keys.push_back(fmt::format("app/{:04}", i));
      server.objects["pg/" + keys.back()] = {.bytes = "x", .token = {}, .modified = clock.now()};
    }
    return keys;
  }
  [[nodiscard]] bool logged(std::string_view text) const {
    return log.text().find(text) != std::string::npos;
  }
};

/// Answers the first `count` requests of this summary with `reply`.
auto answer(const std::string& summary, int count, FakeS3Reply reply) {
  return [=](const FakeS3Request& request) mutable -> std::optional<FakeS3Reply> {
    if (request.summary() == summary && count-- > 0) return reply;
    return std::nullopt;
  };
}

auto answer_batches(int count, FakeS3Reply reply) {
  return answer(kBatch, count, std::move(reply));
}

TEST_CASE_METHOD(Fixture, "A thousand objects go with one request, one object by a plain DELETE") {
  CHECK(store.removal_batch() == 1000);
  CHECK(store.remove_all(fill(1000)).empty());
  CHECK(server.seen == Keys{kBatch});
  CHECK(store.remove_all(fill(2001)).empty());
  CHECK(server.count(kBatch) == 3);
  CHECK(server.count("DELETE pg/app/2000") == 1);
  CHECK(server.objects.empty());
  CHECK_FALSE(contains(log.text(), " warn "));
}

TEST_CASE_METHOD(Fixture, "A batch is signed with its SHA-256 and has its MD5 beside it") {
  server.before = [](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    CHECK(request.headers.at("authorization").find("content-md5;host;x-amz-content-sha256") !=
          std::string::npos);
    CHECK(request.body.find("<Quiet>") == std::string::npos);
    return std::nullopt;
  };
  CHECK(store.remove_all(fill(3)).empty());
}

TEST_CASE_METHOD(Fixture, "What fails for a while is repeated as a whole") {
  const Keys keys = fill(3);
  SECTION("refused") { server.before = answer_batches(2, fake_error(503, "SlowDown")); }
  SECTION("an error under a good status") {
    server.before = answer_batches(2, fake_error(200, "InternalError"));
  }
  SECTION("the reply is lost after the work was done") {
    server.after = [lost = 2](const FakeS3Request& request, FakeS3Reply& /*reply*/) mutable {
      if (request.summary() == kBatch && lost-- > 0) throw_network_error();
    };
  }
  SECTION("the reply breaks off") {
    server.after = [broken = 2](const FakeS3Request& request, FakeS3Reply& reply) mutable {
      if (request.summary() == kBatch && broken-- > 0) reply.breaks_after = 20;
    };
  }
  CHECK(store.remove_all(keys).empty());
  CHECK(server.count(kBatch) == 3);
  CHECK(server.seen.size() == 3);
  CHECK(server.objects.empty());
}

TEST_CASE_METHOD(Fixture, "An object that the batch could not remove is tried again alone") {
  const Keys keys = fill(4);
  int refused = 2;
  server.refuse_removal = [&](const std::string& key) -> std::string {
    return key.ends_with("1") || key.ends_with("2") ? "InternalError" : "";
  };
  SECTION("and goes") {
    CHECK(store.remove_all(keys).empty());
    CHECK(server.objects.empty());
  }
  SECTION("and is reported with the reason") {
    server.before = answer("DELETE pg/app/0002", 1, fake_error(403, "AccessDenied"));
    const auto failures = store.remove_all(keys);
    REQUIRE(failures.size() == 1);
    CHECK(failures[0].key == "app/0002");
    CHECK(failures[0].error.kind() == ErrorKind::denied);
    CHECK(server.objects.size() == 1);
  }
  CHECK(server.count("DELETE pg/app/0001") == 1);
  CHECK(server.seen.size() == 1 + static_cast<size_t>(refused));
}

TEST_CASE_METHOD(Fixture, "An object that the reply does not name is removed alone") {
  const Keys keys = fill(3);
  server.before = answer_batches(
      1, fake_reply(200,
                    "<DeleteResult><Deleted><Key>pg/app/0000</Key></Deleted><Deleted><Key>other"
                    "</Key></Deleted></DeleteResult>"));
  CHECK(store.remove_all(keys).empty());
  CHECK(server.seen == Keys{kBatch, "DELETE pg/app/0001", "DELETE pg/app/0002"});
}

TEST_CASE_METHOD(Fixture, "What is gone already is done") {
  server.refuse_removal = [](const std::string& /*key*/) { return "NoSuchKey"; };
  CHECK(store.remove_all(fill(3)).empty());
  CHECK(server.seen == Keys{kBatch});
}

TEST_CASE_METHOD(Fixture, "A server that takes no batches gets single DELETEs from then on") {
  server.before = GENERATE(values<std::function<std::optional<FakeS3Reply>(const FakeS3Request&)>>(
      {answer_batches(9, fake_error(501, "NotImplemented")),
       answer_batches(9, fake_error(400, "NotImplemented")),
       answer_batches(9, fake_error(405, "MethodNotAllowed")),
       answer_batches(9, fake_error(403, "AccessDenied")),
       answer_batches(9, fake_error(200, "NotImplemented")),
       answer_batches(9, fake_reply(501, "<html>no")), answer_batches(9, fake_reply(200, "<html>")),
       answer_batches(9, fake_reply(200, "<ListBucketResult/>")),
       answer_batches(9, fake_reply(200, ""))}));
  CHECK(store.remove_all(fill(3)).empty());
  CHECK(store.removal_batch() == 1);
  CHECK(store.remove_all(fill(5)).empty());
  CHECK(server.count(kBatch) == 1);
  CHECK(server.seen.size() == 1 + 3 + 5);
  CHECK(server.objects.empty());
  CHECK(logged("deleting one by one from now on"));
}

TEST_CASE_METHOD(Fixture, "A store that does not answer is asked once, not for every object") {
  const Keys keys = fill(2500);
  SECTION("the batch") { server.before = answer_batches(1 << 20, fake_error(503, "SlowDown")); }
  SECTION("what is tried alone") {
    server.before = [](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      return request.method == "POST" ? fake_error(501, "NotImplemented")
                                      : fake_error(503, "SlowDown");
    };
  }
  const auto begin = clock.steady();
  const auto failures = store.remove_all(keys);
  CHECK(failures.size() == 2500);
  CHECK(std::all_of(failures.begin(), failures.end(), [](const RemovalFailure& failure) {
    return failure.error.kind() == ErrorKind::transient;
  }));
  CHECK(clock.steady() - begin < std::chrono::minutes(17));
}

TEST_CASE_METHOD(Fixture, "After a stop no further batch is begun") {
  const Keys keys = fill(1500);
  server.after = [&](const FakeS3Request& /*request*/, FakeS3Reply& /*reply*/) {
    stop.request_stop();
  };
  CHECK(fails_with(ErrorKind::canceled, "stopped", [&] { return store.remove_all(keys).size(); }));
  CHECK(server.seen.size() == 1);
  CHECK(server.objects.size() == 500);
}

TEST_CASE_METHOD(Fixture, "A bucket that keeps versions is told of once") {
  const auto add_marker = [](const FakeS3Request& request, FakeS3Reply& reply) {
    if (request.method == "DELETE") {
      reply.response.headers.emplace_back("x-amz-delete-marker", "true");
    } else {
      reply.response.body =
          "<DeleteResult><Deleted><Key>pg/app/0000</Key><DeleteMarker>true</DeleteMarker></Deleted>"
          "<Deleted><Key>pg/app/0001</Key></Deleted></DeleteResult>";
    }
  };
  server.after = add_marker;
  for (int run = 0; run < 2; ++run) {
    CHECK(store.remove_all(fill(2)).empty());
    store.remove("app/0000");
  }
  const std::string& text = log.text();
  const size_t first = text.find("NoncurrentVersionExpiration");
  REQUIRE(first != std::string::npos);
  CHECK(text.find("NoncurrentVersionExpiration", first + 1) == std::string::npos);
}

}  // namespace
}  // namespace pgbackup
