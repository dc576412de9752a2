#include "common/store/s3/operation.h"

#include <algorithm>
#include <array>

namespace pgbackup {
namespace {

constexpr std::string_view kOther = "Other";

bool has_parameter(const NameValues& query, std::string_view name) {
  return std::any_of(query.begin(), query.end(),
                     [&](const auto& parameter) { return parameter.first == name; });
}

std::string_view bucket_operation(std::string_view method, const NameValues& query) {
  if (method == "POST" && has_parameter(query, "delete")) return "DeleteObjects";
  if (method != "GET") return kOther;
  if (has_parameter(query, "uploads")) return "ListMultipartUploads";
  if (has_parameter(query, "versions")) return "ListObjectVersions";
  if (has_parameter(query, "versioning")) return "GetBucketVersioning";
  if (has_parameter(query, "lifecycle")) return "GetBucketLifecycleConfiguration";
  if (has_parameter(query, "object-lock")) return "GetObjectLockConfiguration";
  return has_parameter(query, "list-type") ? "ListObjectsV2" : kOther;
}

std::string_view object_operation(std::string_view method, const NameValues& query) {
  const bool is_of_upload = has_parameter(query, "uploadId");
  if (method == "GET") return is_of_upload ? "ListParts" : "GetObject";
  if (method == "HEAD") return "HeadObject";
  if (method == "PUT") return is_of_upload ? "UploadPart" : "PutObject";
  if (method == "DELETE") return is_of_upload ? "AbortMultipartUpload" : "DeleteObject";
  if (method != "POST") return kOther;
  if (is_of_upload) return "CompleteMultipartUpload";
  return has_parameter(query, "uploads") ? "CreateMultipartUpload" : kOther;
}

}  // namespace

std::string_view s3_operation(std::string_view method, bool is_bucket, const NameValues& query) {
  return is_bucket ? bucket_operation(method, query) : object_operation(method, query);
}

std::string_view permission_of(std::string_view operation) {
  struct Row {
    std::string_view operation;
    std::string_view permission;
  };
  static constexpr auto kRows = std::to_array<Row>({
      {"ListObjectsV2", "s3:ListBucket"},
      {"ListObjectVersions", "s3:ListBucketVersions"},
      {"ListMultipartUploads", "s3:ListBucketMultipartUploads"},
      {"ListParts", "s3:ListMultipartUploadParts"},
      {"GetObject", "s3:GetObject"},
      {"HeadObject", "s3:GetObject"},
      {"PutObject", "s3:PutObject"},
      {"CreateMultipartUpload", "s3:PutObject"},
      {"UploadPart", "s3:PutObject"},
      {"CompleteMultipartUpload", "s3:PutObject"},
      {"AbortMultipartUpload", "s3:AbortMultipartUpload"},
      {"DeleteObject", "s3:DeleteObject"},
      {"DeleteObjects", "s3:DeleteObject"},
  });
  const auto* const row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& candidate) {
    return candidate.operation == operation;
  });
  return row == kRows.end() ? std::string_view() : row->permission;
}

}  // namespace pgbackup
