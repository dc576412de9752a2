#include "common/store/s3/error.h"

#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

TEST_CASE("What may pass by itself is transient") {
  for (const int status : {408, 429, 500, 502, 503, 504, 509, 520}) {
    CAPTURE(status);
    CHECK(kind_of_reply(status, "") == ErrorKind::transient);
  }
  for (const auto* code :
       {"RequestTimeout", "RequestRateLimitExceeded", "SlowDown", "InternalError", "Throttling",
        "ThrottlingException", "OperationAborted", "ConditionalRequestConflict"}) {
    CAPTURE(code);
    CHECK(kind_of_reply(400, code) == ErrorKind::transient);  // the code rules
    CHECK(kind_of_reply(200, code) == ErrorKind::transient);
  }
  CHECK(kind_of_reply(200, "") == ErrorKind::transient);
}

TEST_CASE("What does not pass is not transient") {
  for (const int status : {301, 307, 400, 401, 403, 404, 405, 409, 411, 412, 413, 416, 501, 505}) {
    CAPTURE(status);
    CHECK(kind_of_reply(status, "") != ErrorKind::transient);
  }
  for (const auto* code : {"InvalidPart", "EntityTooLarge", "NotImplemented", "InvalidRequest"}) {
    CAPTURE(code);
    CHECK(kind_of_reply(400, code) == ErrorKind::failed);
  }
  CHECK(kind_of_reply(403, "") == ErrorKind::denied);
  CHECK(kind_of_reply(404, "") == ErrorKind::not_found);
  CHECK(kind_of_reply(404, "NoSuchKey") == ErrorKind::not_found);
  CHECK(kind_of_reply(404, "NoSuchUpload") == ErrorKind::not_found);
  CHECK(kind_of_reply(404, "NoSuchBucket") == ErrorKind::failed);  // not just an absent object
}

TEST_CASE("The text says what was asked, what was answered, and what to do") {
  const Error error = make_reply_error("PUT s3://bucket/key part 7", 503,
                                       {.code = "SlowDown",
                                        .message = "Please reduce your request rate.",
                                        .request_id = "4442587FB7D0A2F9",
                                        .region = {}});
  CHECK(error.message() ==
        "PUT s3://bucket/key part 7: 503 SlowDown: Please reduce your request rate. "
        "(request 4442587FB7D0A2F9)");
  CHECK(error.hint().empty());
  CHECK(make_reply_error("HEAD s3://b/k", 403, {}).message() == "HEAD s3://b/k: 403 Forbidden");

  const auto hint = [](int status, const std::string& code, const std::string& region = {}) {
    return make_reply_error("GET s3://b/", status,
                            {.code = code, .message = {}, .request_id = {}, .region = region})
        .hint();
  };
  CHECK(contains(hint(404, "NoSuchBucket"), "S3_BUCKET"));
  CHECK(contains(hint(403, "SignatureDoesNotMatch"), "S3_SECRET_KEY"));
  CHECK(contains(hint(403, "InvalidAccessKeyId"), "S3_ACCESS_KEY"));
  CHECK(contains(hint(403, "AccessDenied"), "permission"));
  CHECK(contains(hint(403, "RequestTimeTooSkewed"), "clock"));
  CHECK(contains(hint(403, ""), "S3_ACCESS_KEY"));
  CHECK(contains(hint(301, "PermanentRedirect"), "S3_REGION"));
  CHECK(contains(hint(301, "PermanentRedirect", "eu-west-3"), "S3_REGION=eu-west-3"));
  CHECK(hint(404, "NoSuchKey").empty());
  CHECK(hint(400, "InvalidRequest").empty());
  CHECK(contains(hint(403, "InvalidObjectState"), "restore it there first"));
  const Error unlocked = make_reply_error(
      "PUT s3://b/k", 400,
      {.code = "InvalidRequest",
       .message = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests "
                  "with Object Lock parameters",
       .request_id = {},
       .region = {}});
  CHECK(contains(unlocked.hint(), "S3_OBJECT_LOCK_RETENTION"));
}

}  // namespace
}  // namespace pgbackup
