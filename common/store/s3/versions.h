// Deletes objects with all their versions and delete markers, in a bucket that keeps such, for
// users who want the space back (S3_DELETE_VERSIONS).
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html
#pragma once

#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "common/store/s3/remover.h"

namespace pgbackup {

/// Deletes all versions of objects. Serves one call; what it refers to must outlive it.
class S3VersionRemover {
 public:
  S3VersionRemover(S3Client& client, Transport& transport, S3Remover& remover,
                   const std::stop_token& stop)
      : client_(client), transport_(transport), remover_(remover), stop_(stop) {}

  /// Deletes all of `objects` and returns at most one failure for each, by its key. A failure has
  /// `lock` set when the store keeps the object because it is locked. Costs a list request for each
  /// directory. Throws `canceled` only.
  [[nodiscard]] std::vector<S3RemovalFailure> remove_all(std::span<const S3ObjectName> objects);

 private:
  using Versions = std::vector<S3VersionEntry>;

  [[nodiscard]] Versions find(std::span<const S3ObjectName> objects);
  void remove(const Versions& versions, bool latest);
  void note(const std::string& key, const Error& error, const std::string& lock = {});
  [[nodiscard]] std::string lock_of(const S3ObjectName& version);

  S3Client& client_;
  Transport& transport_;
  S3Remover& remover_;
  const std::stop_token& stop_;
  std::map<std::string, S3RemovalFailure> failures_;  ///< by key
  bool is_unanswered_ = false;  ///< the server was unavailable when asked for a lock
};

}  // namespace pgbackup
