// How objects are written beyond their bytes: encryption at rest, storage class, Object Lock,
// signing of the bodies, refusal to overwrite. Pure; sent by s3_store and s3_upload, both of which
// take it from here.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/options.h"
#include "common/base/utc_time.h"
#include "common/http/transport.h"

namespace pgbackup {

enum class S3Encryption { none, aes256, kms };
enum class S3LockMode { none, governance, compliance };
enum class S3PayloadSigning { full, none };

struct S3WriteOptions {
  S3Encryption encryption = S3Encryption::none;
  std::string kms_key_id{};     ///< empty: the account's own
  std::string storage_class{};  ///< empty: the bucket's
  S3LockMode lock_mode = S3LockMode::none;
  std::optional<std::chrono::seconds> lock_retention{};
  S3PayloadSigning payload_signing = S3PayloadSigning::full;
  bool is_conditional = false;  ///< refuse to overwrite: If-None-Match
};

/// Rows of the option table; they point into `options`.
[[nodiscard]] std::vector<Option> write_option_rows(S3WriteOptions& options);

/// Appends what is contradictory or would make restores impossible, one sentence each. `scheme` is
/// the endpoint's: `http` or `https`.
void check_write_options(const S3WriteOptions& options, std::string_view scheme,
                         std::vector<std::string>& problems);

/// Until when what is written in a run that begins `now` is locked.
[[nodiscard]] std::optional<UtcTime> lock_end(const S3WriteOptions& options, UtcTime now);

/// For the request that creates an object: PUT, CreateMultipartUpload. A locked one has an end.
[[nodiscard]] NameValues creation_headers(const S3WriteOptions& options,
                                          std::optional<UtcTime> locked_until);
/// For every request whose body becomes (part of) an object: PUT, UploadPart.
[[nodiscard]] NameValues body_headers(const S3WriteOptions& options, std::string_view body);
/// For the request that makes an object visible: PUT, CompleteMultipartUpload.
[[nodiscard]] NameValues commit_headers(const S3WriteOptions& options);
/// All three: for a PUT.
[[nodiscard]] NameValues put_headers(const S3WriteOptions& options,
                                     std::optional<UtcTime> locked_until, std::string_view body);
/// What is signed in place of a body's SHA-256; empty: that itself.
[[nodiscard]] std::string_view payload_hash_override(const S3WriteOptions& options);

}  // namespace pgbackup
