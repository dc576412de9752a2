// Judges what S3Probe found out about a bucket: which permissions are missing, which are too many,
// and what the bucket itself would do to backups. Pure.
#pragma once

#include <string>

#include "common/service/finding.h"
#include "common/store/s3/probe.h"

namespace pgbackup {

/// Names who holds the keys.
enum class StoreUser {
  writer,   ///< pg-backup
  remover,  ///< pg-prune
};

/// Says what the settings want of the bucket.
struct BucketWish {
  StoreUser user = StoreUser::writer;
  std::string area{};             ///< of the findings: `s3://bucket/prefix/`
  std::string prefix{};           ///< with a slash at its end, or empty
  bool is_conditional = false;    ///< S3_CONDITIONAL_WRITES
  bool locks = false;             ///< S3_OBJECT_LOCK_MODE is set
  bool deletes_versions = false;  ///< S3_DELETE_VERSIONS
};

/// Judges what S3Probe::look() found: whether the server, the keys and the bucket are there, its
/// region and its clock.
[[nodiscard]] Findings judge_reach(const S3ProbeFacts& facts, const BucketWish& wish);

/// Judges all that was found.
[[nodiscard]] Findings judge_bucket(const S3ProbeFacts& facts, const BucketWish& wish);

}  // namespace pgbackup
