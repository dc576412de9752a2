// How objects are written beyond their bytes: encryption at rest, storage class, Object Lock,
// signing of the bodies, refusal to overwrite. Pure; store.h and upload.h send what is decided
// here.
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
  bool is_conditional = false;  ///< refuses to overwrite: If-None-Match
};

/// Returns rows of the option table. The rows point into `options`, which must outlive them.
[[nodiscard]] std::vector<Option> write_option_rows(S3WriteOptions& options);

/// Appends what is contradictory or would make restores impossible, one sentence each. `scheme` is
/// that of the endpoint: `http` or `https`.
void check_write_options(const S3WriteOptions& options, std::string_view scheme,
                         std::vector<std::string>& problems);

/// Returns until when the objects of a run that begins at `now` are locked; nullopt without a lock.
[[nodiscard]] std::optional<UtcTime> lock_end(const S3WriteOptions& options, UtcTime now);

/// Returns the headers for the request that creates an object: PUT, CreateMultipartUpload. A locked
/// object must have `locked_until`.
[[nodiscard]] NameValues creation_headers(const S3WriteOptions& options,
                                          std::optional<UtcTime> locked_until);
/// Returns the headers for every request whose body becomes an object or part of one: PUT,
/// UploadPart.
[[nodiscard]] NameValues body_headers(const S3WriteOptions& options, std::string_view body);
/// Returns the headers for the request that makes an object visible: PUT, CompleteMultipartUpload.
[[nodiscard]] NameValues commit_headers(const S3WriteOptions& options);
/// Returns the headers of all three kinds, for a PUT.
[[nodiscard]] NameValues put_headers(const S3WriteOptions& options,
                                     std::optional<UtcTime> locked_until, std::string_view body);
/// Returns what is signed in place of a body's SHA-256; an empty string when that itself is signed.
[[nodiscard]] std::string_view payload_hash_override(const S3WriteOptions& options);

}  // namespace pgbackup
