#include "common/store/s3/client.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/units.h"
#include "common/codec/digest.h"
#include "common/codec/encoding.h"
#include "common/store/s3/error.h"
#include "common/store/s3/operation.h"
#include "common/store/s3/sigv4.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

constexpr seconds kMaxRetryAfter{3600};
constexpr std::chrono::milliseconds kCleanupTimeout{2000};

/// Parses seconds, or a date by the clock of the server, whose `date` came with it.
std::optional<seconds> parse_retry_after(std::string_view text, std::optional<UtcTime> date) {
  if (const std::optional<UtcTime> until = parse_http_date(text)) {
    if (!date) return std::nullopt;
    return std::clamp(*until - *date, seconds(0), kMaxRetryAfter);
  }
  const std::optional<uint64_t> count = parse_size(text);
  if (!count) return std::nullopt;
  const auto most = static_cast<uint64_t>(kMaxRetryAfter.count());
  return seconds(static_cast<long>(std::min(*count, most)));
}

/// The reply to HEAD has no body that would explain it, and a key pair that may not list gets 403
/// for an absent object.
constexpr const char* kForbiddenHeadHint =
    "either this key pair lacks s3:GetObject for the object, or the object does not exist and the "
    "key pair lacks s3:ListBucket for this prefix, without which S3 answers 403 in place of 404; "
    "wrong keys are answered in the same way";

/// Some servers close a connection of http:// at a port for TLS without a word, as Ceph does.
constexpr const char* kMuteHint =
    "if the server speaks TLS at this port, the address begins with https://";

S3ErrorReply read_error(const HttpResponse& response) {
  S3ErrorReply reply =
      parse_error(response.body).value_or(S3ErrorReply{.message = words_of_page(response.body)});
  if (reply.request_id.empty()) reply.request_id = response.header("x-amz-request-id");
  if (!response.header("x-amz-bucket-region").empty()) {
    reply.region = response.header("x-amz-bucket-region");
  }
  return reply;
}

bool is_region_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool has_header(const S3Request& request, std::string_view begin) {
  return std::any_of(request.headers.begin(), request.headers.end(),
                     [&](const auto& header) { return header.first.starts_with(begin); });
}

std::string_view operation_of(const S3Request& request) {
  return s3_operation(request.method, request.key.empty(), request.query);
}

bool is_success(int status) { return status >= 200 && status < 300; }

Credentials take_keys(S3Config& config) {
  return {.access_key = std::move(config.access_key),
          .secret_key = std::move(config.secret_key),
          .session_token = std::move(config.session_token)};
}

/// Returns whether the keys are unknown or expired, rather than without permission. The reply to
/// HEAD has no body: AWS answers 400 for bad keys and 403 for a missing permission.
bool is_credential_refusal(const S3Request& request, int status, std::string_view code) {
  if (code.empty()) return request.method == "HEAD" && status == 400;
  return code == "ExpiredToken" || code == "InvalidToken" || code == "InvalidTokenId" ||
         code == "InvalidAccessKeyId" || code == "TokenRefreshRequired";
}

void check_limits(const S3Config& config) {
  if (config.upload_concurrency < 1 || config.part_bytes < 1 || config.max_parts < 1) {
    throw Error(ErrorKind::usage, "S3: part size, parts and upload concurrency must be at least 1");
  }
}

}  // namespace

void throw_foreign_object(const std::string& url) {
  throw Error(
      ErrorKind::conflict,
      fmt::format("PUT {}: there is an object of this name already, and it is not ours", url),
      "names contain a random part: does another program write here?");
}

S3Client::S3Client(S3Config config, Clock& clock, Log& log)
    : config_(std::move(config)),
      clock_(clock),
      log_(log),
      credentials_(config_.get_credentials
                       ? CredentialKeeper(std::move(config_.get_credentials), clock, log)
                       : CredentialKeeper(take_keys(config_), clock, log)),
      server_clock_(clock),
      rate_limit_(config_.max_rate, clock),
      locked_until_(lock_end(config_.write, clock.now())),
      endpoint_(parse_s3_endpoint(config_.endpoint, config_.region)),
      region_(config_.region.empty() ? region_of_host(endpoint_.host) : config_.region) {
  check_bucket_name(config_.bucket);
  check_limits(config_);
  config_.prefix = normalized_prefix(config_.prefix);
  config_.addressing = uses_virtual_host(config_.addressing, endpoint_, config_.bucket)
                           ? S3Addressing::virtual_host
                           : S3Addressing::path;
}

HttpResponse S3Client::send(Transport& transport, const S3Request& request,
                            const std::stop_token& stop) {
  const RetryLimits& limits = request.is_cleanup ? kSingleAttempt : config_.retry;
  const bool is_first = is_first_contact(limits);
  try {
    return make_retrier(limits, stop).run([&](Attempt& attempt) {
      return send_once(transport, request, attempt, stop);
    });
  } catch (const Error& error) {
    if (!is_first || has_answered_ || error.kind() != ErrorKind::transient) throw;
    throw Error(error.kind(), error.message(),
                fmt::format("{}{}check S3_ENDPOINT, or set S3_RETRY_TIME to wait longer than {} "
                            "for the server's first answer",
                            error.hint(), error.hint().empty() ? "" : "; ",
                            format_duration(*config_.first_contact)));
  }
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
  for (Lessons lessons;;) {
    const Signing used = signing(request, stop);
    attempt.status = 0;
    HttpResponse response = exchange(transport, request, used, attempt, stop);
    attempt.status = response.status;
    const std::optional<UtcTime> date = parse_http_date(response.header("date"));
    if (date) note_date(*date);
    if (is_success(response.status)) return response;
    const S3ErrorReply reply = read_error(response);
    if (learn(response, reply, used, lessons)) continue;
    if (!lessons.credentials && !request.is_cleanup &&
        is_credential_refusal(request, response.status, reply.code) &&
        credentials_.renew(used.credentials, stop)) {
      lessons.credentials = true;
      continue;
    }
    attempt.retry_after = parse_retry_after(response.header("retry-after"), date);
    throw_unless_returned(request, response.status, reply, attempt);
    return response;
  }
}

void S3Client::note_date(UtcTime date) {
  server_clock_.note(date);
  if (config_.counter != nullptr) config_.counter->note_clock(date - clock_.now());
}

HttpResponse S3Client::exchange(Transport& transport, const S3Request& request, const Signing& with,
                                const Attempt& attempt, const std::stop_token& stop) {
  const std::string what = describe(request);
  const auto begun = clock_.steady();
  const auto note = [&](std::string_view outcome, std::string_view request_id) {
    const auto taken =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
    log_.debug("asked S3", {{"for", what},
                            {"reply", outcome},
                            {"ms", taken.count()},
                            {"attempt", attempt.number},
                            {"request", request_id}});
  };
  try {
    HttpResponse head = transport.start(sign(request, with, attempt), stop);
    has_answered_ = true;
    if (!is_success(head.status)) head.body = transport.read_begin(kMaxErrorBytes);
    count(request, head.status);
    note(std::to_string(head.status), head.header("x-amz-request-id"));
    return head;
  } catch (const Error& error) {
    count(request, 0);
    note(error.message(), "");
    const bool is_mute = endpoint_.scheme == "http" && !has_answered_ &&
                         error.message().find("Empty reply") != std::string::npos;
    throw Error(error.kind(), error.message(), is_mute ? kMuteHint : error.hint()).within(what);
  }
}

void S3Client::count(const S3Request& request, int status) const {
  if (config_.counter == nullptr) return;
  config_.counter->count_request(operation_of(request), status);
}

bool S3Client::learn(const HttpResponse& response, const S3ErrorReply& reply, const Signing& used,
                     Lessons& lessons) {
  if (!lessons.region && learn_region(response.status, reply.region, used.region)) {
    lessons.region = true;
    return true;
  }
  if (!lessons.clock && learn_clock(response, reply, used)) {
    lessons.clock = true;
    return true;
  }
  return false;
}

void S3Client::throw_unless_returned(const S3Request& request, int status,
                                     const S3ErrorReply& reply, const Attempt& attempt) const {
  const std::string text = describe(request);
  Error error = make_reply_error({.text = text,
                                  .operation = operation_of(request),
                                  .bucket = config_.bucket,
                                  .locks = has_header(request, "x-amz-object-lock-"),
                                  .encrypts = has_header(request, "x-amz-server-side-encryption")},
                                 status, reply);
  if (request.method == "HEAD" && status == kForbidden && reply.code.empty()) {
    error = Error(error.kind(), error.message(), kForbiddenHeadHint);
  }
  if (request.returned == error.kind() || request.returned_status == status) return;
  // Some providers answer 400 for throttling and timeouts, too; a reply to HEAD cannot say so.
  const bool may_pass = request.method == "HEAD" && status == 400 && reply.code.empty();
  if (may_pass || (is_damaged_in_transit(reply.code) && attempt.number == 1)) {
    throw Error(ErrorKind::transient, error.message(), error.hint());
  }
  throw error;
}

bool S3Client::is_first_contact(const RetryLimits& limits) const {
  return config_.first_contact && limits.total > *config_.first_contact && !has_answered_;
}

Retrier S3Client::make_retrier(const RetryLimits& limits, const std::stop_token& stop) {
  RetryLimits in_force = limits;
  if (is_first_contact(limits)) in_force.total = *config_.first_contact;
  return {in_force,
          {.clock = clock_, .log = log_, .outage = outage_, .counter = config_.counter},
          stop};
}

S3Client::Signing S3Client::signing(const S3Request& request, const std::stop_token& stop) {
  Signing with{
      .offset = server_clock_.offset(),
      .begun = clock_.now(),
      .credentials = request.is_cleanup ? credentials_.held() : credentials_.current(stop)};
  const std::lock_guard lock(mutex_);
  with.region = region_;
  with.authority = authority();
  return with;
}

/// Returns the host of the requests. To be called with the mutex locked.
std::string S3Client::authority() const {
  const bool in_host = config_.addressing == S3Addressing::virtual_host;
  return in_host ? config_.bucket + "." + endpoint_.authority() : endpoint_.authority();
}

std::string S3Client::region() const {
  const std::lock_guard lock(mutex_);
  return region_;
}

std::string S3Client::address() const {
  const std::lock_guard lock(mutex_);
  return fmt::format("{}://{}", endpoint_.scheme, authority());
}

HttpRequest S3Client::sign(const S3Request& request, const Signing& with, const Attempt& attempt) {
  std::string path = "/";
  if (config_.addressing != S3Addressing::virtual_host) {
    path += encode_percent(config_.bucket);
    if (!request.key.empty()) path += "/";
  }
  path += encode_percent(request.key, "/");
  const std::string query = canonical_query(request.query);
  const std::string payload_hash =
      request.body_sha256.empty() ? sha256_hex(request.body) : request.body_sha256;
  const UtcTime now = with.begun + with.offset;

  HttpRequest http{.method = request.method,
                   .url = fmt::format("{}://{}{}{}{}", endpoint_.scheme, with.authority, path,
                                      query.empty() ? "" : "?", query),
                   .headers = request.headers,
                   .body = request.body,
                   .timeout = request.is_cleanup ? kCleanupTimeout : request.timeout,
                   .stall = request.stall,
                   .rate_limit = config_.max_rate == 0 ? nullptr : &rate_limit_,
                   .fresh_connection = attempt.number > 1};
  http.headers.emplace_back("host", with.authority);
  http.headers.emplace_back("x-amz-content-sha256", payload_hash);
  http.headers.emplace_back("x-amz-date", format_basic(now));
  if (!with.credentials.session_token.empty()) {
    http.headers.emplace_back("x-amz-security-token", with.credentials.session_token.reveal());
  }
  http.headers.emplace_back("authorization",
                            authorization({.method = request.method,
                                           .path = path,
                                           .query = query,
                                           .headers = http.headers,
                                           .payload_hash = payload_hash},
                                          {.time = now, .region = with.region, .service = "s3"},
                                          {.access_key = with.credentials.access_key.reveal(),
                                           .secret_key = with.credentials.secret_key.reveal()}));
  return http;
}

std::string S3Client::describe(const S3Request& request) const {
  std::string text = request.method + " " + url_of(request.key);
  if (!request.note.empty()) text += " " + request.note;
  return text;
}

/// Switches to the region that the server names. AWS is asked at that region's host. Elsewhere only
/// the signature changes and never the host: a server that names the region in a redirect means
/// another server, which the user must configure.
bool S3Client::learn_region(int status, const std::string& named, const std::string& used) {
  const bool is_redirect = status == 301 || status == 307;
  if (status != 400 && !is_redirect) return false;
  if (!is_region_name(named) || named == used) return false;
  const std::lock_guard lock(mutex_);
  if (is_redirect && !endpoint_.is_aws) return false;
  if (region_ == used) {
    log_.warn("the bucket is in another region: signing for that region from now on",
              {{"bucket", config_.bucket}, {"region", named}, {"configured", used}});
    region_ = named;
    endpoint_.host = host_in_region(endpoint_.host, used, named);
  }
  return true;
}

bool S3Client::learn_clock(const HttpResponse& response, const S3ErrorReply& reply,
                           const Signing& used) {
  const std::optional<UtcTime> date = parse_http_date(response.header("date"));
  // The end of a lock is by this clock, too, and may be final.
  if (!date || locked_until()) return false;
  const bool is_mute = response.status == 403 && response.body.empty();  // as for HEAD
  if (reply.code != "RequestTimeTooSkewed" &&
      !(is_mute && is_far_off(*date, used.begun + used.offset))) {
    return false;
  }
  const UtcTime local = used.begun + (clock_.now() - used.begun) / 2;
  const auto offset = server_clock_.correct(*date, local, used.offset);
  if (!offset) return false;
  log_.warn("the clock of this machine is wrong: signing by the server's time from now on",
            {{"here", format_iso(local)}, {"server", format_iso(*date)}});
  return true;
}

std::optional<UtcTime> S3Client::locked_until() const {
  const std::lock_guard lock(mutex_);
  return locked_until_;
}

void S3Client::renew_lock() {
  const std::optional<UtcTime> until = lock_end(config_.write, clock_.now());
  const std::lock_guard lock(mutex_);
  locked_until_ = until;
}

std::string S3Client::full_key(std::string_view key) const {
  return config_.prefix + std::string(key);
}

std::string S3Client::url_of(std::string_view full_key) const {
  return fmt::format("s3://{}/{}", config_.bucket, full_key);
}

}  // namespace pgbackup
