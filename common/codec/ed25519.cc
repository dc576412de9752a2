#include "common/codec/ed25519.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/error.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

constexpr const char* kMakeOne = "openssl genpkey -algorithm ed25519 writes such a key";
constexpr const char* kTakeOne = "openssl pkey -in KEY -pubout writes the public key";
constexpr std::string_view kMarker = "-----";
constexpr std::string_view kSpace = " \t\r\n,";
constexpr size_t kMostKeys = 100;

/// Begins the DER of a public key (RFC 8410 section 4); the key's own bytes follow.
constexpr std::string_view kDerStart("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);

const unsigned char* unsigned_of(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// Answers a question for a passphrase: there is none. OpenSSL's own answer asks on the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*is_writing*/, void* /*data*/) { return -1; }

Handle<EVP_PKEY, EVP_PKEY_free> read_private_key(std::string_view pem) {
  if (pem.size() > size_t{64} << 10U) return nullptr;
  const Handle<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Handle<EVP_PKEY, EVP_PKEY_free> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

/// Returns the bytes of Base64; nullopt for text that encode_base64() does not write.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > size_t{1} << 10U) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int count = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                    unsigned_of(text), static_cast<int>(text.size()));
  ERR_clear_error();
  if (count < 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<size_t>(count) - padding);
  return encode_base64(bytes) == text ? std::optional(std::move(bytes)) : std::nullopt;
}

std::string parse_public_key(std::string_view text) {
  std::string bytes = decode_base64(text).value_or("");
  if (bytes.starts_with(kDerStart)) bytes.erase(0, kDerStart.size());
  if (bytes.size() != kPublicKeyBytes) {
    throw Error(ErrorKind::usage, "it holds what is no public key of Ed25519", kTakeOne);
  }
  return bytes;
}

/// Replaces the lines before and after each key in PEM by spaces.
std::string without_markers(std::string_view text) {
  std::string keys(text);
  for (size_t begin = keys.find(kMarker); begin != std::string::npos; begin = keys.find(kMarker)) {
    const size_t end = keys.find(kMarker, begin + kMarker.size());
    if (end == std::string::npos) break;  // no Base64: it is refused
    const std::string title = keys.substr(begin + kMarker.size(), end - begin - kMarker.size());
    if (title.ends_with("PRIVATE KEY")) {
      throw Error(ErrorKind::usage,
                  "it holds a private key, which only the machine that makes backups may have",
                  kTakeOne);
    }
    if (title != "BEGIN PUBLIC KEY" && title != "END PUBLIC KEY") {
      throw Error(ErrorKind::usage, "it holds something else than public keys", kTakeOne);
    }
    keys.replace(begin, end + kMarker.size() - begin, " ");
  }
  return keys;
}

void require(bool is_done, const char* what) {
  if (!is_done) throw Error(ErrorKind::failed, std::string("OpenSSL: ") + what + " failed");
}

}  // namespace

SigningKey::SigningKey(std::string_view pem) : key_(read_private_key(pem)) {
  if (key_ == nullptr) {
    if (pem.find("BEGIN PUBLIC KEY") != std::string_view::npos) {
      throw Error(ErrorKind::usage, "it holds a public key, and only a private key signs",
                  kMakeOne);
    }
    if (pem.find("ENCRYPTED") != std::string_view::npos) {
      throw Error(ErrorKind::usage, "its private key has a passphrase, which nobody enters",
                  "openssl pkey -in KEY -out OTHER writes it without one");
    }
    throw Error(ErrorKind::usage, "it holds no private key in PEM", kMakeOne);
  }
  if (EVP_PKEY_get_id(key_.get()) != EVP_PKEY_ED25519) {
    throw Error(ErrorKind::usage, "its private key is of another algorithm than Ed25519", kMakeOne);
  }
}

std::string SigningKey::sign(std::string_view bytes) const {
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  size_t length = signature.size();
  require(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1,
          "EVP_DigestSignInit");
  require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                         unsigned_of(bytes), bytes.size()) == 1 &&
              length == kSignatureBytes,
          "EVP_DigestSign");
  return signature;
}

std::string SigningKey::public_key() const {
  std::string bytes(kPublicKeyBytes, '\0');
  size_t length = bytes.size();
  require(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(bytes.data()),
                                      &length) == 1 &&
              length == kPublicKeyBytes,
          "EVP_PKEY_get_raw_public_key");
  return bytes;
}

std::vector<std::string> parse_public_keys(std::string_view text) {
  const std::string all = without_markers(text);
  std::vector<std::string> keys;
  for (size_t begin = all.find_first_not_of(kSpace); begin != std::string::npos;) {
    const size_t end = std::min(all.find_first_of(kSpace, begin), all.size());
    keys.push_back(parse_public_key(std::string_view(all).substr(begin, end - begin)));
    if (keys.size() > kMostKeys) throw Error(ErrorKind::usage, "it holds more than 100 keys");
    begin = all.find_first_not_of(kSpace, end);
  }
  if (keys.empty()) throw Error(ErrorKind::usage, "it holds no public key", kTakeOne);
  return keys;
}

bool is_signed_by(std::string_view public_key, std::string_view bytes, std::string_view signature) {
  if (public_key.size() != kPublicKeyBytes || signature.size() != kSignatureBytes) return false;
  const Handle<EVP_PKEY, EVP_PKEY_free> key(EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, unsigned_of(public_key), public_key.size()));
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const bool is_good =
      key != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), unsigned_of(signature), signature.size(), unsigned_of(bytes),
                       bytes.size()) == 1;
  ERR_clear_error();
  return is_good;
}

}  // namespace pgbackup
