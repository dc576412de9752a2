#include "common/http/http_error.h"

#include <fmt/format.h>

#include <optional>
#include <string>

namespace pgbackup {
namespace {

Error certificate_error(std::string_view server, std::string_view text) {
  return {ErrorKind::failed, fmt::format("the certificate of {} is not trusted: {}", server, text),
          "S3_CA_FILE names the certificate of a private authority (PEM)"};
}

constexpr const char* kProxyHint =
    "HTTPS_PROXY (or https_proxy, ALL_PROXY) is used for this server; list the server in NO_PROXY "
    "to connect without";

/// Returns the Error for a failed connection. libcurl names the machine that it connects to, which
/// is not the server where a proxy is between.
Error connect_error(std::string_view server, std::string_view text) {
  const size_t colon = server.rfind(':');
  const bool has_port = colon != std::string_view::npos && !server.ends_with(']');
  std::string machine(server.substr(0, has_port ? colon : server.size()));
  std::erase_if(machine, [](char c) { return c == '[' || c == ']'; });
  if (has_port) machine += fmt::format(" port {}", server.substr(colon + 1));
  // 8.x names both: "Failed to connect to SERVER port 443 via PROXY".
  const bool is_server =
      text.find(machine) != std::string_view::npos && text.find(" via ") == std::string_view::npos;
  return {ErrorKind::transient, fmt::format("cannot connect to {}: {}", server, text),
          is_server ? "" : kProxyHint};
}

/// Tells TLS errors apart by what OpenSSL says, which is the only difference.
std::optional<Error> tls_error(std::string_view server, std::string_view text) {
  const auto says = [&](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  };
  if (says("wrong version number")) {  // the first bytes of the reply are not TLS
    return Error(ErrorKind::failed, fmt::format("{} does not speak TLS: {}", server, text),
                 "the address of a server without TLS begins with http://");
  }
  if (says("unsupported protocol") || says("alert protocol version")) {
    return Error(ErrorKind::failed,
                 fmt::format("{} does not support TLS 1.2 or later: {}", server, text));
  }
  return std::nullopt;
}

}  // namespace

Error transport_error(CURLcode code, std::string_view server, std::string_view text) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return certificate_error(server, text);
    case CURLE_COULDNT_RESOLVE_HOST:
      return {ErrorKind::transient, fmt::format("cannot resolve the name of {}: {}", server, text)};
    case CURLE_COULDNT_CONNECT:
      return connect_error(server, text);
    case CURLE_SSL_CONNECT_ERROR:
      if (const auto error = tls_error(server, text)) return *error;
      return {ErrorKind::transient, fmt::format("{}: {}", server, text)};
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {ErrorKind::transient, fmt::format("cannot resolve the proxy's name: {}", text),
              kProxyHint};
    case CURLE_RECV_ERROR:
      // These are the words of 7.88 and of 8.x.
      if (text.find("proxy after CONNECT") != std::string_view::npos ||
          text.find("CONNECT tunnel failed") != std::string_view::npos) {
        return {ErrorKind::failed,
                fmt::format("the proxy refuses the connection to {}: {}", server, text),
                kProxyHint};
      }
      [[fallthrough]];
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_AGAIN:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_NO_CONNECTION_AVAILABLE:
      return {ErrorKind::transient, fmt::format("{}: {}", server, text)};
    default:
      return {ErrorKind::failed, fmt::format("{}: {}", server, text)};
  }
}

}  // namespace pgbackup
