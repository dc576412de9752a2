#include "common/store/s3/endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/base/error.h"

namespace pgbackup {
namespace {

constexpr std::string_view kDefaultRegion = "us-east-1";
constexpr std::string_view kAwsDomain = "amazonaws.com";
constexpr std::string_view kAwsDomainOfChina = "amazonaws.com.cn";

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

Error endpoint_error(std::string_view text, std::string_view reason) {
  return {ErrorKind::usage, fmt::format("S3_ENDPOINT \"{}\" {}", text, reason),
          "it looks like https://s3.example.com or http://10.0.0.5:9000"};
}

bool is_domain_or_below(std::string_view host, std::string_view domain) {
  if (!host.ends_with(domain)) return false;
  return host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.';
}

std::optional<int> parse_port(std::string_view text) {
  int port = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stopped != end || port < 1 || port > 65535) return std::nullopt;
  return port;
}

bool is_host(std::string_view host) {
  if (host.starts_with('[')) {
    return host.size() > 3 && host.ends_with(']') &&
           host.find_first_not_of("0123456789abcdefABCDEF:.", 1) == host.size() - 1;
  }
  const auto allowed = [](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
  };
  return !host.empty() && host.front() != '.' && std::all_of(host.begin(), host.end(), allowed);
}

/// Returns the region in a host's name; an empty string when there is none.
std::string_view region_in(std::string_view host) {
  // The form is s3.REGION.domain.tld; a Kubernetes service (s3.namespace.svc...) has its namespace
  // there.
  const bool is_named = host.starts_with("s3.") && std::count(host.begin(), host.end(), '.') >= 3;
  if (!is_named || host.find(".svc") != std::string_view::npos) return {};
  host.remove_prefix(3);
  if (host.starts_with("dualstack.")) host.remove_prefix(10);
  const std::string_view region = host.substr(0, host.find('.'));
  const bool is_region = std::all_of(region.begin(), region.end(),
                                     [](char c) { return is_lower_or_digit(c) || c == '-'; });
  return is_region ? region : std::string_view();
}

}  // namespace

S3Endpoint parse_s3_endpoint(std::string_view text, std::string_view region) {
  if (text.empty()) {
    return {.scheme = "https",
            .host = region.empty() ? fmt::format("s3.{}", kAwsDomain)
                                   : fmt::format("s3.{}.{}", region, aws_domain(region)),
            .port = {},
            .is_aws = true};
  }
  S3Endpoint endpoint{.scheme = "https", .host = {}, .port = {}};
  std::string_view rest = text;
  if (const size_t scheme_end = text.find("://"); scheme_end != std::string_view::npos) {
    endpoint.scheme = text.substr(0, scheme_end);
    rest.remove_prefix(scheme_end + 3);
    if (endpoint.scheme != "http" && endpoint.scheme != "https") {
      throw endpoint_error(text, "has a scheme other than http and https");
    }
  }
  if (rest.find('@') != std::string_view::npos) {
    throw Error(ErrorKind::usage, "S3_ENDPOINT must not hold credentials",
                "they belong into S3_ACCESS_KEY and S3_SECRET_KEY");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#") != std::string_view::npos) {
    throw endpoint_error(text,
                         "has a path: the bucket goes into S3_BUCKET, a prefix into S3_PREFIX");
  }
  const size_t colon = rest.rfind(':');
  const size_t bracket = rest.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  endpoint.host = rest.substr(0, has_port ? colon : rest.size());
  if (!is_host(endpoint.host)) throw endpoint_error(text, "names no host");
  if (has_port) {
    const std::optional<int> port = parse_port(rest.substr(colon + 1));
    if (!port) throw endpoint_error(text, "has a port outside 1 to 65535");
    if (*port != (endpoint.scheme == "https" ? 443 : 80)) endpoint.port = std::to_string(*port);
  }
  endpoint.is_aws = is_domain_or_below(endpoint.host, kAwsDomain) ||
                    is_domain_or_below(endpoint.host, kAwsDomainOfChina);
  return endpoint;
}

bool names_region(std::string_view host) { return !region_in(host).empty(); }

std::string region_of_host(std::string_view host) {
  const std::string_view region = region_in(host);
  return std::string(region.empty() ? kDefaultRegion : region);
}

std::string_view aws_domain(std::string_view region) {
  return region.starts_with("cn-") ? kAwsDomainOfChina : kAwsDomain;
}

std::string host_in_region(std::string_view host, std::string_view used, std::string_view named) {
  const bool is_regional = host == fmt::format("s3.{}", kAwsDomain) ||
                           host == fmt::format("s3.{}.{}", used, aws_domain(used));
  return is_regional ? fmt::format("s3.{}.{}", named, aws_domain(named)) : std::string(host);
}

void check_bucket_name(std::string_view bucket) {
  const auto allowed = [](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
           c == ':';  // Ceph: tenant:bucket
  };
  if (bucket.empty() || bucket.size() > 255 || bucket == "." || bucket == ".." ||
      !std::all_of(bucket.begin(), bucket.end(), allowed)) {
    throw Error(ErrorKind::usage,
                fmt::format("S3_BUCKET \"{}\" is not the name of a bucket", bucket),
                "give the name alone, without s3:// and slashes; a prefix goes into S3_PREFIX");
  }
}

bool uses_virtual_host(S3Addressing addressing, const S3Endpoint& endpoint,
                       std::string_view bucket) {
  switch (addressing) {
    case S3Addressing::path:
      return false;
    case S3Addressing::virtual_host:
      return true;
    case S3Addressing::automatic:
      break;
  }
  // The certificate's wildcard does not cover a dot in the bucket's name.
  const bool is_dns_label = bucket.size() >= 3 && bucket.size() <= 63 && bucket.front() != '-' &&
                            bucket.back() != '-' &&
                            std::all_of(bucket.begin(), bucket.end(),
                                        [](char c) { return is_lower_or_digit(c) || c == '-'; });
  return endpoint.is_aws && is_dns_label;
}

std::string normalized_prefix(std::string_view prefix) {
  while (prefix.starts_with('/')) prefix.remove_prefix(1);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix.empty() ? std::string() : std::string(prefix) + "/";
}

}  // namespace pgbackup
