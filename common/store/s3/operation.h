// The names that Amazon gives to requests: for the metrics, and for whoever compares them with a
// bill or a policy. Pure.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
#pragma once

#include <string_view>

#include "common/http/transport.h"

namespace pgbackup {

/// Returns the operation of a request to S3: `PutObject`, `UploadPart` and so on; `Other` for one
/// that we do not send. `is_bucket` says that the request names no object.
[[nodiscard]] std::string_view s3_operation(std::string_view method, bool is_bucket,
                                            const NameValues& query);

/// Returns the permission that an operation needs, as policies name it: `s3:ListBucket` for
/// ListObjectsV2; empty for `Other`.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
[[nodiscard]] std::string_view permission_of(std::string_view operation);

}  // namespace pgbackup
