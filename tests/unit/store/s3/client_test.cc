#include "common/store/s3/client.h"

#include "tests/support/fake_clock.h"
#include "tests/support/fake_s3.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

class Fixture {
 public:
  Fixture() { server.accounts["AKID"].secret_key = "keep-this-quiet"; }

  FakeClock clock;
  TestLog log{clock};
  FakeS3 server{clock};
  std::stop_source stop;
  std::unique_ptr<Transport> transport = server.factory()();

  static S3Config config() {
    S3Config config;
    config.endpoint = "http://s3.example.com:9000";
    config.bucket = "bucket";
    config.access_key = Secret("AKID");
    config.secret_key = Secret("keep-this-quiet");
    return config;
  }

  S3Client client(S3Config with = config()) { return {std::move(with), clock, log.log()}; }

  HttpResponse send(S3Client& client, const S3Request& request) {
    return client.send(*transport, request, stop.get_token());
  }

  /// The error of sending `request`.
  Error error_of(S3Client& client, const S3Request& request) {
    try {
      static_cast<void>(send(client, request));
    } catch (const Error& error) {
      return error;
    }
    FAIL("no error");
    return {ErrorKind::failed, ""};
  }
};

const S3Request kGet = {.method = "GET", .key = "a/b"};

/// Answers the first `count` requests with `reply`.
auto first(int count, FakeS3Reply reply) {
  return [count, reply](const FakeS3Request& /*request*/) mutable -> std::optional<FakeS3Reply> {
    if (count-- > 0) return reply;
    return std::nullopt;
  };
}

TEST_CASE_METHOD(Fixture, "A request carries key, query, date and signature") {
  server.objects["a b+c/=E4"] = {.bytes = "x", .token = {}, .modified = clock.now()};
  S3Client s3 = client();
  FakeS3Request got;
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    got = request;
    return std::nullopt;
  };
  CHECK(send(s3, {.method = "GET", .key = "a b+c/=E4", .query = {{"x", "1/2"}}}).body == "x");
  CHECK(got.host == "s3.example.com:9000");
  CHECK(got.headers["host"] == "s3.example.com:9000");
  CHECK(got.path == "/bucket/a b+c/=E4");
  CHECK(got.query["x"] == "1/2");
  CHECK(got.headers["x-amz-date"] == "20261120T031500Z");
  CHECK(got.headers["authorization"].starts_with(
      "AWS4-HMAC-SHA256 Credential=AKID/20261120/us-east-1/s3/aws4_request, "
      "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="));
}

TEST_CASE_METHOD(Fixture, "A virtual host has the bucket in its name, not in its path") {
  S3Config with = config();
  with.addressing = S3Addressing::virtual_host;
  S3Client s3 = client(std::move(with));
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    CHECK(request.host == "bucket.s3.example.com:9000");
    CHECK(request.headers.at("host") == "bucket.s3.example.com:9000");
    CHECK(request.path == "/k");
    return fake_reply(200);
  };
  static_cast<void>(send(s3, {.method = "PUT", .key = "k", .body = "x"}));
}

TEST_CASE_METHOD(Fixture, "Each attempt is signed anew, on a fresh connection") {
  S3Client s3 = client();
  std::vector<std::string> dates;
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    dates.push_back(request.headers.at("x-amz-date"));
    clock.advance(std::chrono::seconds(1));
    return dates.size() < 3 ? fake_error(503, "SlowDown") : fake_reply(200);
  };
  static_cast<void>(send(s3, {.method = "PUT", .key = "k", .body = "x"}));
  REQUIRE(dates.size() == 3);
  CHECK(dates[0] != dates[1]);
  CHECK(dates[1] != dates[2]);
}

TEST_CASE_METHOD(Fixture, "A network failure is tried again, in the body of a reply too") {
  server.objects["a/b"] = {.bytes = std::string(5000, 'x'), .token = {}, .modified = clock.now()};
  S3Client s3 = client();
  int call = 0;
  server.after = [&](const FakeS3Request& /*request*/, FakeS3Reply& reply) {
    ++call;
    if (call == 1) throw_network_error();
    if (call == 2) reply.breaks_after = 2500;
  };
  CHECK(send(s3, kGet).body.size() == 5000);
  CHECK(call == 3);
}

TEST_CASE_METHOD(Fixture,
                 "Until the first answer the patience is that of people, later the full one") {
  S3Config with = config();
  with.retry = {.total = std::chrono::minutes(15)};
  with.first_contact = std::chrono::seconds(10);
  S3Client s3 = client(std::move(with));
  bool is_down = true;
  server.before = [&](const FakeS3Request& /*request*/) -> std::optional<FakeS3Reply> {
    if (is_down) throw_network_error();
    return std::nullopt;
  };
  const auto waited = [&] {
    const auto begun = clock.steady();
    const Error error = error_of(s3, kGet);
    return std::pair(clock.steady() - begun, error.hint());
  };
  const auto [first, hint] = waited();
  CHECK(first <= std::chrono::seconds(10));
  CHECK(hint ==
        "check S3_ENDPOINT, or set S3_RETRY_TIME to wait longer than 10s for the server's "
        "first answer");
  is_down = false;
  CHECK(error_of(s3, kGet).kind() == ErrorKind::not_found);
  is_down = true;
  const auto [later, no_hint] = waited();
  CHECK(later > std::chrono::minutes(10));
  CHECK(no_hint.empty());
}

TEST_CASE_METHOD(Fixture, "Requests and repeats are counted, whatever comes of them") {
  RequestCounter counter;
  S3Config with = config();
  with.counter = &counter;
  S3Client s3 = client(std::move(with));
  server.objects["a/b"] = {.bytes = std::string(5000, 'x'), .token = {}, .modified = clock.now()};
  int call = 0;
  server.before = [&](const FakeS3Request& /*request*/) -> std::optional<FakeS3Reply> {
    ++call;
    if (call == 1) return fake_error(503, "SlowDown");
    if (call == 2) return fake_error(500, "InternalError");
    if (call == 3) throw_network_error();
    return std::nullopt;
  };
  server.after = [&](const FakeS3Request& /*request*/, FakeS3Reply& reply) {
    if (call == 4) reply.breaks_after = 2500;
  };
  static_cast<void>(send(s3, kGet));
  static_cast<void>(error_of(s3, {.method = "HEAD", .key = "none"}));
  const RequestCounts counts = counter.counts();
  CHECK(counts.requests == decltype(counts.requests){{{"GetObject", "2xx"}, 2},
                                                     {{"GetObject", "5xx"}, 2},
                                                     {{"GetObject", "none"}, 1},
                                                     {{"HeadObject", "4xx"}, 1}});
  CHECK(counts.retries ==
        decltype(counts.retries){
            {"throttled", 1}, {"server_error", 1}, {"no_reply", 1}, {"interrupted", 1}});
}

TEST_CASE_METHOD(Fixture, "The difference of the clocks is known from each reply with a date") {
  RequestCounter counter;
  S3Config with = config();
  with.counter = &counter;
  S3Client s3 = client(std::move(with));
  server.objects["a/b"] = {.bytes = "x", .token = {}, .modified = clock.now()};
  static_cast<void>(send(s3, kGet));
  CHECK(counter.counts().clock_ahead == std::chrono::seconds(0));
  server.before = [&](const FakeS3Request& /*request*/) -> std::optional<FakeS3Reply> {
    FakeS3Reply reply = fake_error(404, "NoSuchKey");
    reply.response.headers.emplace_back("date",
                                        format_http_date(clock.now() - std::chrono::minutes(2)));
    return reply;
  };
  static_cast<void>(error_of(s3, kGet));
  CHECK(counter.counts().clock_ahead == std::chrono::seconds(-120));
  server.before = [&](const FakeS3Request& /*request*/) -> std::optional<FakeS3Reply> {
    FakeS3Reply reply = fake_error(404, "NoSuchKey");
    reply.response.headers.emplace_back("date", "yesterday");
    return reply;
  };
  static_cast<void>(error_of(s3, kGet));
  CHECK(counter.counts().clock_ahead == std::chrono::seconds(-120));
}

TEST_CASE_METHOD(Fixture, "A lasting refusal is told at once") {
  S3Client s3 = client();
  server.before = first(1, fake_error(403, "SignatureDoesNotMatch"));
  const Error error = error_of(s3, {.method = "PUT", .key = "k", .note = "part 7"});
  CHECK(error.kind() == ErrorKind::denied);
  CHECK(error.message() ==
        "PUT s3://bucket/k part 7: 403 SignatureDoesNotMatch: as the test asked (request R1)");
  CHECK(contains(error.hint(), "S3_SECRET_KEY"));
  CHECK_FALSE(contains(error.what(), "keep-this-quiet"));
  CHECK(server.seen.size() == 1);
}

TEST_CASE_METHOD(Fixture, "A body damaged on its way is sent once more, not for ever") {
  S3Client s3 = client();
  server.before = first(1, fake_error(400, "BadDigest"));
  static_cast<void>(send(s3, {.method = "PUT", .key = "k", .body = "x"}));
  CHECK(server.seen.size() == 2);
  server.before = first(100, fake_error(400, "BadDigest"));
  CHECK(error_of(s3, {.method = "PUT", .key = "k", .body = "x"}).kind() == ErrorKind::corrupt);
  CHECK(server.seen.size() == 4);
}

TEST_CASE_METHOD(Fixture, "Only the kind that was asked for is returned") {
  S3Client s3 = client();
  S3Request head = {.method = "HEAD", .key = "absent", .returned = ErrorKind::not_found};
  CHECK(send(s3, head).status == 404);
  server.before = first(1, fake_error(404, "NoSuchBucket"));
  head.method = "GET";
  CHECK(error_of(s3, head).kind() == ErrorKind::failed);
  server.before = first(1, fake_reply(403));
  head.method = "HEAD";
  CHECK(error_of(s3, head).kind() == ErrorKind::denied);
}

TEST_CASE_METHOD(Fixture, "The right region is learned once and kept") {
  server.region = "eu-central-1";
  S3Client s3 = client();
  SECTION("from the body of a refusal") {
    static_cast<void>(send(s3, {.method = "PUT", .key = "k", .body = "x"}));
  }
  SECTION("from a header, for lack of a body") {
    server.before = first(1, fake_reply(400, "", {{"x-amz-bucket-region", "eu-central-1"}}));
    server.objects["k"] = {};
    static_cast<void>(send(s3, {.method = "HEAD", .key = "k"}));
  }
  CHECK(server.seen.size() == 2);
  CHECK(contains(log.text(), "eu-central-1"));
  static_cast<void>(send(s3, {.method = "PUT", .key = "k", .body = "y"}));
  CHECK(server.seen.size() == 3);
}

TEST_CASE_METHOD(Fixture, "A region that does not help is told to the user") {
  const std::string elsewhere = "<Region>eu-west-3</Region>";
  for (const auto& [status, code, requests] : std::vector<std::tuple<int, std::string, size_t>>{
           {301, "PermanentRedirect", 1},  // another server: not for us to choose
           {307, "TemporaryRedirect", 1},
           {400, "AuthorizationHeaderMalformed", 2}}) {
    CAPTURE(status);
    S3Client one = client();
    server.seen.clear();
    server.before = first(9, fake_error(status, code, elsewhere));
    const Error error = error_of(one, kGet);
    CHECK(error.kind() == ErrorKind::failed);
    CHECK(contains(error.hint(), "S3_REGION=eu-west-3"));
    CHECK(server.seen.size() == requests);
  }
  for (const auto* region : {"", "<Region/>", "<Region>us-east-1</Region>",
                             "<Region>x/../y</Region>", "<Region>EU</Region>"}) {
    CAPTURE(region);
    S3Client other = client();
    server.seen.clear();
    server.before = first(9, fake_error(400, "AuthorizationHeaderMalformed", region));
    CHECK(error_of(other, kGet).kind() == ErrorKind::failed);
    CHECK(server.seen.size() == 1);
  }
}

TEST_CASE_METHOD(Fixture, "AWS is asked again at the host of the bucket's region") {
  S3Config with = config();
  with.endpoint.clear();
  with.region = "us-east-1";
  S3Client s3 = client(std::move(with));
  std::vector<std::string> hosts;
  int status = 0;
  SECTION("after a permanent redirect") { status = 301; }
  SECTION("after a temporary redirect") { status = 307; }
  SECTION("after a refused signature") { status = 400; }
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    hosts.push_back(request.host);
    CHECK(request.headers.at("host") == request.host);
    if (hosts.size() > 1) return fake_reply(200);
    return fake_reply(status, "", {{"x-amz-bucket-region", "eu-west-3"}});
  };
  static_cast<void>(send(s3, {.method = "HEAD", .key = "k"}));
  CHECK(hosts == std::vector<std::string>{"bucket.s3.us-east-1.amazonaws.com",
                                          "bucket.s3.eu-west-3.amazonaws.com"});
}

TEST_CASE_METHOD(Fixture, "A wrong clock is corrected by the server's, once and for all") {
  std::vector<std::string> dates;
  bool is_head = false;
  SECTION("behind") { server.ahead = std::chrono::hours(3); }
  SECTION("ahead") { server.ahead = -std::chrono::hours(240); }
  SECTION("told without a body") {
    server.ahead = -std::chrono::minutes(16);
    is_head = true;
  }
  clock.advance(-server.ahead);
  server.objects["a/b"] = {.bytes = "x", .token = {}, .modified = clock.now()};
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    dates.push_back(request.headers.at("x-amz-date"));
    return std::nullopt;
  };
  S3Client s3 = client();
  static_cast<void>(send(s3, {.method = is_head ? "HEAD" : "GET", .key = "a/b"}));
  static_cast<void>(send(s3, kGet));
  CHECK(dates.at(0) != "20261120T031500Z");
  CHECK(dates.at(1) == "20261120T031500Z");
  CHECK(dates.at(2) == "20261120T031500Z");
  CHECK(dates.size() == 3);
  const std::string text = log.text();
  CHECK(text.find("the clock of this machine is wrong") ==
        text.rfind("the clock of this machine is wrong"));
  CHECK(contains(text, "the clock of this machine is wrong"));
}

TEST_CASE_METHOD(Fixture, "A wrong clock is not corrected where locks end by it") {
  server.ahead = -std::chrono::hours(240);
  clock.advance(-server.ahead);
  S3Config with = config();
  with.write.lock_mode = S3LockMode::compliance;
  with.write.lock_retention = std::chrono::hours(24);
  S3Client s3 = client(std::move(with));
  CHECK(contains(error_of(s3, kGet).message(), "RequestTimeTooSkewed"));
}

TEST_CASE_METHOD(Fixture, "A clean-up takes the credentials at hand, and one short attempt") {
  int fetches = 0;
  S3Config with = config();
  with.get_credentials = [&](const std::stop_token& /*stop*/) {
    ++fetches;
    return Credentials{.access_key = Secret("AKID"),
                       .secret_key = Secret("keep-this-quiet"),
                       .expires = clock.now() + std::chrono::hours(1)};
  };
  S3Client s3 = client(std::move(with));
  const S3Request cleanup = {.method = "GET", .key = "a/b", .is_cleanup = true};
  CHECK(contains(error_of(s3, cleanup).message(), "no credentials are available"));
  server.objects["a/b"] = {.bytes = "x", .token = {}, .modified = clock.now()};
  static_cast<void>(send(s3, kGet));
  clock.advance(std::chrono::minutes(50));
  static_cast<void>(send(s3, cleanup));
  server.before = first(9, fake_error(503, "SlowDown"));
  CHECK(error_of(s3, cleanup).kind() == ErrorKind::transient);
  CHECK(fetches == 1);
  CHECK(server.seen.size() == 3);
}

TEST_CASE_METHOD(Fixture, "A clock that cannot be corrected is told at once") {
  FakeS3Reply refusal = fake_error(403, "RequestTimeTooSkewed");
  size_t requests = 1;
  SECTION("the clocks agree") {}
  SECTION("the server refuses its own time") {
    server.ahead = std::chrono::hours(1);
    requests = 2;
  }
  SECTION("a refusal that is not about the time") {
    server.ahead = std::chrono::minutes(4);
    refusal = fake_reply(403);
  }
  S3Client s3 = client();
  server.before = first(9, refusal);
  CHECK_THROWS_AS(send(s3, kGet), Error);
  CHECK(server.seen.size() == requests);
}

TEST_CASE_METHOD(Fixture, "Retry-After is kept, in seconds and as a date") {
  for (const auto& [text, least, most] : std::vector<std::tuple<std::string, long, long>>{
           {"7", 7, 7},
           {"Fri, 20 Nov 2026 03:15:09 GMT", 9, 9},  // nine seconds after its Date
           {"Fri, 20 Nov 2026 03:14:00 GMT", 0, 0},
           {"Fri, 20 Nov 2066 03:14:00 GMT", 900, 900},
           {"99999999999999", 900, 900},
           {"soon", 0, 0},
           {"-5", 0, 0}}) {
    CAPTURE(text);
    S3Client s3 = client();
    server.before = first(
        1, fake_reply(503, "", {{"retry-after", text}, {"date", "Fri, 20 Nov 2026 03:15:00 GMT"}}));
    const auto begun = clock.steady();
    static_cast<void>(send(s3, {.method = "PUT", .key = "k", .body = "x"}));
    const auto waited = std::chrono::floor<std::chrono::seconds>(clock.steady() - begun);
    CHECK(waited >= std::chrono::seconds(least));
    CHECK(waited <= std::chrono::seconds(most));
  }
}

TEST_CASE_METHOD(Fixture, "Each request is a line of the debug log, without its secrets") {
  S3Config with = config();
  with.session_token = Secret("the-session");
  server.accounts["AKID"].session_token = "the-session";
  S3Client s3 = client(std::move(with));
  server.before = [&](const FakeS3Request& /*request*/) -> std::optional<FakeS3Reply> {
    if (server.seen.size() == 1) throw_network_error();
    clock.advance(std::chrono::milliseconds(35));
    return fake_reply(200, "", {{"x-amz-request-id", "R7"}});
  };
  static_cast<void>(send(s3, {.method = "PUT", .key = "k", .note = "part 7"}));
  for (const auto* part : {"for=\"PUT s3://bucket/k part 7\" reply=200 ms=35 attempt=2 request=R7",
                           "for=\"PUT s3://bucket/k part 7\" reply=\"", "attempt=1 request=\"\""}) {
    CAPTURE(part);
    CHECK(contains(log.text(), part));
  }
  for (const auto* secret : {"keep-this-quiet", "the-session", "Signature", "AKID"}) {
    CHECK_FALSE(contains(log.text(), secret));
  }
}

TEST_CASE_METHOD(Fixture, "A completion counts only with its result") {
  S3Client s3 = client();
  const S3Request complete = {.method = "POST", .key = "k", .is_completion = true};
  const std::string result =
      "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>";
  std::vector<FakeS3Reply> replies = {fake_error(200, "InternalError"), fake_reply(200, "  "),
                                      fake_reply(200, "<html/>"), fake_reply(200, "  " + result)};
  size_t next = 0;
  server.before = [&](const FakeS3Request& /*request*/) { return replies.at(next++); };
  CHECK(send(s3, complete).status == 200);
  CHECK(next == 4);
  server.before = first(1, fake_error(200, "InvalidPart"));
  CHECK_THROWS_AS(send(s3, complete), Error);
}

TEST_CASE_METHOD(Fixture, "The server's time is remembered and goes on") {
  S3Client s3 = client();
  CHECK_FALSE(s3.server_time(std::chrono::minutes(1)));
  clock.advance(std::chrono::hours(5));
  server.ahead = -std::chrono::hours(5);  // this machine is off; the server says 03:15
  static_cast<void>(send(s3, {.method = "PUT", .key = "k"}));
  clock.advance(std::chrono::seconds(50));
  CHECK(format_iso(*s3.server_time(std::chrono::minutes(1))) == "2026-11-20T03:15:50Z");
  clock.advance(std::chrono::seconds(11));
  CHECK_FALSE(s3.server_time(std::chrono::minutes(1)));
}

TEST_CASE_METHOD(Fixture, "The token of temporary keys is sent and signed") {
  S3Config with = config();
  with.session_token = Secret("the token");
  server.accounts["AKID"].session_token = "the token";
  S3Client s3 = client(std::move(with));
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    CHECK(request.headers.at("x-amz-security-token") == "the token");
    CHECK(contains(request.headers.at("authorization"),
                   "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"));
    return fake_reply(200);
  };
  CHECK(send(s3, kGet).status == 200);
}

/// Keys AK1, AK2 ..., one for each call.
CredentialFetch counting(int& calls) {
  return [&calls](const std::stop_token& /*stop*/) {
    return Credentials{.access_key = Secret("AK" + std::to_string(++calls)),
                       .secret_key = Secret("s"),
                       .session_token = Secret("t")};
  };
}

TEST_CASE_METHOD(Fixture, "Credentials that are refused are renewed once per request") {
  int calls = 0;
  S3Config with = config();
  with.get_credentials = counting(calls);
  S3Client s3 = client(std::move(with));
  const auto* const code =
      GENERATE("ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "TokenRefreshRequired");
  CAPTURE(code);
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (contains(request.headers.at("authorization"), "=AK1/")) return fake_error(400, code);
    return fake_reply(200);
  };
  CHECK(send(s3, kGet).status == 200);
  CHECK(send(s3, kGet).status == 200);
  CHECK(calls == 2);
  CHECK(server.seen.size() == 3);
  server.before = first(99, fake_error(400, code));
  CHECK(error_of(s3, kGet).kind() == ErrorKind::denied);
  CHECK(calls == 3);
  CHECK(server.seen.size() == 5);
}

TEST_CASE_METHOD(Fixture, "A HEAD with keys that are over has no code, only a status") {
  int calls = 0;
  S3Config with = config();
  with.get_credentials = counting(calls);
  S3Client s3 = client(std::move(with));
  server.accounts["AK2"] = {.secret_key = "s", .session_token = "t"};
  server.before = first(1, fake_reply(400));
  server.objects["a/b"] = {};
  CHECK(send(s3, {.method = "HEAD", .key = "a/b"}).status == 200);
  CHECK(calls == 2);
}

TEST_CASE_METHOD(Fixture, "Other refusals and keys that are fixed renew nothing") {
  int calls = 0;
  S3Config with = config();
  with.get_credentials = counting(calls);
  S3Client s3 = client(std::move(with));
  for (const auto* code : {"AccessDenied", "SignatureDoesNotMatch", "NoSuchBucket", ""}) {
    server.before = first(1, fake_error(403, code));
    CHECK_THROWS_AS(send(s3, kGet), Error);
  }
  server.before = first(1, fake_reply(403));
  CHECK_THROWS_AS(send(s3, {.method = "HEAD", .key = "a/b"}), Error);
  CHECK(calls == 1);
  server.seen.clear();
  S3Client fixed = client();
  server.before = first(9, fake_error(400, "ExpiredToken"));
  CHECK(contains(error_of(fixed, kGet).hint(), "expired"));
  CHECK(server.seen.size() == 1);
}

TEST_CASE_METHOD(Fixture, "While there are no credentials a request is tried again or told") {
  S3Config with = config();
  int calls = 0;
  ErrorKind kind = ErrorKind::transient;
  with.get_credentials = [&](const std::stop_token& /*stop*/) -> Credentials {
    if (++calls < 3) throw Error(kind, "the source is away");
    return {.access_key = Secret("A"), .secret_key = Secret("s")};
  };
  S3Client s3 = client(std::move(with));
  server.before = first(9, fake_reply(200));
  SECTION("for a passing cause") {
    CHECK(send(s3, kGet).status == 200);
    CHECK(calls == 3);
  }
  SECTION("for a lasting one") {
    kind = ErrorKind::denied;
    CHECK(error_of(s3, kGet).message() == "the source is away");
    CHECK(calls == 1);
    CHECK(server.seen.empty());
  }
}

TEST_CASE_METHOD(Fixture, "A configuration that cannot work is refused before any request") {
  const auto refuses = [&](auto change) {
    S3Config with = config();
    change(with);
    try {
      static_cast<void>(client(std::move(with)));
    } catch (const Error& error) {
      return error.kind() == ErrorKind::usage;
    }
    return false;
  };
  CHECK(refuses([](S3Config& c) { c.endpoint = "https://h/b"; }));
  CHECK(refuses([](S3Config& c) { c.bucket.clear(); }));
  CHECK(refuses([](S3Config& c) { c.bucket = "a/b"; }));
  CHECK(refuses([](S3Config& c) { c.part_bytes = 0; }));
  CHECK(refuses([](S3Config& c) { c.max_parts = 0; }));
  CHECK(refuses([](S3Config& c) { c.upload_concurrency = 0; }));
  CHECK_FALSE(refuses([](S3Config& /*config*/) {}));
}

}  // namespace
}  // namespace pgbackup
