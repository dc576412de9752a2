// AWS Signature Version 4 for the Authorization header: pure functions from a request to its
// signature. Follows the rules for S3, whose paths are encoded once and never normalized:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#pragma once

#include <string>
#include <string_view>

#include "common/base/secret.h"
#include "common/base/utc_time.h"
#include "common/http/transport.h"

namespace pgbackup {

/// Holds what is signed. All views must outlive the call.
struct SigV4Request {
  std::string_view method;
  std::string_view path;   ///< percent-encoded as it is sent, starts with '/'
  std::string_view query;  ///< from canonical_query(), as it is sent
  /// The headers, all of which are signed; `host` and `x-amz-date` must be among them. Leave out
  /// what is rewritten on the way: connection, user-agent, accept-encoding, content-length.
  const NameValues& headers;
  std::string_view payload_hash;  ///< 64 hexadecimal digits
};

/// Says when and for what a signature is valid. `time` must be what the `x-amz-date` header says.
struct SigV4Scope {
  UtcTime time;
  std::string_view region;
  std::string_view service;
};

struct SigV4Keys {
  std::string_view access_key;
  std::string_view secret_key;
};

/// Returns `a=1&b=%2F&uploads=`: names and values encoded, then sorted by name and value.
[[nodiscard]] std::string canonical_query(const NameValues& parameters);

/// Returns the text whose hash is signed.
[[nodiscard]] std::string canonical_request(const SigV4Request& request);

[[nodiscard]] std::string string_to_sign(std::string_view canonical, const SigV4Scope& scope);

/// Returns the value of the Authorization header.
[[nodiscard]] std::string authorization(const SigV4Request& request, const SigV4Scope& scope,
                                        const SigV4Keys& keys);

}  // namespace pgbackup
