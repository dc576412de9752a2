// SHA-256, HMAC-SHA-256 and MD5 by OpenSSL: for signatures, manifests and checks.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/handle.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// Computes a SHA-256 as bytes come. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  /// Returns the digest of everything so far as 64 hexadecimal digits. More may be added
  /// afterwards.
  [[nodiscard]] std::string hex() const;

 private:
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> context_;
};

/// Returns 64 hexadecimal digits.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
/// Returns 32 raw bytes.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view message);
/// Returns the value of a Content-MD5 header (RFC 1864): 24 characters. S3 asks for it; it is no
/// protection.
[[nodiscard]] std::string content_md5(std::string_view bytes);

/// Counts and hashes what passes through this stage.
class HashSink final : public Sink {
 public:
  explicit HashSink(Sink& next) : next_(next) {}
  void write(std::string_view bytes) override;
  void finish() override { next_.finish(); }

  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::string sha256() const { return hash_.hex(); }

 private:
  Sink& next_;
  Sha256 hash_;
  uint64_t bytes_ = 0;
};

}  // namespace pgbackup
