// Signatures by Ed25519 (RFC 8032), through OpenSSL: 64 bytes over any other bytes. A private key
// is the PEM that `openssl genpkey -algorithm ed25519` writes.
#pragma once

#include <openssl/evp.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/base/handle.h"

namespace pgbackup {

inline constexpr size_t kSignatureBytes = 64;
inline constexpr size_t kPublicKeyBytes = 32;

/// Holds a private key. OpenSSL wipes it.
class SigningKey {
 public:
  /// Takes a private key in PEM, without a passphrase. Throws `usage`, showing nothing of the text,
  /// for anything else.
  explicit SigningKey(std::string_view pem);

  /// Returns kSignatureBytes bytes.
  [[nodiscard]] std::string sign(std::string_view bytes) const;
  /// Returns kPublicKeyBytes bytes.
  [[nodiscard]] std::string public_key() const;

 private:
  Handle<EVP_PKEY, EVP_PKEY_free> key_;
};

/// Returns the public keys of `text`, kPublicKeyBytes bytes each: any number of keys in PEM, or
/// their Base64 alone, apart by commas or whitespace. Throws `usage` for anything else, also for no
/// key.
[[nodiscard]] std::vector<std::string> parse_public_keys(std::string_view text);

/// Returns whether `signature` is that of `bytes` by the owner of `public_key`. Either may be any
/// bytes.
[[nodiscard]] bool is_signed_by(std::string_view public_key, std::string_view bytes,
                                std::string_view signature);

}  // namespace pgbackup
