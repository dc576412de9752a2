#include "common/store/s3/credentials/credential_documents.h"

#include <string>

#include "tests/support/credential_fixture.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

/// As STS of Amazon writes it.
std::string sts_reply(const std::string& credentials) {
  return "<AssumeRoleWithWebIdentityResponse "
         "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>"
         "<Audience>a</Audience><Credentials>" +
         credentials +
         "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
}

std::string parse_sts(std::string xml) { return show(parse_web_identity_document(xml)); }

TEST_CASE("A program's document is understood") {
  CHECK(show(parse_process_document(
            R"({"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "S",
                "SessionToken": "T", "Expiration": "2026-11-20T04:00:00Z", "More": {}})")) ==
        "A S T 2026-11-20T04:00:00Z");
  CHECK(show(parse_process_document(
            R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":null,
                "Expiration":null})")) == "A S  -");
  CHECK(show(parse_process_document(
            R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"S",
                "Expiration":"2026-11-20T04:00:00.25+00:00"})")) == "A S  2026-11-20T04:00:00Z");
}

TEST_CASE("A program's document that is none is refused without quoting it") {
  for (const auto* text :
       {"", "null", "[]", "{", "{}", "<html>S</html>",
        R"({"AccessKeyId":"A","SecretAccessKey":"S"})",
        R"({"Version":2,"AccessKeyId":"A","SecretAccessKey":"S"})",
        R"({"Version":"1","AccessKeyId":"A","SecretAccessKey":"S"})",
        R"({"Version":1,"SecretAccessKey":"SECRET"})", R"({"Version":1,"AccessKeyId":"A"})",
        R"({"Version":1,"AccessKeyId":"","SecretAccessKey":"SECRET"})",
        R"({"Version":1,"AccessKeyId":7,"SecretAccessKey":"SECRET"})",
        R"({"Version":1,"AccessKeyId":"A\r\nx: y","SecretAccessKey":"SECRET"})",
        R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET","SessionToken":"a\nb"})",
        R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET","SessionToken":""})",
        R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET","Expiration":"soon"})",
        R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET","Expiration":1795144500})",
        R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRET",
            "Expiration":"2026-11-20T04:00:00+02:00"})"}) {
    CAPTURE(text);
    const auto error = error_of([&] { return parse_process_document(text); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::corrupt);
    CHECK(std::string(error->what()).find("SECRET\"") == std::string::npos);
  }
}

TEST_CASE("A service's document is understood, and so is its refusal") {
  CHECK(show(parse_service_document(
            R"({"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"A","SecretAccessKey":"S",
                "Token":"T","Expiration":"2026-11-20T04:00:00Z"})")) ==
        "A S T 2026-11-20T04:00:00Z");
  CHECK(fails_with(ErrorKind::denied, "AssumeRoleUnauthorizedAccess: EC2 cannot", [] {
    return parse_service_document(
        R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role"})");
  }));
  for (const auto* text : {"", "{}", "not here", R"({"Code":"Success"})",
                           R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":[]})"}) {
    CAPTURE(text);
    CHECK(fails_with(ErrorKind::corrupt, "", [&] { return parse_service_document(text); }));
  }
}

TEST_CASE("The reply of STS is understood") {
  CHECK(parse_sts(sts_reply("<AccessKeyId>A</AccessKeyId><SecretAccessKey>S/+</SecretAccessKey>"
                            "<SessionToken>T&amp;</SessionToken>"
                            "<Expiration>2026-11-20T04:00:00.123Z</Expiration>")) ==
        "A S/+ T& 2026-11-20T04:00:00Z");
  const std::string keys = "<AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>";
  const std::string token = "<SessionToken>T</SessionToken>";
  for (const std::string& xml :
       {std::string(), std::string("<html/>"), std::string("{}"), sts_reply(""), sts_reply(keys),
        sts_reply(keys + token), sts_reply(keys + token + "<Expiration>soon</Expiration>"),
        sts_reply(keys + "<Expiration>2026-11-20T04:00:00Z</Expiration>"),
        sts_reply(keys + token + "<Expiration>2026-11-20T04:00:00Z</Expiration>").substr(0, 250)}) {
    CAPTURE(xml);
    CHECK(fails_with(ErrorKind::corrupt, "credentials are not usable",
                     [&] { return parse_sts(xml); }));
  }
}

TEST_CASE("What a refusal says is found in each form") {
  CHECK(explanation_in(R"({"Code":"X","Message":"why"})").text() == "X: why");
  CHECK(explanation_in(R"({"code":"X","message":"why"})").text() == "X: why");
  CHECK(explanation_in(R"({"message":"why"})").text() == "why");
  CHECK(explanation_in("<ErrorResponse><Error><Code>X</Code><Message>a\nb</Message></Error>"
                       "</ErrorResponse>")
            .text() == "X: a?b");
  CHECK(explanation_in("<Error><Code>X</Code><Message></Message></Error>").text() == "X");
  CHECK(explanation_in("<Error><Code>X</Code></Error>").code == "X");
  CHECK(explanation_in(R"({"Message":")" + std::string(5000, 'x') + "\"}").text().size() < 400);
  for (const auto* none : {"", "<html><body>404</body></html>", "null", "[1]", "{", "plain"}) {
    CHECK(explanation_in(none).text().empty());
  }
}

}  // namespace
}  // namespace pgbackup
