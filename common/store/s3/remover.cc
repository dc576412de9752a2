#include "common/store/s3/remover.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/codec/digest.h"

namespace pgbackup {
namespace {

/// The most objects of one request, at AWS and at everyone who speaks S3.
constexpr size_t kMaxBatch = 1000;
/// A server works through a batch object by object.
constexpr std::chrono::minutes kBatchTimeout{5};

void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
}

/// Returns those of `objects` that the reply does not report as deleted.
std::vector<S3ObjectName> left_after(std::span<const S3ObjectName> objects,
                                     const S3DeletionReply& reply) {
  std::set<S3ObjectName> gone(reply.deleted.begin(), reply.deleted.end());
  for (const auto& [object, error] : reply.refused) {
    const bool was_absent = error.code == "NoSuchKey" || error.code == "NoSuchVersion";
    was_absent ? static_cast<void>(gone.insert(object)) : static_cast<void>(gone.erase(object));
  }
  std::vector<S3ObjectName> left;
  std::copy_if(objects.begin(), objects.end(), std::back_inserter(left),
               [&](const S3ObjectName& object) { return !gone.contains(object); });
  return left;
}

}  // namespace

size_t S3Remover::batch() const { return takes_batches_ ? kMaxBatch : 1; }

void S3Remover::remove(Transport& transport, const S3ObjectName& object) {
  S3Request request{.method = "DELETE", .key = object.key};
  if (!object.version_id.empty()) request.query.emplace_back("versionId", object.version_id);
  const HttpResponse response = send_removal(transport, std::move(request));
  const bool is_marker = response.header("x-amz-delete-marker") == "true";
  if (is_marker && object.version_id.empty()) note_marker();
}

void S3Remover::abort_upload(Transport& transport, const std::string& key,
                             const std::string& upload_id) {
  static_cast<void>(send_removal(transport, {.method = "DELETE",
                                             .key = key,
                                             .query = {{"uploadId", upload_id}},
                                             .note = "(abort upload)"}));
}

/// Sends a DELETE, which also succeeds when there is nothing to delete.
HttpResponse S3Remover::send_removal(Transport& transport, S3Request request) {
  request.returned = ErrorKind::not_found;
  if (!stop_.stop_requested()) return client_.send(transport, request, stop_);
  // This is the last chance to clean up, so it has a stop token of its own.
  request.is_cleanup = true;
  return client_.send(transport, request, {});
}

std::vector<S3RemovalFailure> S3Remover::remove_all(Transport& transport,
                                                    std::span<const S3ObjectName> objects) {
  std::vector<S3RemovalFailure> failures;
  while (!objects.empty()) {
    throw_if_stopped(stop_);
    const size_t count = std::min(objects.size(), kMaxBatch);
    const auto some = objects.first(count);
    objects = objects.subspan(count);
    // A batch of one would only hide what a single DELETE says.
    takes_batches_&& count > 1 ? remove_batch(transport, some, failures)
                               : remove_singly(transport, some, failures);
    if (failures.empty() || !is_retryable(failures.back().error.kind())) continue;
    const Error unanswered = failures.back().error;  // the rest would wait as long for it
    for (const S3ObjectName& object : objects) failures.push_back({object, unanswered});
    break;
  }
  return failures;
}

void S3Remover::remove_batch(Transport& transport, std::span<const S3ObjectName> objects,
                             std::vector<S3RemovalFailure>& failures) {
  try {
    const S3DeletionReply reply = send_batch(transport, objects);
    if (reply.has_markers) note_marker();
    remove_singly(transport, left_after(objects, reply), failures);
  } catch (...) {
    const Error error = current_failure();
    if (is_retryable(error.kind())) {
      for (const S3ObjectName& object : objects) failures.push_back({object, error});
      return;
    }
    // Some servers and policies refuse batches (GCS knows no DeleteObjects, a policy may name
    // single keys only). Every server takes a single DELETE, or says what is wrong.
    client_.log().info(
        "the server refuses to delete many objects at once: deleting one by one from now on",
        {{"cause", error.message()}});
    takes_batches_ = false;
    remove_singly(transport, objects, failures);
  }
}

S3DeletionReply S3Remover::send_batch(Transport& transport, std::span<const S3ObjectName> objects) {
  const std::string body = format_deletion(objects);
  const S3Request request{.method = "POST",
                          .key = {},
                          .query = {{"delete", ""}},
                          .headers = {{"content-md5", content_md5(body)}},
                          .body = body,
                          .note = fmt::format("(delete {} objects)", objects.size()),
                          .timeout = kBatchTimeout,
                          .stall = std::chrono::seconds(0),
                          .may_fail_late = true};
  const HttpResponse response = client_.send(transport, request, stop_);
  return with_context(fmt::format("POST {} {}", client_.url_of(""), request.note),
                      [&] { return parse_deletion(response.body); });
}

/// Deletes one by one. Each object is tried for as long as S3_RETRY_TIME says. After one without an
/// answer the others are not tried, because they would only wait as long for the same error.
void S3Remover::remove_singly(Transport& transport, std::span<const S3ObjectName> objects,
                              std::vector<S3RemovalFailure>& failures) {
  std::optional<Error> unanswered;
  for (const S3ObjectName& object : objects) {
    throw_if_stopped(stop_);
    if (unanswered) {
      failures.push_back({object, *unanswered});
      continue;
    }
    try {
      remove(transport, object);
    } catch (...) {
      const Error error = current_failure();
      if (is_retryable(error.kind())) unanswered = error;
      failures.push_back({object, error});
    }
  }
}

void S3Remover::note_marker() {
  if (has_told_of_markers_) return;
  has_told_of_markers_ = true;
  client_.log().info(
      "the bucket keeps older versions: what is deleted here is only hidden, and takes space until "
      "a lifecycle rule (NoncurrentVersionExpiration) or S3_DELETE_VERSIONS=true deletes it",
      {{"bucket", client_.config().bucket}});
}

}  // namespace pgbackup
