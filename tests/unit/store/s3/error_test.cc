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
  const Error error = make_reply_error({.text = "PUT s3://bucket/key part 7"}, 503,
                                       {.code = "SlowDown",
                                        .message = "Please reduce your request rate.",
                                        .request_id = "4442587FB7D0A2F9",
                                        .region = {}});
  CHECK(error.message() ==
        "PUT s3://bucket/key part 7: 503 SlowDown: Please reduce your request rate. "
        "(request 4442587FB7D0A2F9)");
  CHECK(error.hint().empty());
  CHECK(make_reply_error({.text = "HEAD s3://b/k"}, 403, {}).message() ==
        "HEAD s3://b/k: 403 Forbidden");

  const auto hint = [](int status, const std::string& code, const std::string& region = {}) {
    return make_reply_error({.text = "GET s3://b/"}, status,
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
      {.text = "PUT s3://b/k"}, 400,
      {.code = "InvalidRequest",
       .message = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests "
                  "with Object Lock parameters",
       .request_id = {},
       .region = {}});
  CHECK(contains(unlocked.hint(), "S3_OBJECT_LOCK_RETENTION"));
}

TEST_CASE("A bucket that is not there is named, as the server understood it, too") {
  const auto hint = [](const std::string& understood) {
    return make_reply_error({.text = "GET s3://b/", .operation = "ListObjectsV2", .bucket = "b"},
                            404, {.code = "NoSuchBucket", .bucket = understood})
        .hint();
  };
  const std::string plain =
      "there is no bucket \"b\" at this endpoint: check S3_BUCKET, S3_ENDPOINT and S3_REGION";
  CHECK(hint("") == plain);
  CHECK(hint("b") == plain);
  CHECK(contains(hint("s3.internal"), "the server took \"s3.internal\" for the bucket"));
}

TEST_CASE("A refusal names the permission that is missing") {
  const auto hint = [](std::string_view operation) {
    return make_reply_error({.text = "x", .operation = operation}, 403, {.code = "AccessDenied"})
        .hint();
  };
  CHECK(contains(hint("PutObject"), "lacks s3:PutObject here"));
  CHECK(contains(hint("DeleteObjects"), "lacks s3:DeleteObject here"));
  CHECK(contains(hint("ListMultipartUploads"), "deploy/iam/"));
  CHECK(contains(hint("Other"), "lacks permission"));
}

TEST_CASE("What a server cannot do is told by the setting that asks for it") {
  struct Row {
    S3Asked asked;
    int status;
    std::string code;
    std::string message;
    std::string part;  ///< of the hint; empty: there is none
  };
  const S3Asked locks{.text = "PUT s3://b/k", .locks = true};
  const S3Asked encrypts{.text = "PUT s3://b/k", .encrypts = true};
  const S3Asked plain{.text = "PUT s3://b/k"};
  for (const Row& row : std::vector<Row>{
           {locks, 400, "InvalidRequest", "Bucket is missing ObjectLockConfiguration",
            "unset S3_OBJECT_LOCK_MODE"},
           {locks, 501, "NotImplemented", "", "unset S3_OBJECT_LOCK_MODE"},
           {locks, 503, "SlowDown", "", ""},
           {encrypts, 501, "NotImplemented", "", "unset S3_SERVER_SIDE_ENCRYPTION"},
           {encrypts, 400, "InvalidArgument", "", "unset S3_SERVER_SIDE_ENCRYPTION"},
           {encrypts, 500, "InternalError", "", ""},
           {plain, 400, "InvalidRequest", "", ""},
           {plain, 400, "", "Client sent an HTTP request to an HTTPS server.", "with https://"},
           {plain, 400, "", "The plain HTTP request was sent to HTTPS port", "with https://"},
           {plain, 500, "", "HTTPS", ""}}) {
    CAPTURE(row.status, row.code, row.message);
    const std::string hint =
        make_reply_error(row.asked, row.status, {.code = row.code, .message = row.message}).hint();
    CHECK(row.part.empty() == hint.empty());
    CHECK(contains(hint, row.part));
  }
}

}  // namespace
}  // namespace pgbackup
