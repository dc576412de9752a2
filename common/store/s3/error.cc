#include "common/store/s3/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/store/s3/operation.h"

namespace pgbackup {
namespace {

struct CodeRow {
  std::string_view code;
  ErrorKind kind;
  std::string_view hint;
};

constexpr std::string_view kRegionHint =
    "S3_REGION and S3_ENDPOINT must be those of the bucket's region";

// Beyond AWS: RequestRateLimitExceeded is Wasabi's, TooManyRequests that of several gateways.
constexpr auto kCodes = std::to_array<CodeRow>({
    {"NoSuchKey", ErrorKind::not_found, ""},
    {"NoSuchUpload", ErrorKind::not_found, ""},
    {"NoSuchBucket", ErrorKind::failed, ""},
    {"SignatureDoesNotMatch", ErrorKind::denied, "check S3_SECRET_KEY"},
    {"InvalidAccessKeyId", ErrorKind::denied,
     "check S3_ACCESS_KEY; where keys are temporary, they may have expired"},
    {"AccessDenied", ErrorKind::denied, ""},
    {"ExpiredToken", ErrorKind::denied, "the credentials have expired"},
    {"InvalidTokenId", ErrorKind::denied, "the credentials are not valid here"},  // MinIO
    {"InvalidToken", ErrorKind::denied, "the credentials are not valid here"},
    {"TokenRefreshRequired", ErrorKind::denied, "the credentials have expired"},
    {"RequestTimeTooSkewed", ErrorKind::conflict,
     "the clock of this machine is more than 15 minutes off"},
    {"AuthorizationHeaderMalformed", ErrorKind::failed, kRegionHint},
    {"PermanentRedirect", ErrorKind::failed, kRegionHint},
    {"TemporaryRedirect", ErrorKind::failed, kRegionHint},
    {"InvalidObjectState", ErrorKind::denied,
     "the object is archived: restore it there first (RestoreObject)"},
    {"NotImplemented", ErrorKind::failed, ""},
    {"MethodNotAllowed", ErrorKind::failed, ""},
    {"InternalError", ErrorKind::transient, ""},
    {"ServiceUnavailable", ErrorKind::transient, ""},
    {"SlowDown", ErrorKind::transient, ""},
    {"TooManyRequests", ErrorKind::transient, ""},
    {"RequestTimeout", ErrorKind::transient, ""},
    {"RequestRateLimitExceeded", ErrorKind::transient, ""},
    {"RequestLimitExceeded", ErrorKind::transient, ""},
    {"OperationAborted", ErrorKind::transient, ""},
    {"ConditionalRequestConflict", ErrorKind::transient, ""},
    {"BadDigest", ErrorKind::corrupt, ""},
    {"XAmzContentSHA256Mismatch", ErrorKind::corrupt, ""},
    {"PreconditionFailed", ErrorKind::conflict, ""},
});

const CodeRow* find_code(std::string_view code) {
  const auto* const row =
      std::find_if(kCodes.begin(), kCodes.end(), [&](const CodeRow& r) { return r.code == code; });
  return row == kCodes.end() ? nullptr : row;
}

ErrorKind kind_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::denied;
    case 404:
      return ErrorKind::not_found;
    case 412:
      return ErrorKind::conflict;
    case 408:
    case 429:
      return ErrorKind::transient;
    case 501:
    case 505:
      return ErrorKind::failed;
    default:
      return status >= 500 ? ErrorKind::transient : ErrorKind::failed;
  }
}

std::string_view hint_of_status(int status) {
  if (status == 401 || status == 403) {
    return "check S3_ACCESS_KEY, S3_SECRET_KEY and the permissions of this key pair";
  }
  if (status >= 300 && status < 400) return kRegionHint;
  return "";
}

/// Returns whether the bucket wants settings for Object Lock. InvalidRequest has many causes. AWS
/// says: "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with
/// Object Lock parameters", also where the bucket locks by default.
bool wants_lock_settings(const S3ErrorReply& reply) {
  return reply.message.find("Content-MD5") != std::string::npos &&
         reply.message.find("Object Lock") != std::string::npos;
}

/// Returns what to do about a bucket that is not there. A server may take another word for its
/// name: Ceph takes a host name that it does not know.
std::string hint_of_bucket(const S3Asked& asked, const S3ErrorReply& reply) {
  std::string hint = fmt::format(
      "there is no bucket \"{}\" at this endpoint: check S3_BUCKET, S3_ENDPOINT and S3_REGION",
      asked.bucket);
  if (!reply.bucket.empty() && reply.bucket != asked.bucket) {
    hint += fmt::format(
        "; the server took \"{}\" for the bucket: set S3_ADDRESSING, or S3_ENDPOINT to the host "
        "name that the server knows as its own",
        reply.bucket);
  }
  return hint;
}

std::string hint_of_denial(std::string_view operation) {
  const std::string_view permission = permission_of(operation);
  if (permission.empty()) return "the key pair is known but lacks permission for this request";
  return fmt::format(
      "the key pair is known but lacks {} here; the policies in deploy/iam/ grant what each "
      "program "
      "needs",
      permission);
}

/// Returns whether the server refuses what the request asks for, rather than a mistake in it.
bool is_unsupported(int status, const S3ErrorReply& reply) {
  return status == 501 || reply.code == "NotImplemented" || reply.code == "InvalidRequest" ||
         reply.code == "InvalidArgument" || reply.code == "InvalidEncryptionAlgorithmError" ||
         reply.code.find("KMS") != std::string::npos ||
         reply.code == "ServerSideEncryptionConfigurationNotFoundError";
}

std::string hint_of_reply(const S3Asked& asked, int status, const S3ErrorReply& reply) {
  if (wants_lock_settings(reply)) {
    return "the bucket locks by default: set S3_OBJECT_LOCK_MODE and S3_OBJECT_LOCK_RETENTION, too";
  }
  if (reply.code == "NoSuchBucket") return hint_of_bucket(asked, reply);
  if (reply.code == "AccessDenied") return hint_of_denial(asked.operation);
  if (asked.locks && is_unsupported(status, reply)) {
    return "if the bucket has no Object Lock, unset S3_OBJECT_LOCK_MODE and "
           "S3_OBJECT_LOCK_RETENTION, or make a bucket that has it";
  }
  if (asked.encrypts && is_unsupported(status, reply)) {
    return "if the server cannot encrypt in this way, unset S3_SERVER_SIDE_ENCRYPTION";
  }
  if (status == 400 && reply.message.find("HTTPS") != std::string::npos) {
    return "the server speaks TLS at this port: S3_ENDPOINT must begin with https://";
  }
  const CodeRow* const row = find_code(reply.code);
  const std::string_view hint = row != nullptr ? row->hint : hint_of_status(status);
  if (hint != kRegionHint || reply.region.empty()) return std::string(hint);
  return fmt::format(
      "the bucket is in region {0}: set S3_REGION={0}, and S3_ENDPOINT to an endpoint of that "
      "region",
      reply.region);
}

std::string_view reason_of_status(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 301:
      return "Moved Permanently";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 412:
      return "Precondition Failed";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "without an explanation";
  }
}

}  // namespace

ErrorKind kind_of_reply(int status, std::string_view code) {
  if (const CodeRow* const row = find_code(code)) return row->kind;
  if (code.starts_with("Throttl")) return ErrorKind::transient;
  // An unknown error document with a good status counts as a fault of the server.
  return status < 300 ? ErrorKind::transient : kind_of_status(status);
}

bool is_damaged_in_transit(std::string_view code) {
  return code == "BadDigest" || code == "XAmzContentSHA256Mismatch";
}

Error make_reply_error(const S3Asked& asked, int status, const S3ErrorReply& reply) {
  std::string text = fmt::format("{}: {} {}", asked.text, status,
                                 reply.code.empty() ? reason_of_status(status) : reply.code);
  if (!reply.message.empty() && reply.message != reply.code) text += ": " + reply.message;
  if (!reply.request_id.empty()) text += fmt::format(" (request {})", reply.request_id);
  return {kind_of_reply(status, reply.code), text, hint_of_reply(asked, status, reply)};
}

}  // namespace pgbackup
