// The fake server would be worthless if it took what a real one refuses.
#include "tests/support/fake_s3.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "common/store/s3/client.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using Tamper = std::function<void(HttpRequest&)>;

/// A wire on which requests are changed.
class TamperedWire final : public Transport {
 public:
  TamperedWire(FakeS3& server, Tamper tamper) : server_(server), tamper_(std::move(tamper)) {}
  HttpResponse start(const HttpRequest& request, const std::stop_token& /*stop*/) override {
    HttpRequest changed = request;
    tamper_(changed);
    reply = server_.handle(changed).response;
    HttpResponse head = reply;
    head.body.clear();
    return head;
  }
  size_t read(std::span<char> buffer) override {
    const size_t count = reply.body.copy(buffer.data(), buffer.size());
    reply.body.erase(0, count);
    return count;
  }
  HttpResponse reply;

 private:
  FakeS3& server_;
  Tamper tamper_;
};

std::string& header(HttpRequest& request, const std::string& name) {
  const auto found = std::find_if(request.headers.begin(), request.headers.end(),
                                  [&](const auto& pair) { return pair.first == name; });
  REQUIRE(found != request.headers.end());
  return found->second;
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}

/// The code of the server's refusal, "" when it takes the request.
std::string refusal_of(const Tamper& tamper, const std::string& token = "") {
  FakeClock clock;
  TestLog log(clock);
  FakeS3 server(clock);
  server.accounts["AKID"].session_token = token;
  S3Config config;
  config.endpoint = "http://s3.example.com";
  config.bucket = "bucket";
  config.access_key = Secret("AKID");
  config.secret_key = Secret("secret");
  config.session_token = Secret(token);
  config.retry = kSingleAttempt;
  S3Client client(std::move(config), clock, log.log());
  TamperedWire wire(server, tamper);
  try {
    static_cast<void>(client.send(wire,
                                  {.method = "PUT",
                                   .key = "a b/=c",
                                   .query = {{"x", "1/ 2"}, {"a", ""}},
                                   .headers = {{"x-amz-meta-note", "two  words"}},
                                   .body = "body"},
                                  {}));
  } catch (const Error& error) {
    for (const auto* code : {"SignatureDoesNotMatch", "AuthorizationHeaderMalformed",
                             "InvalidAccessKeyId", "InvalidToken", "RequestTimeTooSkewed"}) {
      if (contains(error.message(), code)) return code;
    }
    return error.message();
  }
  return "";
}

TEST_CASE("The fake server takes what is signed well") {
  CHECK(refusal_of([](HttpRequest&) {}) == "");
  CHECK(refusal_of([](HttpRequest&) {}, "token") == "");
}

TEST_CASE("The fake server refuses whatever a signature does not cover or another one covers") {
  const std::string mismatch = "SignatureDoesNotMatch";
  const std::string body = "Body";
  const std::vector<std::pair<Tamper, std::string>> rows = {
      {[](HttpRequest& r) { r.method = "POST"; }, mismatch},
      {[](HttpRequest& r) { replace(r.url, "a%20b", "a%20c"); }, mismatch},
      {[](HttpRequest& r) { replace(r.url, "a%20b", "a+b"); }, mismatch},
      {[](HttpRequest& r) { replace(r.url, "x=1", "x=2"); }, mismatch},
      {[](HttpRequest& r) { r.url += "&more"; }, mismatch},
      {[](HttpRequest& r) { replace(r.url, "s3.example.com", "s3.example.org"); }, mismatch},
      {[&](HttpRequest& r) { r.body = body; }, mismatch},
      {[](HttpRequest& r) { header(r, "x-amz-content-sha256")[0] ^= 1; }, mismatch},
      {[](HttpRequest& r) { header(r, "x-amz-meta-note") = "other"; }, mismatch},
      {[](HttpRequest& r) { r.headers.emplace_back("x-amz-acl", "private"); }, mismatch},
      {[](HttpRequest& r) { r.headers.emplace_back("content-md5", "x"); }, mismatch},
      {[](HttpRequest& r) { header(r, "x-amz-date").replace(9, 2, "04"); }, mismatch},
      {[](HttpRequest& r) { std::erase_if(r.headers, [](auto& h) { return h.first == "host"; }); },
       mismatch},
      {[](HttpRequest& r) { replace(header(r, "authorization"), "host;", ""); }, mismatch},
      {[](HttpRequest& r) { header(r, "authorization").back() = 'x'; }, mismatch},
      {[](HttpRequest& r) { header(r, "x-amz-date")[7] = '1'; }, "AuthorizationHeaderMalformed"},
      {[](HttpRequest& r) { replace(header(r, "authorization"), "/s3/", "/ec2/"); },
       "AuthorizationHeaderMalformed"},
      {[](HttpRequest& r) { header(r, "authorization").clear(); }, "AuthorizationHeaderMalformed"},
      {[](HttpRequest& r) { replace(header(r, "authorization"), "AKID", "OTHER"); },
       "InvalidAccessKeyId"},
      {[](HttpRequest& r) { r.headers.emplace_back("x-amz-security-token", "t"); }, "InvalidToken"},
  };
  for (size_t row = 0; row < rows.size(); ++row) {
    CAPTURE(row);
    CHECK(refusal_of(rows[row].first) == rows[row].second);
  }
}

}  // namespace
}  // namespace pgbackup
