// Parses and writes the XML of S3. Parsing is strict: throws `corrupt` for anything but the
// expected document.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"

namespace pgbackup {

/// The most bytes of a key that S3 allows. Upload and version ids are shorter.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
inline constexpr size_t kMaxNameBytes = 1024;
/// The largest size of an object that is believed: 1 PiB, 20 times what AWS allows. Sums over a
/// listing do not wrap around soon.
inline constexpr uint64_t kMaxObjectBytes = uint64_t{1} << 50U;

/// Holds an <Error> document. Servers leave fields out; `message` is shortened and free of control
/// characters.
struct S3ErrorReply {
  std::string code{};
  std::string message{};
  std::string request_id{};
  std::string region{};  ///< the right region, in AuthorizationHeaderMalformed
  std::string bucket{};  ///< what the server takes for the bucket's name
};

struct S3ObjectEntry {
  std::string key;
  uint64_t bytes = 0;
  UtcTime modified;
};

struct S3ObjectPage {
  std::vector<S3ObjectEntry> objects;
  bool is_truncated = false;
  std::string next_token;
};

struct S3UploadEntry {
  std::string key;
  std::string upload_id;
  UtcTime initiated;
};

struct S3UploadPage {
  std::vector<S3UploadEntry> uploads;
  bool is_truncated = false;
  std::string next_key_marker;
  std::string next_upload_id_marker;
};

/// Names an object, or one of its versions.
struct S3ObjectName {
  std::string key;
  std::string version_id{};  ///< empty: the object as it is now

  friend auto operator<=>(const S3ObjectName&, const S3ObjectName&) = default;
};

struct S3VersionEntry {
  S3ObjectName object;
  bool is_latest = false;  ///< what a GET without version sees; may be a delete marker
};

struct S3VersionPage {
  std::vector<S3VersionEntry> versions;  ///< including delete markers
  bool is_truncated = false;
  std::string next_key_marker;
  std::string next_version_id_marker;
};

struct S3PartPage {
  std::vector<UtcTime> modified;  ///< of each part
  bool is_truncated = false;
  std::string next_part_number_marker;
};

/// Says what happened to the objects of one DeleteObjects, in no promised order.
struct S3DeletionReply {
  struct Refusal {
    S3ObjectName object;
    S3ErrorReply error;
  };
  std::vector<S3ObjectName> deleted;
  std::vector<Refusal> refused;
  bool has_markers = false;  ///< versioned bucket: an object was only hidden, its bytes stay
};

enum class S3Versioning { never, enabled, suspended };

/// Holds a rule of a bucket's life cycle: what happens to objects whose keys have the prefix. Rules
/// that are disabled are left out when a configuration is parsed.
struct S3LifecycleRule {
  std::string id{};  ///< may be empty
  std::string prefix{};
  bool is_of_tagged = false;  ///< only for objects with certain tags, which ours never have
  bool expires = false;       ///< deletes objects: after `expiration_days`, or at some date
  std::optional<int> expiration_days{};
  std::optional<int> abort_days{};             ///< gives up unfinished uploads
  bool expires_noncurrent = false;             ///< deletes hidden versions
  std::vector<std::string> storage_classes{};  ///< that objects are moved to
};

/// Holds what a bucket locks by itself.
struct S3LockConfiguration {
  bool is_enabled = false;
  std::string default_mode{};  ///< GOVERNANCE or COMPLIANCE; empty: nothing is locked by default
};

/// Parses an <Error> document. Returns nullopt for anything else, because servers and proxies
/// answer with all sorts of bodies.
[[nodiscard]] std::optional<S3ErrorReply> parse_error(std::string_view xml);

/// Returns the words of a body that is no XML of S3, such as the page of a proxy, on one short
/// line.
[[nodiscard]] std::string words_of_page(std::string_view body);

// These functions throw `corrupt`.
[[nodiscard]] S3ObjectPage parse_object_page(std::string_view xml);
[[nodiscard]] S3UploadPage parse_upload_page(std::string_view xml);
[[nodiscard]] S3VersionPage parse_version_page(std::string_view xml);
[[nodiscard]] S3PartPage parse_part_page(std::string_view xml);
[[nodiscard]] S3DeletionReply parse_deletion(std::string_view xml);
/// Returns the upload's id, which is never empty.
[[nodiscard]] std::string parse_created_upload(std::string_view xml);

[[nodiscard]] S3Versioning parse_versioning(std::string_view xml);
[[nodiscard]] std::vector<S3LifecycleRule> parse_lifecycle(std::string_view xml);
[[nodiscard]] S3LockConfiguration parse_lock_configuration(std::string_view xml);

/// Returns true only for a CompleteMultipartUploadResult with an ETag, which may be empty.
[[nodiscard]] bool is_completed_upload(std::string_view xml);

/// Returns the body of CompleteMultipartUpload. `etags` are those of parts 1, 2, 3 ... as the
/// server sent them.
[[nodiscard]] std::string format_completion(std::span<const std::string> etags);

/// Returns the body of DeleteObjects. Does not ask for a quiet reply, which would not tell of
/// delete markers.
[[nodiscard]] std::string format_deletion(std::span<const S3ObjectName> objects);

}  // namespace pgbackup
