#include "common/store/s3/upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/codec/encoding.h"
#include "common/store/s3/list.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// The slowest rate that a line for backups must have. A limited rate is halved for its swings.
constexpr uint64_t kSlowestLine = uint64_t{18} << 10U;
constexpr minutes kLeastTimeout{1};
constexpr minutes kLeastPartTimeout{15};
/// Returns the time for one part. All parts that are on their way share the line.
milliseconds part_timeout(const S3Config& config) {
  const uint64_t bytes = config.part_bytes * static_cast<uint64_t>(config.upload_concurrency);
  return std::max<milliseconds>(kLeastPartTimeout, transfer_timeout(config, bytes));
}
/// The server may send whitespace for minutes while it puts the parts together.
constexpr minutes kCompleteTimeout{15};
/// After SIGTERM the process has 10 s in all.
constexpr seconds kCleanupTime{5};
constexpr milliseconds kCreateSettles{500};

/// Sets `is_in_doubt` when the server may have done its work although the call fails.
template <class Call>
void noting_doubt(bool& is_in_doubt, const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    is_in_doubt = error.kind() == ErrorKind::transient || error.kind() == ErrorKind::canceled ||
                  error.kind() == ErrorKind::corrupt;
    throw;
  } catch (...) {
    is_in_doubt = true;
    throw;
  }
}

/// Returns what is signed of a body: its SHA-256, computed later where it is not known yet.
std::string payload_hash(const S3WriteOptions& options, const std::string& sha256) {
  const std::string_view instead = payload_hash_override(options);
  return instead.empty() ? sha256 : std::string(instead);
}

}  // namespace

milliseconds transfer_timeout(const S3Config& config, uint64_t bytes) {
  const uint64_t rate =
      config.max_rate == 0 ? kSlowestLine : std::min(kSlowestLine, config.max_rate / 2);
  return std::max<milliseconds>(kLeastTimeout, seconds(static_cast<long>(bytes / rate)));
}

S3ObjectWriter::S3ObjectWriter(S3Client& client, Transport& transport, TransportFactory factory,
                               S3UploadName name, std::stop_token stop)
    : client_(client),
      transport_(transport),
      name_(std::move(name)),
      token_(random_hex(16)),
      stop_(std::move(stop)),
      workers_(
          {.threads = client.config().upload_concurrency, .part_bytes = client.config().part_bytes},
          std::move(factory),
          [this](Transport& own, PartJob& job, const std::stop_token& end) {
            send_part(own, job, end);
          },
          stop_) {
  buffer_ = workers_.take_buffer();
}

S3ObjectWriter::~S3ObjectWriter() {
  if (!is_finished_) abandon();
}

void S3ObjectWriter::write(std::string_view bytes) {
  workers_.check();
  while (!bytes.empty()) {
    const size_t part_bytes = client_.config().part_bytes;
    // A part is sent only when more follows: a stream of exactly one part takes a single PUT.
    if (buffer_.size == part_bytes) {
      flush_part();
      buffer_ = workers_.take_buffer();
    }
    Piece& piece = current_piece();
    const size_t count = std::min(bytes.size(), part_bytes - buffer_.size);
    std::memcpy(buffer_.data.get() + buffer_.size, bytes.data(), count);
    buffer_.size += count;
    piece.bytes += count;
    piece.hash.update(bytes.substr(0, count));
    bytes.remove_prefix(count);
  }
}

/// Returns the piece that the bytes in `buffer_` belong to.
S3ObjectWriter::Piece& S3ObjectWriter::current_piece() {
  const auto max_parts = static_cast<size_t>(client_.config().max_parts);
  if (pieces_.empty() || pieces_.back().etags.size() == max_parts) {
    const size_t number = pieces_.size();
    Piece& piece = pieces_.emplace_back();
    piece.key = number == 0 ? name_.key : fmt::format("{}.{:04}", name_.key, number);
    piece.full_key = client_.full_key(piece.key);
  }
  return pieces_.back();
}

void S3ObjectWriter::flush_part() {
  Piece& piece = current_piece();
  if (piece.upload_id.empty()) begin_upload(piece);
  std::string& etag = piece.etags.emplace_back();
  workers_.submit({.key = piece.full_key,
                   .upload_id = piece.upload_id,
                   .number = static_cast<int>(piece.etags.size()),
                   .buffer = std::move(buffer_),
                   .sha256 = piece.hash.end_part(),
                   .etag = &etag});
  buffer_ = {};
}

void S3ObjectWriter::begin_upload(Piece& piece) {
  S3Request request{.method = "POST",
                    .key = piece.full_key,
                    .query = {{"uploads", ""}},
                    .headers = creation_headers(client_.config().write, client_.locked_until()),
                    .note = "(create upload)"};
  request.headers.emplace_back(kTokenHeader, token_);
  noting_doubt(piece.is_create_in_doubt, [&] {
    piece.upload_id = parse_created_upload(client_.send(transport_, request, stop_).body);
  });
}

/// Sends a part. Runs in a sending thread, and uses nothing of the writer but the client.
void S3ObjectWriter::send_part(Transport& transport, PartJob& job, const std::stop_token& stop) {
  const S3WriteOptions& write = client_.config().write;
  const HttpResponse response = client_.send(
      transport,
      {.method = "PUT",
       .key = job.key,
       .query = {{"partNumber", std::to_string(job.number)}, {"uploadId", job.upload_id}},
       .headers = body_headers(write, job.buffer.view()),
       .body = job.buffer.view(),
       .body_sha256 = payload_hash(write, job.sha256),
       .note = fmt::format("part {}", job.number),
       .timeout = part_timeout(client_.config())},
      stop);
  *job.etag = response.header("etag");
  if (job.etag->empty()) {
    throw Error(ErrorKind::corrupt, fmt::format("PUT {} part {}: the reply has no ETag",
                                                client_.url_of(job.key), job.number));
  }
}

void S3ObjectWriter::finish() {
  workers_.check();
  Piece& last = current_piece();
  if (pieces_.size() == 1 && last.upload_id.empty()) {
    put_whole(last);
  } else {
    flush_part();
    workers_.drain();
    for (Piece& piece : pieces_) complete(piece);
  }
  for (const Piece& piece : pieces_) {
    verify(piece);
    stored_.push_back({.key = piece.key, .bytes = piece.bytes, .sha256 = piece.hash.hex()});
  }
  is_finished_ = true;
}

/// Writes a piece by one PUT. Where overwriting is refused, a repeat after a lost reply meets the
/// object of the first attempt.
void S3ObjectWriter::put_whole(Piece& piece) {
  const S3WriteOptions& write = client_.config().write;
  S3Request request{.method = "PUT",
                    .key = piece.full_key,
                    .headers = put_headers(write, client_.locked_until(), buffer_.view()),
                    .body = buffer_.view(),
                    .body_sha256 = payload_hash(write, piece.hash.hex()),
                    .timeout = part_timeout(client_.config())};
  request.headers.emplace_back(kTokenHeader, token_);
  if (write.is_conditional) request.returned_status = kPreconditionFailed;
  noting_doubt(piece.is_commit_in_doubt, [&] {
    const RetryLimits& limits = client_.config().retry;
    client_.make_retrier(limits, stop_).run([&](Attempt& attempt) {
      const HttpResponse response = client_.send_once(transport_, request, attempt, stop_);
      if (response.status == kPreconditionFailed && !is_ours(piece, attempt)) {
        throw_foreign_object(client_.url_of(piece.full_key));
      }
    });
  });
  piece.is_completed = true;
}

/// Completes an upload. To complete is not idempotent everywhere: after a lost reply the upload may
/// be gone because it was completed. So every repeat first looks at the object itself.
void S3ObjectWriter::complete(Piece& piece) {
  const std::vector<std::string> etags(piece.etags.begin(), piece.etags.end());
  const std::string body = format_completion(etags);
  const S3Request request{.method = "POST",
                          .key = piece.full_key,
                          .query = {{"uploadId", piece.upload_id}},
                          .headers = commit_headers(client_.config().write),
                          .body = body,
                          .note = "(complete upload)",
                          .timeout = kCompleteTimeout,
                          .stall = seconds(0),
                          .returned = ErrorKind::not_found,
                          .returned_status = kPreconditionFailed,
                          .is_completion = true};
  piece.is_commit_in_doubt = true;
  client_.make_retrier(client_.config().retry, stop_).run([&](Attempt& attempt) {
    if (attempt.number > 1 && is_ours(piece, attempt, kForbidden)) return;
    const HttpResponse response = client_.send_once(transport_, request, attempt, stop_);
    if (is_completed_upload(response.body) || is_ours(piece, attempt, kForbidden)) return;
    if (response.status == kPreconditionFailed) {
      throw_foreign_object(client_.url_of(piece.full_key));
    } else {
      throw Error(ErrorKind::failed,
                  fmt::format("POST {} (complete upload): the server no longer knows the upload",
                              client_.url_of(piece.full_key)),
                  "was it aborted by another program or by a lifecycle rule of the bucket?");
    }
  });
  piece.is_completed = true;
}

bool S3ObjectWriter::is_ours(const Piece& piece, Attempt& attempt,
                             std::optional<int> absent_status) {
  const HttpResponse response = client_.send_once(transport_,
                                                  {.method = "HEAD",
                                                   .key = piece.full_key,
                                                   .returned = ErrorKind::not_found,
                                                   .returned_status = absent_status},
                                                  attempt, stop_);
  return response.status == 200 && response.header(kTokenHeader) == token_ &&
         parse_size(response.header("content-length")) == piece.bytes;
}

void S3ObjectWriter::verify(const Piece& piece) {
  const bool ours = client_.make_retrier(client_.config().retry, stop_).run([&](Attempt& attempt) {
    return is_ours(piece, attempt);
  });
  if (ours) return;
  throw Error(name_.is_shared ? ErrorKind::conflict : ErrorKind::corrupt,
              fmt::format("HEAD {}: the object is not the one that was just written ({} bytes)",
                          client_.url_of(piece.full_key), piece.bytes));
}

void S3ObjectWriter::abandon() noexcept {
  const bool has_stragglers = workers_.cancel();
  const auto deadline = client_.clock().steady() + kCleanupTime;
  for (const Piece& piece : pieces_) {
    try {
      if (client_.clock().steady() >= deadline) {
        throw Error(ErrorKind::transient, "no time left");
      }
      remove_traces(piece, has_stragglers);
    } catch (...) {
      try {
        client_.log().warn(
            "could not abort an unfinished upload: pg-prune will delete it",
            {{"object", client_.url_of(piece.full_key)}, {"cause", current_error().message()}});
      } catch (...) {
        continue;  // out of memory for the message
      }
    }
  }
}

/// Deletes what is left of a piece. Runs after a stop, too, so it has a stop token of its own.
void S3ObjectWriter::remove_traces(const Piece& piece, bool has_stragglers) {
  const std::stop_token never;
  const auto abort = [&](const std::string& upload_id) {
    static_cast<void>(client_.send(transport_,
                                   {.method = "DELETE",
                                    .key = piece.full_key,
                                    .query = {{"uploadId", upload_id}},
                                    .note = "(abort upload)",
                                    .is_cleanup = true,
                                    .returned = ErrorKind::not_found},
                                   never));
  };
  if (!piece.upload_id.empty() && !piece.is_completed) {
    abort(piece.upload_id);
    // A part that was on its way may have been kept after the first abort.
    if (has_stragglers) abort(piece.upload_id);
  }
  // Another writer of the same content may be at work, or have confirmed the object that is there.
  if (name_.is_shared) return;
  if (piece.is_create_in_doubt) {
    // The server may still be working: it does not notice at once that nobody waits for the reply.
    client_.clock().sleep(kCreateSettles, never);
    const S3ListRequest mine{.prefix = piece.full_key, .is_cleanup = true};
    list_uploads(
        client_, transport_, mine,
        [&](const S3UploadEntry& upload) {
          if (upload.key == piece.full_key) abort(upload.upload_id);
        },
        never);
  }
  if (!piece.is_commit_in_doubt && !piece.is_completed) return;
  Attempt attempt;
  const HttpResponse head = client_.send_once(transport_,
                                              {.method = "HEAD",
                                               .key = piece.full_key,
                                               .is_cleanup = true,
                                               .returned = ErrorKind::not_found,
                                               .returned_status = kForbidden},
                                              attempt, never);
  if (head.header(kTokenHeader) != token_) return;
  static_cast<void>(client_.send(
      transport_, {.method = "DELETE", .key = piece.full_key, .is_cleanup = true}, never));
}

}  // namespace pgbackup
