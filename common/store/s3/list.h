// Lists a bucket page by page: objects, versions, unfinished uploads and their parts. The server is
// not trusted: each list ends.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "common/store/s3/client.h"
#include "common/store/s3/xml.h"

namespace pgbackup {

struct S3ListRequest {
  std::string prefix{};     ///< of full keys; may be empty
  bool is_cleanup = false;  ///< see S3Request
};

// Bounds of one list. A list beyond them is taken for one that never ends.
inline constexpr size_t kMaxListPages = 20'000;
inline constexpr size_t kMaxListEntries = 20'000'000;
/// The most pages without entries in a row. Some servers send such pages where only delete markers
/// were.
inline constexpr size_t kMaxEmptyPages = 1000;
/// The longest continuation token, which has to fit into a URL.
inline constexpr size_t kMaxMarkerBytes = 4096;

// `visit` gets full keys, those with the prefix only. All of these functions throw `corrupt` for a
// list that cannot be continued or does not end.

void list_objects(S3Client& client, Transport& transport, const S3ListRequest& request,
                  const std::function<void(const S3ObjectEntry&)>& visit,
                  const std::stop_token& stop);

void list_uploads(S3Client& client, Transport& transport, const S3ListRequest& request,
                  const std::function<void(const S3UploadEntry&)>& visit,
                  const std::stop_token& stop);

/// Lists every version and delete marker, in no promised order.
void list_versions(S3Client& client, Transport& transport, const S3ListRequest& request,
                   const std::function<void(const S3VersionEntry&)>& visit,
                   const std::stop_token& stop);

/// Returns when the upload last received bytes; nullopt when it is gone.
[[nodiscard]] std::optional<UtcTime> newest_part(S3Client& client, Transport& transport,
                                                 const S3UploadEntry& upload,
                                                 const std::stop_token& stop);

}  // namespace pgbackup
