#include "common/store/s3_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/codec/digest.h"
#include "common/codec/encoding.h"
#include "common/store/s3_error.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

constexpr seconds kMaxRetryAfter{3600};

/// The form with seconds; the rarer one with a date is left to the jitter.
std::optional<seconds> parse_retry_after(std::string_view text) {
  long count = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, count);
  if (text.empty() || error != std::errc() || stopped != end || count < 0) return std::nullopt;
  return std::min(seconds(count), kMaxRetryAfter);
}

bool is_region_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool is_success(int status) { return status >= 200 && status < 300; }

Credentials take_keys(S3Config& config) {
  return {.access_key = std::move(config.access_key),
          .secret_key = std::move(config.secret_key),
          .session_token = std::move(config.session_token)};
}

/// The keys are unknown or over, rather than without the right to do this. The reply to HEAD has no
/// body: for those AWS answers 400 and for a missing right 403.
bool is_credential_refusal(const S3Request& request, int status, std::string_view code) {
  if (code.empty()) return request.method == "HEAD" && status == 400;
  return code == "ExpiredToken" || code == "InvalidToken" || code == "InvalidAccessKeyId" ||
         code == "TokenRefreshRequired";
}

void check_limits(const S3Config& config) {
  if (config.upload_concurrency < 1 || config.part_bytes < 1 || config.max_parts < 1) {
    throw Error(ErrorKind::usage, "S3: part size, parts and upload concurrency must be at least 1");
  }
}

}  // namespace

S3Client::S3Client(S3Config config, Clock& clock, Log& log)
    : config_(std::move(config)),
      clock_(clock),
      log_(log),
      endpoint_(parse_s3_endpoint(config_.endpoint, config_.region)),
      credentials_(config_.get_credentials
                       ? CredentialKeeper(std::move(config_.get_credentials), clock, log)
                       : CredentialKeeper(take_keys(config_), clock, log)),
      region_(config_.region.empty() ? region_of_host(endpoint_.host) : config_.region) {
  check_bucket_name(config_.bucket);
  check_limits(config_);
  config_.prefix = normalized_prefix(config_.prefix);
  const bool in_host = uses_virtual_host(config_.addressing, endpoint_, config_.bucket);
  config_.addressing = in_host ? S3Addressing::virtual_host : S3Addressing::path;
  authority_ = in_host ? config_.bucket + "." + endpoint_.authority() : endpoint_.authority();
}

HttpResponse S3Client::send(Transport& transport, const S3Request& request,
                            const std::stop_token& stop) {
  return make_retrier(request.retry.value_or(config_.retry), stop).run([&](Attempt& attempt) {
    return send_once(transport, request, attempt, stop);
  });
}

HttpResponse S3Client::send_once(Transport& transport, const S3Request& request, Attempt& attempt,
                                 const std::stop_token& stop) {
  HttpResponse response = start_once(transport, request, attempt, stop);
  if (!is_success(response.status)) return response;
  response.body = with_context(describe(request), [&] { return transport.read_rest(); });
  if (request.is_completion && !is_completed_upload(response.body)) {
    const S3ErrorReply unclear{
        .code = {}, .message = "the reply is incomplete", .request_id = {}, .region = {}};
    throw_unless_returned(request, response.status, parse_error(response.body).value_or(unclear),
                          attempt);
  }
  if (request.may_fail_late) {
    const std::optional<S3ErrorReply> failure = parse_error(response.body);
    if (failure) throw_unless_returned(request, response.status, *failure, attempt);
  }
  return response;
}

HttpResponse S3Client::start_once(Transport& transport, const S3Request& request, Attempt& attempt,
                                  const std::stop_token& stop) {
  const std::string what = describe(request);
  bool has_renewed = false;
  for (bool has_learned = false;;) {
    const std::string used_region = region();
    const Credentials used = credentials_.current(stop);
    HttpResponse response = with_context(what, [&] {
      HttpResponse head = transport.start(sign(request, used_region, used, attempt), stop);
      if (!is_success(head.status)) head.body = transport.read_rest();
      return head;
    });
    remember_date(response);
    if (is_success(response.status)) return response;

    S3ErrorReply reply = parse_error(response.body).value_or(S3ErrorReply{});
    if (reply.request_id.empty()) reply.request_id = response.header("x-amz-request-id");
    if (!response.header("x-amz-bucket-region").empty()) {
      reply.region = response.header("x-amz-bucket-region");
    }
    if (!has_learned && learn_region(response.status, reply.region, used_region)) {
      has_learned = true;
      continue;
    }
    if (!has_renewed && is_credential_refusal(request, response.status, reply.code) &&
        credentials_.renew(used, stop)) {
      has_renewed = true;
      continue;
    }
    attempt.retry_after = parse_retry_after(response.header("retry-after"));
    throw_unless_returned(request, response.status, reply, attempt);
    return response;
  }
}

void S3Client::throw_unless_returned(const S3Request& request, int status,
                                     const S3ErrorReply& reply, const Attempt& attempt) const {
  const Error error = make_reply_error(describe(request), status, reply);
  if (request.returned == error.kind()) return;
  if (is_damaged_in_transit(reply.code) && attempt.number == 1) {
    throw Error(ErrorKind::transient, error.message(), error.hint());
  }
  throw error;
}

Retrier S3Client::make_retrier(const RetryLimits& limits, const std::stop_token& stop) {
  return {limits, clock_, log_, stop};
}

HttpRequest S3Client::sign(const S3Request& request, const std::string& region,
                           const Credentials& credentials, const Attempt& attempt) const {
  std::string path = "/";
  if (config_.addressing != S3Addressing::virtual_host) {
    path += encode_percent(config_.bucket);
    if (!request.key.empty()) path += "/";
  }
  path += encode_percent(request.key, "/");
  const std::string query = canonical_query(request.query);
  const std::string payload_hash =
      request.body_sha256.empty() ? sha256_hex(request.body) : request.body_sha256;
  const UtcTime now = clock_.now();

  HttpRequest http{.method = request.method,
                   .url = fmt::format("{}://{}{}{}{}", endpoint_.scheme, authority_, path,
                                      query.empty() ? "" : "?", query),
                   .headers = request.headers,
                   .body = request.body,
                   .timeout = request.timeout,
                   .stall = request.stall,
                   .fresh_connection = attempt.number > 1};
  http.headers.emplace_back("host", authority_);
  http.headers.emplace_back("x-amz-content-sha256", payload_hash);
  http.headers.emplace_back("x-amz-date", format_basic(now));
  if (!credentials.session_token.empty()) {
    http.headers.emplace_back("x-amz-security-token", credentials.session_token.reveal());
  }
  http.headers.emplace_back("authorization",
                            authorization({.method = request.method,
                                           .path = path,
                                           .query = query,
                                           .headers = http.headers,
                                           .payload_hash = payload_hash},
                                          {.time = now, .region = region, .service = "s3"},
                                          {.access_key = credentials.access_key.reveal(),
                                           .secret_key = credentials.secret_key.reveal()}));
  return http;
}

std::string S3Client::describe(const S3Request& request) const {
  std::string text = request.method + " " + url_of(request.key);
  if (!request.note.empty()) text += " " + request.note;
  return text;
}

std::string S3Client::region() const {
  const std::lock_guard lock(mutex_);
  return region_;
}

bool S3Client::learn_region(int status, const std::string& named, const std::string& used) {
  if (status != 301 && status != 307 && status != 400) return false;
  if (!is_region_name(named) || named == used) return false;
  const std::lock_guard lock(mutex_);
  if (region_ == used) {
    log_.warn("the bucket lies in another region: signing for that one from now on",
              {{"bucket", config_.bucket}, {"region", named}, {"configured", used}});
    region_ = named;
  }
  return true;
}

void S3Client::remember_date(const HttpResponse& response) {
  const std::optional<UtcTime> date = parse_http_date(response.header("date"));
  if (!date) return;
  const std::lock_guard lock(mutex_);
  server_date_ = {.time = *date, .at = clock_.steady()};
}

std::optional<UtcTime> S3Client::server_time(seconds max_age) const {
  const std::lock_guard lock(mutex_);
  if (!server_date_) return std::nullopt;
  const auto age = std::chrono::floor<seconds>(clock_.steady() - server_date_->at);
  if (age > max_age) return std::nullopt;
  return server_date_->time + age;
}

std::string S3Client::full_key(std::string_view key) const {
  return config_.prefix + std::string(key);
}

std::string S3Client::url_of(std::string_view full_key) const {
  return fmt::format("s3://{}/{}", config_.bucket, full_key);
}

}  // namespace pgbackup
