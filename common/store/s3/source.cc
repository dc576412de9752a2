#include "common/store/s3/source.h"

#include <fmt/format.h>

#include <utility>

namespace pgbackup {

namespace {

/// The least bytes of a transfer that count as progress. With fewer before it breaks off, the time
/// for retries goes on, and so do the waits.
constexpr uint64_t kLeastProgress = uint64_t{64} << 10U;

}  // namespace

S3Source::S3Source(S3Client& client, std::unique_ptr<Transport> transport, std::string full_key,
                   std::stop_token stop)
    : client_(client),
      transport_(std::move(transport)),
      full_key_(std::move(full_key)),
      stop_(std::move(stop)),
      retrier_(client_.make_retrier(client_.config().retry, stop_)) {
  retrier_.run([this](Attempt& attempt) { open(attempt); });
}

size_t S3Source::read(std::span<char> buffer) {
  if (offset_ - opened_at_ >= kLeastProgress) retrier_.start_over();
  const size_t got = retrier_.run([&](Attempt& attempt) -> size_t {
    if (!is_open_ && offset_ == total_bytes_) return 0;  // nothing left to ask for
    if (!is_open_) open(attempt);
    is_open_ = false;  // until the read has succeeded
    const size_t count =
        with_context("GET " + client_.url_of(full_key_), [&] { return transport_->read(buffer); });
    is_open_ = true;
    return count;
  });
  if (got > total_bytes_ - offset_) throw corrupt("is longer than announced");
  offset_ += got;
  if (got == 0 && offset_ != total_bytes_) throw corrupt("is shorter than announced");
  return got;
}

void S3Source::open(Attempt& attempt) {
  S3Request request{.method = "GET",
                    .key = full_key_,
                    .timeout = std::chrono::milliseconds(0)};  // as long as bytes arrive
  if (!etag_.empty()) {
    request.headers.emplace_back("range", fmt::format("bytes={}-", offset_));
    request.headers.emplace_back("if-match", etag_);
    request.returned = ErrorKind::conflict;
  }
  const HttpResponse response = client_.start_once(*transport_, request, attempt, stop_);
  if (!etag_.empty()) {
    check_continuation(response);
  } else {
    const std::optional<uint64_t> bytes = parse_size(response.header("content-length"));
    if (response.status != 200 || !bytes) throw corrupt("is sent without its length");
    total_bytes_ = *bytes;
    etag_ = response.header("etag");
    if (etag_.empty()) throw corrupt("is sent without an ETag");
  }
  opened_at_ = offset_;
  is_open_ = true;
}

void S3Source::check_continuation(const HttpResponse& response) const {
  if (response.status == 412) throw corrupt("was replaced while it was read");
  const std::string expected =
      fmt::format("bytes {}-{}/{}", offset_, total_bytes_ - 1, total_bytes_);
  if (response.status != 206 || response.header("content-range") != expected) {
    throw corrupt("cannot be continued: the server sends another range");
  }
}

Error S3Source::corrupt(std::string_view reason) const {
  return {ErrorKind::corrupt,
          fmt::format("GET {}: the object {} ({} of {} bytes)", client_.url_of(full_key_), reason,
                      offset_, total_bytes_)};
}

}  // namespace pgbackup
