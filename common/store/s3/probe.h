// Tries out what a pair of keys may do in a bucket, and asks how the bucket is configured. Touches
// nothing but one object of its own, whose name is that of a backup without a manifest: what the
// keys may not delete again, pg-prune sweeps. Decides nothing: common/service/bucket_check.h does.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/store/s3/client.h"
#include "common/store/s3/xml.h"

namespace pgbackup {

/// Says how a trial went. Neither done nor with an error: it was not made.
struct S3Trial {
  bool is_done = false;
  std::optional<Error> error{};
  std::string code{};  ///< of the server's refusal: `AccessDenied`

  [[nodiscard]] bool is_refused() const { return error && error->kind() == ErrorKind::denied; }
  /// Returns whether the keys are known and lack this one permission.
  [[nodiscard]] bool is_forbidden() const { return code == "AccessDenied"; }
};

/// Holds an answer about the bucket. `none` is an answer, too: nothing of that kind is configured.
template <class Settings>
struct S3Answer {
  std::optional<Settings> settings{};
  std::string obstacle{};  ///< why it is not known; empty: it is
};

struct S3ProbeFacts {
  std::string address{};                        ///< see S3Client
  std::string region{};                         ///< that the server takes signatures for
  std::string asked_region{};                   ///< that was tried first
  std::optional<std::chrono::seconds> ahead{};  ///< the server's clock, of this machine's

  S3Trial list{};
  S3Trial put{};
  S3Trial get{};
  /// A second write to the object with If-None-Match: done when the server refused it as it should.
  S3Trial condition{};
  S3Trial conditional_put{};  ///< where a plain write was forbidden: done when this one succeeded
  S3Trial create_upload{};
  S3Trial list_uploads{};
  S3Trial abort_upload{};
  S3Trial list_parts{};  ///< of an upload that was there; not made where there was none
  S3Trial remove{};
  S3Trial remove_version{};
  std::string left_behind{};  ///< URL of the object where it could not be deleted; else empty

  S3Answer<S3Versioning> versioning{};
  S3Answer<std::vector<S3LifecycleRule>> lifecycle{};
  S3Answer<S3LockConfiguration> lock{};
};

class S3Probe {
 public:
  /// Uses libcurl. `clock` and `log` must outlive the probe. Throws `usage` as S3Client does.
  S3Probe(S3Config config, Clock& clock, Log& log, std::stop_token stop);
  /// Uses a transport of `factory` (tests).
  S3Probe(S3Config config, Clock& clock, Log& log, std::stop_token stop,
          const TransportFactory& factory);

  // Each returns what it found out, and throws `canceled` only.

  /// Lists one object, which shows whether the server is there and knows the keys and the bucket.
  [[nodiscard]] S3ProbeFacts look();
  /// Tries what pg-backup does, and to delete. `folder` is that of a backup, with an id of its own.
  [[nodiscard]] S3ProbeFacts try_writing(const std::string& folder);
  /// Tries what pg-prune does, on an object in `folder` that does not exist. A bucket that keeps
  /// versions then holds a delete marker, which is deleted where the keys allow it.
  [[nodiscard]] S3ProbeFacts try_removing(const std::string& folder);

 private:
  /// Sends a request once or as often as the limits allow. Keeps the reply of a success in
  /// `response`.
  S3Trial attempt(S3Request request, HttpResponse* response = nullptr);
  void look_at_uploads(S3ProbeFacts& facts);
  void put(S3ProbeFacts& facts);
  void get(S3ProbeFacts& facts);
  void try_condition(S3ProbeFacts& facts);
  void try_upload(S3ProbeFacts& facts);
  void remove(S3ProbeFacts& facts);
  void remove_versions(S3ProbeFacts& facts);
  void ask_about_bucket(S3ProbeFacts& facts);
  void note_version(const HttpResponse& response);
  [[nodiscard]] S3Request put_request(bool is_conditional) const;

  S3Client client_;
  std::unique_ptr<Transport> transport_;
  std::stop_token stop_;
  std::string key_;                    ///< full key of the object
  std::vector<std::string> versions_;  ///< of the object, delete markers included
  bool is_there_ = false;
};

}  // namespace pgbackup
