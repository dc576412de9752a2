#include "common/codec/digest.h"

#include <openssl/hmac.h>

#include <array>

#include "common/base/error.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

constexpr size_t kDigestBytes = 32;

// OpenSSL speaks unsigned char; the casts between it and our bytes live here.
const unsigned char* as_unsigned(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

void check(int result, const char* what) {
  if (result != 1) throw Error(ErrorKind::failed, std::string("OpenSSL: ") + what + " failed");
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr), "EVP_DigestInit_ex");
}

void Sha256::update(std::string_view bytes) {
  check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()), "EVP_DigestUpdate");
}

std::string Sha256::hex() const {
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> copy(EVP_MD_CTX_new());
  check(EVP_MD_CTX_copy_ex(copy.get(), context_.get()), "EVP_MD_CTX_copy_ex");
  std::array<unsigned char, kDigestBytes> digest{};
  check(EVP_DigestFinal_ex(copy.get(), digest.data(), nullptr), "EVP_DigestFinal_ex");
  return encode_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  std::array<unsigned char, kDigestBytes> digest{};
  unsigned int length = 0;
  const unsigned char* const done =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), as_unsigned(message),
           message.size(), digest.data(), &length);
  check(done != nullptr ? 1 : 0, "HMAC");
  return {reinterpret_cast<const char*>(digest.data()), length};
}

std::string content_md5(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  check(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_md5(), nullptr),
        "EVP_Digest (MD5)");
  return encode_base64({reinterpret_cast<const char*>(digest.data()), length});
}

void HashSink::write(std::string_view bytes) {
  hash_.update(bytes);
  bytes_ += bytes.size();
  next_.write(bytes);
}

}  // namespace pgbackup
