#include "common/service/status_access.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>

#include "common/base/text.h"
#include "common/codec/digest.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

constexpr int kUnauthorized = 401;
constexpr int kRefused = 403;
constexpr std::string_view kScheme = "basic ";

StatusReply refuse(int status, std::string sentence) {
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .body = std::move(sentence) + "\n"};
}

/// Compares digests, so that neither the contents nor the lengths show in the time that it takes.
bool is_equal(std::string_view a, std::string_view b) {
  const std::string of_a = sha256_hex(a);
  const std::string of_b = sha256_hex(b);
  return CRYPTO_memcmp(of_a.data(), of_b.data(), of_a.size()) == 0;
}

bool starts_with_scheme(std::string_view authorization) {
  return authorization.size() >= kScheme.size() &&
         std::equal(kScheme.begin(), kScheme.end(), authorization.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

}  // namespace

void StatusAccess::set_password(const Secret& password) {
  const std::lock_guard lock(mutex_);
  password_ = password.clone();
}

bool StatusAccess::is_known(std::string_view authorization) const {
  if (!starts_with_scheme(authorization)) return false;
  std::string expected = fmt::format("{}:{}", user_, password_.reveal());
  std::string encoded = encode_base64(expected);
  const bool is_same = is_equal(trimmed(authorization.substr(kScheme.size())), encoded);
  wipe(expected);
  wipe(encoded);
  return is_same;
}

std::optional<StatusReply> StatusAccess::refusal(const StatusRequest& request, bool is_page) const {
  if (!user_.empty()) {
    const std::lock_guard lock(mutex_);
    if (password_.empty()) {
      return refuse(kRefused,
                    "nobody is let in, since STATUS_PASSWORD_FILE cannot be read: see the log");
    }
    if (is_known(request.authorization)) return std::nullopt;
    StatusReply reply = refuse(kUnauthorized, "name the user and the password of STATUS_USER");
    reply.headers.emplace_back("WWW-Authenticate",
                               fmt::format("Basic realm=\"{}\", charset=\"UTF-8\"", program_));
    return reply;
  }
  if (!is_page || is_public_) return std::nullopt;
  if (request.is_loopback && is_local_host(request.host)) return std::nullopt;
  return refuse(kRefused,
                "the page is for this machine alone: set STATUS_USER and STATUS_PASSWORD_FILE, or "
                "STATUS_PUBLIC=true where something else decides who may read it");
}

bool is_local_host(std::string_view host) {
  std::string name(host);
  if (name.starts_with('[')) {
    const size_t end = name.find(']');
    if (end == std::string::npos) return false;
    name = name.substr(1, end - 1);
  } else {
    name = name.substr(0, name.find(':'));
  }
  in6_addr any{};
  return name == "localhost" || inet_pton(AF_INET, name.c_str(), &any) == 1 ||
         inet_pton(AF_INET6, name.c_str(), &any) == 1;
}

}  // namespace pgbackup
