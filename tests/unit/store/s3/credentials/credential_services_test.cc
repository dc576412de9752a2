#include <string>
#include <vector>

#include "common/store/s3/credentials/container_credentials.h"
#include "common/store/s3/credentials/instance_metadata.h"
#include "common/store/s3/credentials/web_identity.h"
#include "tests/support/credential_fixture.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

const std::string kStsReply =
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
    "<AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken>"
    "<Expiration>2026-11-20T04:15:00Z</Expiration>"
    "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
const std::string kJsonReply =
    R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":"2026-11-20T04:15:00Z"})";
constexpr const char* kAll = "A S T 2026-11-20T04:15:00Z";

struct WebIdentityFixture : CredentialFixture {
  explicit WebIdentityFixture(std::vector<std::string> replies) : server(std::move(replies)) {
    environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder.write("token", "first+token\n").string();
    environment["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/backup";
    environment["AWS_ENDPOINT_URL_STS"] = server.url("");
  }
  Credentials fetch() { return fetch_web_identity(context(), stop.get_token()); }

  ScriptedServer server;
};

TEST_CASE("Web identity: the token goes to STS, read anew each time") {
  WebIdentityFixture test({ok(kStsReply), ok(kStsReply)});
  CHECK(why_no_web_identity(test.context()).empty());
  CHECK(show(test.fetch()) == kAll);
  test.folder.write("token", "second");
  test.environment["AWS_ROLE_SESSION_NAME"] = "nightly@db";
  CHECK(show(test.fetch()) == kAll);
  test.server.end();
  REQUIRE(test.server.requests.size() == 2);
  const std::string& first = test.server.requests[0];
  CHECK(first.starts_with("POST / HTTP/1.1\r\n"));
  CHECK(contains(first, "content-type: application/x-www-form-urlencoded\r\n"));
  CHECK(
      first.ends_with("\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15&"
                      "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fbackup&"
                      "RoleSessionName=pg-backup&WebIdentityToken=first%2Btoken"));
  CHECK_FALSE(contains(first, "authorization"));
  CHECK(test.server.requests[1].ends_with("&RoleSessionName=nightly%40db&WebIdentityToken=second"));
}

TEST_CASE("Web identity: the end is by our clock, whatever the server's says") {
  WebIdentityFixture test(
      {"HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 02:15:00 GMT\r\n"
       "Content-Length: " +
       std::to_string(kStsReply.size()) + "\r\n\r\n" + kStsReply});
  CHECK(show(test.fetch()) == "A S T 2026-11-20T05:15:00Z");
}

TEST_CASE("Web identity: what goes wrong is told and tells nothing secret") {
  struct Case {
    std::string reply;
    ErrorKind kind;
    std::string says;
  };
  const std::string denied =
      "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized</Message></Error>"
      "</ErrorResponse>";
  const std::string busy =
      "<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error></ErrorResponse>";
  const std::vector<Case> cases = {
      {refusal("403 Forbidden", denied), ErrorKind::denied, "403: AccessDenied: Not authorized"},
      {refusal("403 Forbidden", denied), ErrorKind::denied, "role arn:aws:iam::1:role/backup must"},
      {refusal("400 Bad Request", busy), ErrorKind::transient, "IDPCommunicationError"},
      {refusal("404 Not Found", "<html>no</html>"), ErrorKind::denied, "HTTP status 404"},
      {refusal("500 Oops", ""), ErrorKind::transient, "HTTP status 500"},
      {refusal("301 Moved", ""), ErrorKind::denied, "HTTP status 301"},
      {ok("<html>welcome</html>"), ErrorKind::corrupt, "not usable"},
      {ok(kStsReply.substr(0, 150)), ErrorKind::corrupt, "not usable"},
      {ok(std::string(100'000, 'x')), ErrorKind::corrupt, "larger than 65536 bytes"},
      {kHangUp, ErrorKind::transient, "POST http://127.0.0.1"},
  };
  for (const Case& wrong : cases) {
    WebIdentityFixture test({wrong.reply});
    const auto error = error_of([&] { return test.fetch(); });
    REQUIRE(error);
    CAPTURE(wrong.reply.substr(0, 100), error->what());
    CHECK(error->kind() == wrong.kind);
    CHECK(contains(error->what(), wrong.says));
    CHECK(contains(error->message(), "STS"));
    CHECK_FALSE(contains(error->what(), "first+token"));
    CHECK_FALSE(contains(error->what(), "first%2Btoken"));
  }
}

TEST_CASE("Web identity: a token file that is no use is named") {
  WebIdentityFixture test({});
  std::string& file = test.environment["AWS_WEB_IDENTITY_TOKEN_FILE"];
  test.folder.write("token", "\n");
  CHECK(fails_with(ErrorKind::corrupt, file + " is empty", [&] { return test.fetch(); }));
  file = "/not/there";
  CHECK(fails_with(ErrorKind::not_found, "cannot read /not/there", [&] { return test.fetch(); }));
  file = test.folder.path().string();
  CHECK(fails_with(ErrorKind::failed, "not a regular file", [&] { return test.fetch(); }));
  file = test.folder.write("large", std::string(100'000, 'x')).string();
  CHECK(fails_with(ErrorKind::failed, "larger than", [&] { return test.fetch(); }));
  test.environment.erase("AWS_ROLE_ARN");
  CHECK(fails_with(ErrorKind::usage, "without AWS_ROLE_ARN", [&] { return test.fetch(); }));
  test.environment.erase("AWS_WEB_IDENTITY_TOKEN_FILE");
  CHECK(contains(why_no_web_identity(test.context()), "AWS_WEB_IDENTITY_TOKEN_FILE is not set"));
}

TEST_CASE("Web identity: a token for another provider does not go to Amazon") {
  WebIdentityFixture test({});
  test.environment.erase("AWS_ENDPOINT_URL_STS");
  CHECK(fails_with(ErrorKind::usage, "AWS_ENDPOINT_URL_STS", [&] { return test.fetch(); }));
}

TEST_CASE("Web identity: a stop ends a waiting request") {
  WebIdentityFixture test({""});
  std::jthread stopper([&] { test.stop.request_stop(); });
  CHECK(fails_with(ErrorKind::canceled, "", [&] { return test.fetch(); }));
}

struct ContainerFixture : CredentialFixture {
  explicit ContainerFixture(std::vector<std::string> replies) : server(std::move(replies)) {
    environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.url("/v1/credentials?x=1");
  }
  Credentials fetch() { return fetch_container(context(), stop.get_token()); }

  ScriptedServer server;
};

TEST_CASE("Container: the agent is asked with the authorization token, its file first") {
  ContainerFixture test({ok(kJsonReply), ok(kJsonReply), ok(kJsonReply), ok(kJsonReply)});
  CHECK(why_no_container(test.context()).empty());
  CHECK(show(test.fetch()) == kAll);
  test.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "from the variable";
  CHECK(show(test.fetch()) == kAll);
  test.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] =
      test.folder.write("token", "from the file\n").string();
  CHECK(show(test.fetch()) == kAll);
  test.folder.write("token", "replaced");
  CHECK(show(test.fetch()) == kAll);
  test.server.end();
  CHECK(test.server.requests[0].starts_with("GET /v1/credentials?x=1 HTTP/1.1\r\n"));
  CHECK_FALSE(contains(test.server.requests[0], "authorization"));
  CHECK(contains(test.server.requests[1], "authorization: from the variable\r\n"));
  CHECK(contains(test.server.requests[2], "authorization: from the file\r\n"));
  CHECK(contains(test.server.requests[3], "authorization: replaced\r\n"));
}

TEST_CASE("Container: a token that would end its header is refused") {
  ContainerFixture test({});
  test.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "a\r\nHost: evil";
  CHECK(fails_with(ErrorKind::usage, "line break", [&] { return test.fetch(); }));
}

TEST_CASE("Container: what goes wrong is told") {
  struct Case {
    std::string reply;
    ErrorKind kind;
    std::string says;
  };
  const std::vector<Case> cases = {
      {refusal("400 Bad Request", R"({"code":"NoPod","message":"no association"})"),
       ErrorKind::denied, "400: NoPod: no association"},
      {refusal("404 Not Found", "plain text"), ErrorKind::denied, "HTTP status 404"},
      {refusal("500 Oops", "<html/>"), ErrorKind::transient, "HTTP status 500"},
      {ok("<html/>"), ErrorKind::corrupt, "no JSON object"},
      {ok(kJsonReply.substr(0, 60)), ErrorKind::corrupt, "no JSON object"},
      {ok(R"({"AccessKeyId":"A"})"), ErrorKind::corrupt, "SecretAccessKey is missing"},
      {ok(std::string(100'000, ' ')), ErrorKind::corrupt, "larger than"},
      {kHangUp, ErrorKind::transient, "the container's agent"},
      {"", ErrorKind::transient, "the container's agent"},  // no answer at all: 2 s
  };
  for (const Case& wrong : cases) {
    ContainerFixture test({wrong.reply});
    CAPTURE(wrong.reply.substr(0, 100));
    const auto error = error_of([&] { return test.fetch(); });
    REQUIRE(error);
    CHECK(error->kind() == wrong.kind);
    CHECK(contains(error->what(), wrong.says));
    CHECK_FALSE(contains(error->what(), "/v1/credentials"));  // as good as a key
  }
}

TEST_CASE("Container: without TLS only the agents and the loopback are asked") {
  for (const auto* url : {"http://169.254.170.2/v2", "http://169.254.170.23/v1/credentials",
                          "http://[fd00:ec2::23]/v1", "http://[FD00:0EC2:0::23]:80/v1",
                          "http://127.0.0.1:1/", "http://127.9.9.9/x", "http://localhost:80",
                          "http://[::1]:80/", "https://example.com/x", "https://10.0.0.1:8443"}) {
    CAPTURE(url);
    CHECK(is_allowed_agent(url));
  }
  for (const auto* url : {"",
                          "http://",
                          "https://",
                          "http:///x",
                          "ftp://127.0.0.1/",
                          "127.0.0.1",
                          "http://10.0.0.1/",
                          "http://169.254.169.254/",
                          "http://169.254.170.2.example.com/",
                          "http://example.com/",
                          "http://localhost.example.com/",
                          "http://127.0.0.1@example.com/",
                          "https://a@b/",
                          "http://example.com\\@127.0.0.1/",
                          "http://[fd00:ec2::24]/",
                          "http://[::1/",
                          "http://[::1].example.com/",
                          "http://[127.0.0.1]/",
                          "http://0.0.0.0/",
                          "http://127.1/",
                          "http://2130706433/",
                          "http://%31%32%37.0.0.1/",
                          "HTTP://127.0.0.1/"}) {
    CAPTURE(url);
    CHECK_FALSE(is_allowed_agent(url));
  }
  CredentialFixture test;
  test.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://10.0.0.1/x";
  CHECK(fails_with(ErrorKind::usage, "names a server that may not be asked",
                   [&] { return fetch_container(test.context(), {}); }));
  test.environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "@10.0.0.1/";
  CHECK(fails_with(ErrorKind::usage, "slash", [&] { return fetch_container(test.context(), {}); }));
  test.environment = {};
  CHECK(contains(why_no_container(test.context()), "are not set"));
}

TEST_CASE("Agents of credentials are never reached through a proxy") {
  ContainerFixture test({ok(kJsonReply)});
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  const auto error = error_of([&] { return test.fetch(); });
  unsetenv("http_proxy");
  CHECK_FALSE(error);
}

struct InstanceFixture : CredentialFixture {
  explicit InstanceFixture(std::vector<std::string> replies) : server(std::move(replies)) {
    environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server.url();
  }
  Credentials fetch() { return fetch_instance_metadata(context(), stop.get_token()); }

  ScriptedServer server;
};

TEST_CASE("Instance: a token, the role, its credentials") {
  InstanceFixture test({ok("TOKEN=="), ok("backup role\nother"),
                        ok(R"({"Code":"Success",)" + kJsonReply.substr(1))});
  CHECK(show(test.fetch()) == kAll);
  test.server.end();
  REQUIRE(test.server.requests.size() == 3);
  CHECK(test.server.requests[0].starts_with("PUT /latest/api/token HTTP/1.1\r\n"));
  CHECK(contains(test.server.requests[0], "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
  const std::string path = "GET /latest/meta-data/iam/security-credentials/";
  CHECK(test.server.requests[1].starts_with(path + " HTTP/1.1\r\n"));
  CHECK(contains(test.server.requests[1], "x-aws-ec2-metadata-token: TOKEN==\r\n"));
  CHECK(test.server.requests[2].starts_with(path + "backup%20role HTTP/1.1\r\n"));
  CHECK(contains(test.server.requests[2], "x-aws-ec2-metadata-token: TOKEN==\r\n"));
}

TEST_CASE("Instance: what goes wrong at each step is told") {
  struct Case {
    std::vector<std::string> replies;
    ErrorKind kind;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{refusal("403 Forbidden", "")}, ErrorKind::denied, "/latest/api/token: HTTP status 403"},
      {{kHangUp, kHangUp}, ErrorKind::transient, "/latest/api/token"},
      {{"", ""}, ErrorKind::transient, "/latest/api/token"},  // no answer at all: 2 × 1 s
      {{ok("")}, ErrorKind::corrupt, "the token is not usable"},
      {{ok("<html>proxy</html>")}, ErrorKind::corrupt, "the token is not usable"},
      {{ok("a\r\nb")}, ErrorKind::corrupt, "the token is not usable"},
      {{ok("T"), refusal("404 Not Found", "<html/>")},
       ErrorKind::denied,
       "security-credentials/: HTTP status 404"},
      {{ok("T"), ok("")}, ErrorKind::corrupt, "the name of the role"},
      {{ok("T"), ok("r"), refusal("404 Not Found", "")}, ErrorKind::denied, "/r: HTTP status 404"},
      {{ok("T"), ok("r"), ok("{")}, ErrorKind::corrupt, "no JSON object"},
      {{ok("T"), ok("r"), ok(R"({"Code":"Failed","Message":"no"})")},
       ErrorKind::denied,
       "Failed: no"},
  };
  for (const Case& wrong : cases) {
    InstanceFixture test(wrong.replies);
    CAPTURE(wrong.says, wrong.replies[0].substr(0, 60));
    const auto error = error_of([&] { return test.fetch(); });
    REQUIRE(error);
    CAPTURE(error->what());
    CHECK(error->kind() == wrong.kind);
    CHECK(contains(error->what(), wrong.says));
    CHECK(contains(error->message(), "the instance metadata service"));
  }
}

TEST_CASE("Instance: a passing fault is tried once more") {
  InstanceFixture test({kHangUp, ok("T"), refusal("503 Busy", ""), ok("r"), ok(kJsonReply)});
  CHECK(show(test.fetch()) == kAll);
}

TEST_CASE("Instance: asked for a bucket of Amazon's, or where someone says so") {
  CredentialFixture test;
  CHECK(contains(why_no_instance_metadata(test.context()), "only where S3_ENDPOINT is Amazon's"));
  test.is_aws = true;
  CHECK(why_no_instance_metadata(test.context()).empty());
  test.environment["AWS_EC2_METADATA_DISABLED"] = "true";
  CHECK(contains(why_no_instance_metadata(test.context()), "AWS_EC2_METADATA_DISABLED"));
  test.environment["AWS_EC2_METADATA_DISABLED"] = "True";
  CHECK_FALSE(why_no_instance_metadata(test.context()).empty());
  test.environment = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"}};
  test.is_aws = false;
  CHECK(why_no_instance_metadata(test.context()).empty());
}

}  // namespace
}  // namespace pgbackup
