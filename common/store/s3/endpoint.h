// The address of a bucket: the endpoint as the user wrote it, the region in its name, and the two
// ways to address a bucket. Pure; asks no server.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
#pragma once

#include <string>
#include <string_view>

namespace pgbackup {

enum class S3Addressing {
  automatic,     ///< AWS: virtual hosts where the bucket's name allows; else paths
  path,          ///< https://endpoint/bucket/key
  virtual_host,  ///< https://bucket.endpoint/key
};

struct S3Endpoint {
  std::string scheme{};  ///< `http` or `https`
  std::string host{};    ///< without port; an IPv6 address in brackets
  std::string port{};    ///< empty: the scheme's own
  bool is_aws = false;

  /// Returns `host` or `host:port`, as the Host header has it.
  [[nodiscard]] std::string authority() const { return port.empty() ? host : host + ":" + port; }
};

/// Parses S3_ENDPOINT: a host with or without scheme (then https) and port. Empty text means AWS,
/// whose host follows from `region` (which may be empty). Throws `usage`.
[[nodiscard]] S3Endpoint parse_s3_endpoint(std::string_view text, std::string_view region);

/// Returns true for `s3.REGION.example.com`.
[[nodiscard]] bool names_region(std::string_view host);

/// Returns the region in `s3.REGION.example.com`, else `us-east-1`.
[[nodiscard]] std::string region_of_host(std::string_view host);

/// Returns `amazonaws.com`, or `amazonaws.com.cn` for the regions in China.
[[nodiscard]] std::string_view aws_domain(std::string_view region);

/// Returns the host of AWS for the region `named` when `host` is the one for the region `used` or
/// for any region. Returns other hosts as they are (dual-stack, private link, other providers).
[[nodiscard]] std::string host_in_region(std::string_view host, std::string_view used,
                                         std::string_view named);

/// Throws `usage` for text that cannot be a bucket's name.
void check_bucket_name(std::string_view bucket);

[[nodiscard]] bool uses_virtual_host(S3Addressing addressing, const S3Endpoint& endpoint,
                                     std::string_view bucket);

/// Returns the prefix without '/' in front and with exactly one at its end; an empty prefix stays
/// empty.
[[nodiscard]] std::string normalized_prefix(std::string_view prefix);

}  // namespace pgbackup
