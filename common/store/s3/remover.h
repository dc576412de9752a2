// Deletes objects of a bucket: many by one DeleteObjects where the server takes it, one by one
// where it does not. Deleting an absent object succeeds, so every repeat is harmless.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
#pragma once

#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/store/s3/client.h"
#include "common/store/s3/xml.h"

namespace pgbackup {

struct S3RemovalFailure {
  S3ObjectName object;
  Error error;
  std::string lock{};  ///< see RemovalFailure
};

/// Deletes objects by their full keys. Not thread-safe; `client` must outlive it.
class S3Remover {
 public:
  S3Remover(S3Client& client, std::stop_token stop) : client_(client), stop_(std::move(stop)) {}

  /// Deletes one object. Works after a stop was requested, too: once, and for 2 s at most.
  void remove(Transport& transport, const S3ObjectName& object);
  void abort_upload(Transport& transport, const std::string& key, const std::string& upload_id);

  /// Deletes all of `objects` and returns those that could not be deleted. Throws `canceled` only.
  [[nodiscard]] std::vector<S3RemovalFailure> remove_all(Transport& transport,
                                                         std::span<const S3ObjectName> objects);
  /// Returns how many objects one request takes: 1 once the server has refused a batch.
  [[nodiscard]] size_t batch() const;

 private:
  [[nodiscard]] HttpResponse send_removal(Transport& transport, S3Request request);
  [[nodiscard]] S3DeletionReply send_batch(Transport& transport,
                                           std::span<const S3ObjectName> objects);
  void remove_batch(Transport& transport, std::span<const S3ObjectName> objects,
                    std::vector<S3RemovalFailure>& failures);
  void remove_singly(Transport& transport, std::span<const S3ObjectName> objects,
                     std::vector<S3RemovalFailure>& failures);
  void note_marker();

  S3Client& client_;
  std::stop_token stop_;
  bool takes_batches_ = true;
  bool has_told_of_markers_ = false;
};

}  // namespace pgbackup
