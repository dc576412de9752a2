#include "common/store/s3/operation.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("Each request that is sent has Amazon's name, and any other none") {
  struct Row {
    std::string method;
    bool is_bucket;
    NameValues query;
    std::string operation;
  };
  for (const Row& row :
       std::vector<Row>{{"GET", true, {{"list-type", "2"}, {"prefix", "p"}}, "ListObjectsV2"},
                        {"GET", true, {{"uploads", ""}, {"prefix", "p"}}, "ListMultipartUploads"},
                        {"GET", true, {{"versions", ""}}, "ListObjectVersions"},
                        {"GET", true, {{"versioning", ""}}, "GetBucketVersioning"},
                        {"GET", true, {{"lifecycle", ""}}, "GetBucketLifecycleConfiguration"},
                        {"GET", true, {{"object-lock", ""}}, "GetObjectLockConfiguration"},
                        {"POST", true, {{"delete", ""}}, "DeleteObjects"},
                        {"GET", false, {}, "GetObject"},
                        {"GET", false, {{"uploadId", "u"}}, "ListParts"},
                        {"HEAD", false, {}, "HeadObject"},
                        {"HEAD", false, {{"versionId", "v"}}, "HeadObject"},
                        {"PUT", false, {}, "PutObject"},
                        {"PUT", false, {{"partNumber", "1"}, {"uploadId", "u"}}, "UploadPart"},
                        {"POST", false, {{"uploads", ""}}, "CreateMultipartUpload"},
                        {"POST", false, {{"uploadId", "u"}}, "CompleteMultipartUpload"},
                        {"DELETE", false, {}, "DeleteObject"},
                        {"DELETE", false, {{"uploadId", "u"}}, "AbortMultipartUpload"},
                        {"GET", true, {}, "Other"},
                        {"PUT", true, {}, "Other"},
                        {"HEAD", true, {}, "Other"},
                        {"POST", true, {{"uploads", ""}}, "Other"},
                        {"POST", false, {}, "Other"},
                        {"PATCH", false, {}, "Other"},
                        {"", false, {}, "Other"},
                        {"get", false, {}, "Other"}}) {
    CAPTURE(row.method, row.operation);
    CHECK(s3_operation(row.method, row.is_bucket, row.query) == row.operation);
  }
}

TEST_CASE("An operation needs the permission that policies name") {
  CHECK(permission_of("ListObjectsV2") == "s3:ListBucket");
  CHECK(permission_of("HeadObject") == "s3:GetObject");
  CHECK(permission_of("UploadPart") == "s3:PutObject");
  CHECK(permission_of("DeleteObjects") == "s3:DeleteObject");
  CHECK(permission_of("Other").empty());
  CHECK(permission_of("").empty());
}

}  // namespace
}  // namespace pgbackup
