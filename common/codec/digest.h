// SHA-256, HMAC-SHA-256 and MD5 by OpenSSL: for signatures, manifests and checks.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/handle.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// A running SHA-256. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  /// The digest of everything so far, 64 hexadecimal digits; more may be added afterwards.
  [[nodiscard]] std::string hex() const;

 private:
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> context_;
};

/// 64 hexadecimal digits.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
/// 32 raw bytes.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view message);
/// The value of a Content-MD5 header (RFC 1864): 24 characters. Guards nothing; S3 asks for it.
[[nodiscard]] std::string content_md5(std::string_view bytes);

/// A stage that counts and hashes what passes.
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
