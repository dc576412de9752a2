#include "common/service/status_access.h"

#include <string>
#include <vector>

#include "common/codec/encoding.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

StatusRequest request(std::string_view authorization, std::string_view host = "127.0.0.1:9481",
                      bool is_loopback = true) {
  return {.path = "/", .authorization = authorization, .host = host, .is_loopback = is_loopback};
}

int status_of(const std::optional<StatusReply>& refusal) { return refusal ? refusal->status : 200; }

TEST_CASE("Whoever knows the user and the password is let in, from anywhere") {
  StatusAccess access("pg-prune", "anna", false);
  access.set_password(Secret("pass:word ä"));
  const std::string token = encode_base64("anna:pass:word ä");
  for (const std::string& good : {"Basic " + token, "basic " + token, "BASIC  " + token + " "}) {
    CAPTURE(good);
    CHECK_FALSE(access.refusal(request(good, "elsewhere", false), true));
    CHECK_FALSE(access.refusal(request(good, "elsewhere", false), false));
  }
  for (const std::string& bad : std::vector<std::string>{
           "", "Basic", "Basic ", "Basic " + encode_base64("anna:"),
           "Basic " + encode_base64("anna:pass"), "Basic " + encode_base64("Anna:pass:word ä"),
           "Basic " + encode_base64("anna:pass:word ä "), "Basic " + encode_base64(":pass:word ä"),
           "Basic " + token + "=", "Basic " + token.substr(1), "Bearer " + token, token,
           "Digest username=\"anna\"", std::string(10000, 'x')}) {
    CAPTURE(bad);
    const auto refusal = access.refusal(request(bad), false);
    REQUIRE(refusal);
    CHECK(refusal->status == 401);
    REQUIRE(refusal->headers.size() == 1);
    CHECK(refusal->headers[0].first == "WWW-Authenticate");
    CHECK(refusal->headers[0].second == "Basic realm=\"pg-prune\", charset=\"UTF-8\"");
  }
}

TEST_CASE("While the password is not known, nobody is let in, an empty password least of all") {
  StatusAccess access("pg-prune", "anna", true);
  for (const std::string& any : {std::string(), "Basic " + encode_base64("anna:")}) {
    CHECK(status_of(access.refusal(request(any), true)) == 403);
    CHECK(status_of(access.refusal(request(any), false)) == 403);
  }
  access.set_password(Secret("a"));
  CHECK(status_of(access.refusal(request("Basic " + encode_base64("anna:a")), true)) == 200);
  access.set_password(Secret("b"));
  CHECK(status_of(access.refusal(request("Basic " + encode_base64("anna:a")), true)) == 401);
}

TEST_CASE("Without a user the page is for this machine alone, and the metrics for all") {
  const StatusAccess access("pg-prune", "", false);
  CHECK_FALSE(access.refusal(request(""), true));
  CHECK_FALSE(access.refusal(request("", "elsewhere", false), false));
  const auto refusal = access.refusal(request("", "127.0.0.1", false), true);
  REQUIRE(refusal);
  CHECK(refusal->status == 403);
  CHECK(refusal->body.find("STATUS_PUBLIC=true") != std::string::npos);
  CHECK(status_of(access.refusal(request("", "rebound.example:9481"), true)) == 403);
}

TEST_CASE("A public page is for everyone") {
  const StatusAccess access("pg-prune", "", true);
  CHECK_FALSE(access.refusal(request("", "elsewhere", false), true));
}

TEST_CASE("A host is local by address or as localhost") {
  for (const auto* const good : {"localhost", "localhost:9481", "127.0.0.1", "127.0.0.1:9481",
                                 "[::1]", "[::1]:9481", "10.0.0.7:1"}) {
    CAPTURE(good);
    CHECK(is_local_host(good));
  }
  for (const auto* const bad :
       {"", ":", "evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "[", "[::1",
        "[evil]", "[]:1", "local host", "LOCALHOST.", "::1"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_local_host(bad));
  }
}

}  // namespace
}  // namespace pgbackup
