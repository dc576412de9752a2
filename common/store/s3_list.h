// Lists of a bucket, page by page: objects and unfinished uploads. Guards against servers that turn
// in a circle.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/store/s3_request.h"
#include "common/store/s3_xml.h"

namespace pgbackup {

struct S3ListRequest {
  std::string prefix{};     ///< of full keys; may be empty
  bool is_cleanup = false;  ///< see S3Request
};

/// `visit` gets full keys. Throws `corrupt` for a truncated list that cannot be continued.
void list_objects(S3Client& client, Transport& transport, const S3ListRequest& request,
                  const std::function<void(const S3ObjectEntry&)>& visit,
                  const std::stop_token& stop);

[[nodiscard]] std::vector<S3UploadEntry> list_uploads(S3Client& client, Transport& transport,
                                                      const S3ListRequest& request,
                                                      const std::stop_token& stop);

/// Every version and delete marker, in no promised order.
[[nodiscard]] std::vector<S3VersionEntry> list_versions(S3Client& client, Transport& transport,
                                                        const S3ListRequest& request,
                                                        const std::stop_token& stop);

/// When the upload last got bytes; nullopt: it is gone.
[[nodiscard]] std::optional<UtcTime> newest_part(S3Client& client, Transport& transport,
                                                 const S3UploadEntry& upload,
                                                 const std::stop_token& stop);

}  // namespace pgbackup
