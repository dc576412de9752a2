#include "common/store/s3/credentials/credential_chain.h"

#include <string>

#include "tests/support/credential_fixture.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

std::string json_keys(const std::string& key) {
  return ok(R"({"AccessKeyId":")" + key + R"(","SecretAccessKey":"S","Token":"T"})");
}

struct Fixture : CredentialFixture {
  /// The access key that a new chain finds, and its source.
  std::string find() {
    const Credentials found = CredentialChain(context())(stop.get_token());
    return found.source + " " + std::string(found.access_key.reveal());
  }
};

TEST_CASE_METHOD(Fixture, "The sources are tried in the order of Amazon's own tools") {
  ScriptedServer instance({ok("T"), ok("role"), json_keys("I")});
  environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = instance.url();
  CHECK(find() == "instance metadata I");

  ScriptedServer container({json_keys("C")});
  environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = container.url();
  CHECK(find() == "container C");

  folder.write(".aws/credentials", "[default]\naws_access_key_id=P\naws_secret_access_key=S\n");
  CHECK(find() == "AWS profile P");

  ScriptedServer sts({refusal("403 Forbidden", "")});
  environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder.write("token", "t").string();
  environment["AWS_ROLE_ARN"] = "r";
  environment["AWS_ENDPOINT_URL_STS"] = sts.url();
  // Set up, but refused: that is the answer, not the next source.
  CHECK(
      fails_with(ErrorKind::denied, "credentials from web identity: STS", [&] { return find(); }));

  environment["AWS_ACCESS_KEY_ID"] = "V";
  environment["AWS_SECRET_ACCESS_KEY"] = "S";
  CHECK(find() == "variables V");
}

TEST_CASE_METHOD(Fixture, "The variables of other tools are a pair, too") {
  environment["AWS_ACCESS_KEY_ID"] = "V";
  CHECK(fails_with(ErrorKind::usage, "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY",
                   [&] { return find(); }));
  environment["AWS_SECRET_ACCESS_KEY"] = "S\n";
  CHECK(fails_with(ErrorKind::usage, "AWS_SECRET_ACCESS_KEY holds a control character",
                   [&] { return find(); }));
  environment["AWS_SECRET_ACCESS_KEY"] = "S";
  environment["AWS_SESSION_TOKEN"] = "T\n";
  CHECK(fails_with(ErrorKind::usage, "AWS_SESSION_TOKEN holds a control character",
                   [&] { return find(); }));
  environment["AWS_SESSION_TOKEN"] = "T";
  CHECK(show(CredentialChain(context())({})) == "V S T -");
  environment.erase("AWS_ACCESS_KEY_ID");
  CHECK(fails_with(ErrorKind::usage, "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID",
                   [&] { return find(); }));
}

TEST_CASE_METHOD(Fixture, "With no credentials anywhere every source is named with its reason") {
  ScriptedServer instance({ok("T"), refusal("404 Not Found", "")});
  environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = instance.url("");
  const auto error = error_of([&] { return find(); });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::denied);
  for (const std::string& reason :
       {std::string("S3_ACCESS_KEY is not set"),
        std::string("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"),
        std::string("AWS_WEB_IDENTITY_TOKEN_FILE is not set"),
        "cannot read " + folder.path().string() + "/.aws/credentials: No such file",
        "cannot read " + folder.path().string() + "/.aws/config: No such file",
        std::string("AWS_CONTAINER_CREDENTIALS_FULL_URI are not set"),
        "credentials from instance metadata: the instance metadata service: GET " +
            instance.url("/latest/meta-data/iam/security-credentials/: HTTP status 404")}) {
    CAPTURE(reason, error->message());
    CHECK(contains(error->message(), reason));
  }
  CHECK(contains(error->hint(), "hop limit"));
}

TEST_CASE_METHOD(Fixture, "An instance that does not answer is no reason to try for minutes") {
  ScriptedServer instance({kHangUp, kHangUp});
  environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = instance.url();
  CHECK(fails_with(ErrorKind::denied, "there are no credentials", [&] { return find(); }));
  environment.clear();
  CHECK(fails_with(ErrorKind::denied, "there are no credentials", [&] { return find(); }));
}

TEST_CASE_METHOD(Fixture, "The source that was found is kept, and its faults pass") {
  ScriptedServer instance({ok("T"), ok("role"), json_keys("I1"), kHangUp, kHangUp, ok("T"),
                           ok("role"), json_keys("I2")});
  environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = instance.url();
  CredentialChain chain(context());
  CHECK(chain({}).access_key.reveal() == "I1");
  folder.write(".aws/credentials", "[default]\naws_access_key_id=P\naws_secret_access_key=S\n");
  CHECK(fails_with(ErrorKind::transient, "instance metadata", [&] { return chain({}); }));
  CHECK(chain({}).access_key.reveal() == "I2");
}

TEST_CASE_METHOD(Fixture, "A stop while the instance is asked is a stop") {
  ScriptedServer instance({""});
  environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = instance.url();
  stop.request_stop();
  CHECK(fails_with(ErrorKind::canceled, "", [&] { return find(); }));
}

}  // namespace
}  // namespace pgbackup
