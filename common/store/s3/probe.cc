#include "common/store/s3/probe.h"

#include <fmt/format.h>

#include <utility>

#include "common/store/s3/error.h"
#include "common/store/s3/list.h"
#include "common/store/s3/operation.h"
#include "common/store/s3/write_options.h"

namespace pgbackup {
namespace {

constexpr std::string_view kProbeName = "probe";
constexpr std::string_view kProbeBytes = "written by pg-backup check; pg-prune sweeps it\n";
constexpr std::chrono::seconds kTimeout{20};
/// What the probe is locked for, where objects are: the permission to lock is tried, and the object
/// shall not stay.
constexpr std::chrono::minutes kProbeLock{1};
constexpr std::chrono::minutes kFreshDate{1};

/// An upload that no server has.
constexpr const char* kNoUpload = "2~pg-backup-check-of-an-upload-that-is-not";

/// The status of a question about what is not configured.
constexpr int kNotConfigured = 404;

bool is_good(int status) { return status >= 200 && status < 300; }

}  // namespace

S3Probe::S3Probe(S3Config config, Clock& clock, Log& log, std::stop_token stop)
    : client_(std::move(config), clock, log),
      transport_(std::make_unique<CurlTransport>(client_.config().ca_file)),
      stop_(std::move(stop)) {}

S3Probe::S3Probe(S3Config config, Clock& clock, Log& log, std::stop_token stop,
                 const TransportFactory& factory)
    : client_(std::move(config), clock, log), transport_(factory()), stop_(std::move(stop)) {}

S3Trial S3Probe::attempt(S3Request request, HttpResponse* response) {
  request.timeout = kTimeout;
  request.stall = kTimeout;
  request.returned = ErrorKind::denied;  // for its code
  const std::string what = fmt::format("{} {}{}{}", request.method, client_.url_of(request.key),
                                       request.note.empty() ? "" : " ", request.note);
  try {
    HttpResponse reply = client_.send(*transport_, request, stop_);
    S3Trial trial{.is_done = is_good(reply.status)};
    if (!trial.is_done && reply.status != request.returned_status) {
      const S3ErrorReply refusal = parse_error(reply.body).value_or(S3ErrorReply{});
      trial.code = refusal.code;
      trial.error = make_reply_error(
          {.text = what,
           .operation = s3_operation(request.method, request.key.empty(), request.query),
           .bucket = client_.config().bucket},
          reply.status, refusal);
    }
    if (response != nullptr) *response = std::move(reply);
    return trial;
  } catch (...) {
    return {.is_done = false, .error = current_failure(), .code = {}};
  }
}

S3ProbeFacts S3Probe::look() {
  S3ProbeFacts facts{.asked_region = client_.region()};
  facts.list = attempt(
      {.method = "GET",
       .query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", client_.config().prefix}},
       .note = "(list 1)"});
  facts.address = client_.address();
  facts.region = client_.region();
  if (const auto time = client_.server_time(kFreshDate)) {
    facts.ahead = *time - client_.clock().now();
  }
  return facts;
}

S3ProbeFacts S3Probe::try_writing(const std::string& folder) {
  key_ = client_.full_key(fmt::format("{}/{}", folder, kProbeName));
  S3ProbeFacts facts = look();
  if (!facts.list.is_done && !facts.list.is_forbidden()) return facts;
  put(facts);
  if (is_there_) {
    get(facts);
    try_condition(facts);
  }
  try_upload(facts);
  if (is_there_) remove(facts);
  if (is_there_) facts.left_behind = client_.url_of(key_);
  ask_about_bucket(facts);
  return facts;
}

S3ProbeFacts S3Probe::try_removing(const std::string& folder) {
  key_ = client_.full_key(fmt::format("{}/{}", folder, kProbeName));
  S3ProbeFacts facts = look();
  if (!facts.list.is_done && !facts.list.is_forbidden()) return facts;
  look_at_uploads(facts);
  facts.abort_upload = attempt({.method = "DELETE",
                                .key = key_,
                                .query = {{"uploadId", kNoUpload}},
                                .note = "(abort upload)",
                                .returned_status = 404});
  facts.abort_upload.is_done = !facts.abort_upload.error;
  remove(facts);
  if (client_.config().delete_versions && !facts.remove_version.is_done &&
      !facts.remove_version.error) {
    versions_.emplace_back("null");  // which this object has in no bucket
    remove_versions(facts);
  }
  ask_about_bucket(facts);
  return facts;
}

/// Lists one unfinished upload, and its parts. (Of an upload that is not there some servers say
/// that its parts may not be listed, whoever asks.)
void S3Probe::look_at_uploads(S3ProbeFacts& facts) {
  HttpResponse response;
  facts.list_uploads = attempt(
      {.method = "GET",
       .query = {{"uploads", ""}, {"max-uploads", "1"}, {"prefix", client_.config().prefix}},
       .note = "(list uploads)"},
      &response);
  if (!facts.list_uploads.is_done) return;
  try {
    const std::vector<S3UploadEntry> uploads = parse_upload_page(response.body).uploads;
    if (uploads.empty() || !uploads.front().key.starts_with(client_.config().prefix)) return;
    facts.list_parts = attempt({.method = "GET",
                                .key = uploads.front().key,
                                .query = {{"uploadId", uploads.front().upload_id}},
                                .note = "(list parts)",
                                .returned_status = 404});
    facts.list_parts.is_done = !facts.list_parts.error;
  } catch (const Error& error) {
    facts.list_uploads = {.is_done = false, .error = error, .code = {}};
  }
}

S3Request S3Probe::put_request(bool is_conditional) const {
  S3WriteOptions options = client_.config().write;
  options.is_conditional = is_conditional;
  options.lock_retention = kProbeLock;
  const UtcTime now = client_.server_time(kFreshDate).value_or(client_.clock().now());
  return {.method = "PUT",
          .key = key_,
          .headers = put_headers(options, lock_end(options, now), kProbeBytes),
          .body = kProbeBytes,
          .body_sha256 = std::string(payload_hash_override(options)),
          .note = is_conditional ? "(if there is none)" : ""};
}

void S3Probe::put(S3ProbeFacts& facts) {
  const bool is_conditional = client_.config().write.is_conditional;
  HttpResponse response;
  facts.put = attempt(put_request(is_conditional), &response);
  if (facts.put.is_forbidden() && !is_conditional) {
    facts.conditional_put = attempt(put_request(true), &response);
  }
  is_there_ = facts.put.is_done || facts.conditional_put.is_done;
  if (is_there_) note_version(response);
}

void S3Probe::get(S3ProbeFacts& facts) {
  HttpResponse response;
  facts.get = attempt({.method = "GET", .key = key_}, &response);
  if (!facts.get.is_done || response.body == kProbeBytes) return;
  facts.get = {.is_done = false,
               .error = Error(ErrorKind::corrupt,
                              fmt::format("GET {}: the object is not the one that was written",
                                          client_.url_of(key_)),
                              "check the proxies on the way to the server, and the server itself"),
               .code = {}};
}

void S3Probe::try_condition(S3ProbeFacts& facts) {
  S3Request request = put_request(true);
  request.returned_status = kPreconditionFailed;
  HttpResponse response;
  facts.condition = attempt(std::move(request), &response);
  if (facts.condition.is_done) note_version(response);  // it was overwritten
  const bool is_obeyed = response.status == kPreconditionFailed;
  if (is_obeyed) facts.condition = {};
  facts.condition.is_done = is_obeyed;
}

void S3Probe::try_upload(S3ProbeFacts& facts) {
  HttpResponse response;
  S3Request request{.method = "POST",
                    .key = key_,
                    .query = {{"uploads", ""}},
                    .headers = put_request(false).headers,
                    .note = "(create upload)"};
  std::erase_if(request.headers, [](const auto& header) { return header.first == "content-md5"; });
  facts.create_upload = attempt(std::move(request), &response);
  if (!facts.create_upload.is_done) return;
  std::string upload_id;
  try {
    upload_id = parse_created_upload(response.body);
  } catch (const Error& error) {
    facts.create_upload = {.is_done = false, .error = error, .code = {}};
    return;
  }
  facts.list_uploads = attempt(
      {.method = "GET", .query = {{"uploads", ""}, {"prefix", key_}}, .note = "(list uploads)"});
  facts.abort_upload = attempt({.method = "DELETE",
                                .key = key_,
                                .query = {{"uploadId", upload_id}},
                                .note = "(abort upload)"});
}

void S3Probe::note_version(const HttpResponse& response) {
  const std::string_view id = response.header("x-amz-version-id");
  if (!id.empty() && id != "null") versions_.emplace_back(id);
}

/// Deletes the object, and what a bucket that keeps versions then still holds of it.
void S3Probe::remove(S3ProbeFacts& facts) {
  HttpResponse response;
  facts.remove = attempt({.method = "DELETE", .key = key_, .returned_status = 404}, &response);
  facts.remove.is_done = !facts.remove.error;
  if (facts.remove.is_done) {
    is_there_ = false;
    note_version(response);
  }
  remove_versions(facts);
}

void S3Probe::remove_versions(S3ProbeFacts& facts) {
  for (const std::string& version : std::exchange(versions_, {})) {
    facts.remove_version = attempt({.method = "DELETE",
                                    .key = key_,
                                    .query = {{"versionId", version}},
                                    .note = "(delete a version)",
                                    .returned_status = 404});
    facts.remove_version.is_done = !facts.remove_version.error;
    if (!facts.remove_version.is_done) return;
  }
}

void S3Probe::ask_about_bucket(S3ProbeFacts& facts) {
  const auto ask = [&](const char* what, auto& answer, const auto& parse) {
    HttpResponse response;
    const S3Trial trial = attempt({.method = "GET",
                                   .query = {{what, ""}},
                                   .note = fmt::format("({})", what),
                                   .returned_status = kNotConfigured},
                                  &response);
    try {
      if (trial.is_done) answer.settings = parse(response.body);
      if (trial.error) {
        answer.obstacle = trial.is_forbidden() ? "these keys may not ask" : trial.error->message();
      }
    } catch (const Error& error) {
      answer.obstacle = error.message();
    }
  };
  ask("versioning", facts.versioning, parse_versioning);
  ask("lifecycle", facts.lifecycle, parse_lifecycle);
  ask("object-lock", facts.lock, parse_lock_configuration);
}

}  // namespace pgbackup
