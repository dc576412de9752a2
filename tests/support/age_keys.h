// Keys for the program age, made for the tests and for nothing else.
#pragma once

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "common/codec/age.h"
#include "common/codec/packing.h"

namespace pgbackup {

inline constexpr const char* kRecipient =
    "age16lvms93y65emcxmeum8z9qf4lf0fm6ekarht5gxgzu0rtmarkensrdy5gz";
inline constexpr const char* kIdentity =
    "AGE-SECRET-KEY-19UPZAFHNY9Y55XEAH0V3FY3CTUU3Z9ZTVRSSL988CHN6NTFTVXAS92VWX4\n";

inline constexpr const char* kOtherRecipient =
    "age1k70xpntvph5t6hu604qtn2875m2882n9ncckhagvqpl4pplww57q7yhawr";
inline constexpr const char* kOtherIdentity =
    "AGE-SECRET-KEY-1MGS3SHTRXN75HH2HTUUF90QXMP2H0LCJWK5W427N34KMJRFZ9DAQC7NZCR\n";

inline constexpr const char* kSshRecipient =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMwKNbGjuo0rz8ePfOAD+ueT0V9iPCgQhyCfsUF2hU+D "
    "someone@example.org";
inline constexpr const char* kSshIdentity =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
    "QyNTUxOQAAACDMCjWxo7qNK8/Hj3zgA/rnk9FfYjwoEIcgn7FBdoVPgwAAAJhza7vfc2u7\n"
    "3wAAAAtzc2gtZWQyNTUxOQAAACDMCjWxo7qNK8/Hj3zgA/rnk9FfYjwoEIcgn7FBdoVPgw\n"
    "AAAEDMM1+uDi3f8/60ciYOChN3jfIA+aZ1kgGhmV+cDJmfT8wKNbGjuo0rz8ePfOAD+ueT\n"
    "0V9iPCgQhyCfsUF2hU+DAAAAE3NvbWVvbmVAZXhhbXBsZS5vcmcBAg==\n"
    "-----END OPENSSH PRIVATE KEY-----\n";

/// Returns the program that PATH finds.
[[nodiscard]] inline std::filesystem::path age_program() {
  const char* const path = std::getenv("PATH");
  return find_program(path == nullptr ? "/usr/bin" : path, "age");
}

[[nodiscard]] inline AgeKeys age_keys(std::string recipients, std::string_view identities = "") {
  AgeKeys keys{.program = age_program(), .recipients = std::move(recipients)};
  if (!identities.empty()) keys.identities.emplace_back(identities);
  return keys;
}

/// Ignores SIGPIPE, as both programs do, while it lives.
class NoBrokenPipe {
 public:
  NoBrokenPipe() = default;
  NoBrokenPipe(const NoBrokenPipe&) = delete;
  NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;
  ~NoBrokenPipe() { static_cast<void>(std::signal(SIGPIPE, before_)); }

 private:
  void (*before_)(int) = std::signal(SIGPIPE, SIG_IGN);
};

/// Packs with compression and age.
inline constexpr Packing kEncrypted = {Compression::zstd, Encryption::age};

}  // namespace pgbackup
