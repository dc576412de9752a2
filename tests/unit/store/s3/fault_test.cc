// The fault matrix: what the client does, for every request that it makes, when the server or the
// network misbehaves. What is not a whole operation is in s3_request_test and http_test.
#include <fmt/format.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "common/codec/digest.h"
#include "tests/support/error_of.h"
#include "tests/support/s3_fixture.h"
#include "tests/support/test.h"
#include "tests/support/unfinished.h"

namespace pgbackup {
namespace {

class Fixture : public S3Fixture {
 public:
  std::unique_ptr<S3Store> store = make_store();
  bool is_right = true;  ///< what was read

  void upload(const std::string& key, size_t bytes) {
    const auto writer = store->create(key);
    writer->write(std::string(bytes, 'x'));
    writer->finish();
  }
  std::set<std::string> keys() {
    std::set<std::string> found;
    store->list("", [&](const ObjectInfo& object) { found.insert(object.key); });
    return found;
  }
};

/// An operation, the request in it that goes wrong, and what must be true in the end.
struct Row {
  const char* name;
  const char* request;
  std::function<void(Fixture&)> run;
  std::function<bool(Fixture&)> is_done;
};

bool has(Fixture& f, const std::string& key, size_t bytes) {
  const auto found = f.server.objects.find(key);
  return found != f.server.objects.end() && found->second.bytes.size() == bytes &&
         f.server.uploads.empty();
}

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"create upload", "POST k?uploads", [](Fixture& f) { f.upload("k", 450); },
       [](Fixture& f) { return f.server.objects.at("k").bytes.size() == 450; }},
      {"part", "PUT k?partNumber&uploadId", [](Fixture& f) { f.upload("k", 450); },
       [](Fixture& f) { return has(f, "k", 450); }},
      {"complete", "POST k?uploadId", [](Fixture& f) { f.upload("k", 450); },
       [](Fixture& f) { return has(f, "k", 450); }},
      {"confirmation", "HEAD k", [](Fixture& f) { f.upload("k", 450); },
       [](Fixture& f) { return has(f, "k", 450); }},
      {"small stream", "PUT k", [](Fixture& f) { f.upload("k", 50); },
       [](Fixture& f) { return has(f, "k", 50); }},
      {"manifest", "PUT a/manifest.json", [](Fixture& f) { f.store->commit("a", "{}", {}); },
       [](Fixture& f) { return has(f, "a/manifest.json", 2); }},
      {"read", "GET old",
       [](Fixture& f) { f.is_right = read_small_object(*f.store, "old") == "bytes"; },
       [](Fixture& f) { return f.is_right; }},
      {"stat", "HEAD old", [](Fixture& f) { f.is_right = f.store->stat("old")->bytes == 5; },
       [](Fixture& f) { return f.is_right; }},
      {"list", "GET ?list-type&prefix", [](Fixture& f) { f.is_right = f.keys().size() == 1; },
       [](Fixture& f) { return f.is_right; }},
      {"list uploads", "GET ?prefix&uploads",
       [](Fixture& f) { f.is_right = unfinished_of(*f.store).empty(); },
       [](Fixture& f) { return f.is_right; }},
      {"remove", "DELETE old", [](Fixture& f) { f.store->remove("old"); },
       [](Fixture& f) { return f.server.objects.empty(); }},
      {"time", "GET ?list-type&max-keys&prefix",
       [](Fixture& f) { f.is_right = f.clock.now() - f.store->now() <= std::chrono::seconds(1); },
       [](Fixture& f) { return f.is_right; }},
  };
  return all;
}

struct Fault {
  const char* name;
  int status;  ///< 0: the network fails
  const char* code;
  NameValues headers{};
};

void prepare(Fixture& fixture) {
  fixture.server.objects["old"] = {.bytes = "bytes", .token = {}, .modified = fixture.clock.now()};
}

FakeS3Reply reply_of(const Fault& fault) {
  if (fault.status == 0) throw_network_error();
  const std::string code = fault.code;
  if (code == "html") return fake_reply(fault.status, "<html>an old balancer & its page", {});
  return code.empty() ? fake_reply(fault.status, "", fault.headers)
                      : fake_error(fault.status, code);
}

TEST_CASE("Every request survives every passing fault") {
  const std::vector<Fault> faults = {{"network", 0, ""},
                                     {"500", 500, "InternalError"},
                                     {"500 mute", 500, ""},
                                     {"502", 502, "html"},
                                     {"503", 503, "SlowDown"},
                                     {"503 mute", 503, "", {{"retry-after", "5"}}},
                                     {"504", 504, "html"},
                                     {"509", 509, ""},
                                     {"408", 408, ""},
                                     {"429", 429, "TooManyRequests"},
                                     {"429 mute", 429, ""},
                                     {"body too slow", 400, "RequestTimeout"},
                                     {"Wasabi", 400, "RequestRateLimitExceeded"},
                                     {"throttled", 400, "ThrottlingException"}};
  for (const Row& row : rows()) {
    for (const Fault& fault : faults) {
      CAPTURE(row.name, fault.name);
      Fixture fixture;
      prepare(fixture);
      int count = 0;
      fixture.server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
        if (request.summary() != row.request || ++count > 2) return std::nullopt;
        return reply_of(fault);
      };
      CHECK_NOTHROW(row.run(fixture));
      CHECK(count > 2);
      CHECK(row.is_done(fixture));
    }
  }
}

TEST_CASE("No request is repeated after a lasting refusal") {
  const std::vector<Fault> faults = {{"400", 400, "InvalidRequest"},
                                     {"403", 403, "AccessDenied"},
                                     {"405", 405, "MethodNotAllowed"},
                                     {"501", 501, "NotImplemented"},
                                     {"redirect", 301, ""},
                                     {"elsewhere", 307, "TemporaryRedirect"}};
  for (const Row& row : rows()) {
    for (const Fault& fault : faults) {
      CAPTURE(row.name, fault.name);
      // The reason does not come with the reply to HEAD: a 400 may be a throttle.
      if (fault.status == 400 && std::string_view(row.request).starts_with("HEAD")) continue;
      Fixture fixture;
      prepare(fixture);
      int count = 0;
      fixture.server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
        if (request.summary() != row.request) return std::nullopt;
        ++count;
        return reply_of(fault);
      };
      const std::optional<Error> error = error_of([&] {
        row.run(fixture);
        return 0;
      });
      REQUIRE(error);
      CHECK_FALSE(is_retryable(error->kind()));
      CHECK(contains(error->message(), std::to_string(fault.status)));
      // Cleaning up looks once more; parts go out side by side.
      CHECK(count <= fixture.settings.upload_concurrency);
    }
  }
}

TEST_CASE("Every request may lose its reply after the work was done") {
  for (const Row& row : rows()) {
    for (const int losses : {1, 3}) {
      CAPTURE(row.name, losses);
      Fixture fixture;
      prepare(fixture);
      int count = 0;
      fixture.server.after = [&](const FakeS3Request& request, FakeS3Reply&) {
        if (request.summary() == row.request && ++count <= losses) throw_network_error();
      };
      CHECK_NOTHROW(row.run(fixture));
      CHECK(row.is_done(fixture));
    }
  }
}

TEST_CASE("A reply that breaks off in its body is asked for again") {
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    Fixture fixture;
    prepare(fixture);
    int count = 0;
    fixture.server.after = [&](const FakeS3Request& request, FakeS3Reply& reply) {
      if (request.summary() != row.request || reply.response.body.empty()) return;
      if (++count <= 2) reply.breaks_after = 2;
    };
    CHECK_NOTHROW(row.run(fixture));
    CHECK(row.is_done(fixture));
  }
}

TEST_CASE("Parts of different size would be refused, and ours are equal") {
  Fixture fixture;
  for (const size_t bytes : {101, 199, 200, 201, 1000, 1001}) {
    CAPTURE(bytes);
    CHECK_NOTHROW(fixture.upload("k", bytes));
    CHECK(has(fixture, "k", bytes));
  }
  // The check of the fake server itself.
  bool is_changed = false;
  fixture.server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (request.has("uploadId") && request.method == "POST") {
      auto& parts = fixture.server.uploads.begin()->second.parts;
      parts.at(1).bytes += "x";
      is_changed = true;
    }
    return std::nullopt;
  };
  CHECK(fails_with(ErrorKind::failed, "InvalidPart", [&] {
    fixture.upload("k2", 350);
    return 0;
  }));
  CHECK(is_changed);
}

std::string page(const std::string& inner, const std::string& next) {
  return fmt::format(
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>{}"
      "</IsTruncated>{}<New><Key>not an object</Key></New>{}</ListBucketResult>",
      next.empty() ? "false" : "true", inner,
      next.empty() ? "" : "<NextContinuationToken>" + next + "</NextContinuationToken>");
}

std::string entry(const std::string& key) {
  return "<Contents><Owner><ID>7</ID></Owner><ETag>x</ETag><Key>" + key +
         "</Key><LastModified>2026-11-20T03:15:00.000Z</LastModified><Size>1</Size>"
         "<StorageClass>STANDARD</StorageClass><Surprise/></Contents>";
}

TEST_CASE("A list is understood in any order, with empty pages, unknown elements and entities") {
  Fixture fixture;
  const std::vector<std::string> pages = {
      page(entry("b/&#50;") + entry("a/1"), "one&amp;two"), page("", "&lt;3"),
      page(entry("c&amp;d") + entry("&#x65;&apos;&quot;&gt;"), "")};
  std::vector<std::string> tokens;
  fixture.server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (request.has("continuation-token")) tokens.push_back(request.query.at("continuation-token"));
    return fake_reply(200, pages.at(tokens.size()));
  };
  CHECK(fixture.keys() == std::set<std::string>{"a/1", "b/2", "c&d", "e'\">"});
  CHECK(tokens == std::vector<std::string>{"one&two", "<3"});
}

TEST_CASE("A reply that is not what was asked for is corrupt, not an empty list") {
  const std::string much(17U << 20U, ' ');
  for (const std::string& body :
       {std::string(), std::string("<ListBucketResult><IsTruncated>false"), std::string("{}"),
        std::string("<html><body>Welcome</body></html>"), std::string("<ListBucketResult/>"),
        page(entry("a") + "<Contents><Key>b</Key></Contents>", ""),
        "<ListBucketResult>" + much + "</ListBucketResult>",
        std::string("<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><ListBucketResult>"
                    "&b;</ListBucketResult>")}) {
    CAPTURE(body.substr(0, 100));
    Fixture fixture;
    fixture.server.before = [&](const FakeS3Request&) { return fake_reply(200, body); };
    const std::optional<Error> error = error_of([&] { return fixture.keys(); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::corrupt);
    CHECK(error->message().size() < 1000);
  }
}

TEST_CASE("A program can be stopped while it waits for the server") {
  Fixture fixture;
  int count = 0;
  fixture.server.before = [&](const FakeS3Request&) -> std::optional<FakeS3Reply> {
    if (++count == 3) fixture.stop.request_stop();
    return fake_error(503, "SlowDown");
  };
  CHECK(fails_with(ErrorKind::canceled, "stop", [&] { return fixture.keys(); }));
  CHECK(count == 3);
}

}  // namespace
}  // namespace pgbackup
