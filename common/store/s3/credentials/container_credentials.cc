#include "common/store/s3/credentials/container_credentials.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/store/s3/credentials/credential_documents.h"

namespace pgbackup {
namespace {

constexpr std::string_view kRelative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
constexpr std::string_view kFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr std::string_view kTaskAgent = "http://169.254.170.2";
constexpr std::chrono::seconds kEndpointTimeout{2};

/// The addresses of ECS and EKS.
constexpr std::array<const char*, 2> kAgents = {"169.254.170.2", "169.254.170.23"};
constexpr const char* kAgent6 = "fd00:ec2::23";

bool is_allowed_ipv4(const std::string& host) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) != 1) return false;
  if ((ntohl(address.s_addr) >> 24U) == 127) return true;
  return std::any_of(kAgents.begin(), kAgents.end(),
                     [&](const char* agent) { return address.s_addr == inet_addr(agent); });
}

/// Checks an address without its brackets.
bool is_allowed_ipv6(const std::string& host) {
  in6_addr address{};
  in6_addr agent{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1 &&
         inet_pton(AF_INET6, kAgent6, &agent) == 1 &&
         (IN6_IS_ADDR_LOOPBACK(&address) || std::memcmp(&address, &agent, sizeof(address)) == 0);
}

std::string agent_url(const CredentialContext& context) {
  const std::string_view relative = variable(context, kRelative);
  if (!relative.empty()) {
    if (!relative.starts_with('/')) {
      throw Error(ErrorKind::usage, fmt::format("{} does not begin with a slash", kRelative));
    }
    return std::string(kTaskAgent) + std::string(relative);
  }
  std::string url(variable(context, kFull));
  if (!is_allowed_agent(url)) {
    throw Error(ErrorKind::usage,
                fmt::format("{} names a server that may not be asked for credentials", kFull),
                "without https only 169.254.170.2, 169.254.170.23, [fd00:ec2::23] and the loopback "
                "are allowed");
  }
  return url;
}

/// Returns the value of the Authorization header; empty when there is none.
Secret authorization_token(const CredentialContext& context) {
  const std::string_view file = variable(context, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  Secret token = file.empty() ? Secret(variable(context, "AWS_CONTAINER_AUTHORIZATION_TOKEN"))
                              : read_secret_file(std::string(file));
  if (has_control_characters(token.reveal())) {
    throw Error(ErrorKind::usage, "the container's authorization token holds a line break");
  }
  return token;
}

}  // namespace

std::string why_no_container(const CredentialContext& context) {
  return variable(context, kRelative).empty() && variable(context, kFull).empty()
             ? fmt::format("{} and {} are not set", kRelative, kFull)
             : "";
}

bool is_allowed_agent(std::string_view url) {
  const bool is_secure = url.starts_with("https://");
  if (!is_secure && !url.starts_with("http://")) return false;
  url.remove_prefix(is_secure ? 8 : 7);
  std::string_view host = url.substr(0, url.find_first_of("/?#"));
  // Programs read user names, backslashes and the like differently.
  if (host.empty() || host.find_first_of("@\\% ") != std::string_view::npos) return false;
  if (is_secure) return true;
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view rest = host.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return false;
    return is_allowed_ipv6(std::string(host.substr(1, end - 1)));
  }
  host = host.substr(0, host.find(':'));
  return host == "localhost" || is_allowed_ipv4(std::string(host));
}

Credentials fetch_container(const CredentialContext& context, const std::stop_token& stop) {
  HttpRequest request{.method = "GET",
                      .url = agent_url(context),
                      .headers = {{"accept", "application/json"}},
                      .timeout = kEndpointTimeout,
                      .is_direct = true};
  const Secret token = authorization_token(context);
  if (!token.empty()) request.headers.emplace_back("authorization", token.reveal());
  HttpResponse response = ask_service(context, "the container's agent", request, stop);
  if (!token.empty()) wipe(request.headers.back().second);
  Credentials credentials =
      with_context("the container's agent", [&] { return parse_service_document(response.body); });
  wipe(response.body);
  if (credentials.expires) {
    credentials.expires = local_expiry(context, response, *credentials.expires);
  }
  return credentials;
}

}  // namespace pgbackup
