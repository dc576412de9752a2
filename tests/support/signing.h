// Keys of Ed25519 for tests: those of RFC 8032, section 7.1, which nobody else must use.
#pragma once

#include <string>
#include <string_view>

#include "common/codec/ed25519.h"
#include "common/codec/encoding.h"
#include "common/store/signatures.h"

namespace pgbackup {

struct TestKey {
  std::string_view private_hex;
  std::string_view public_hex;
};

inline constexpr TestKey kKeyOne{
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"};
inline constexpr TestKey kKeyTwo{
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"};
inline constexpr TestKey kKeyThree{
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"};

/// Returns the private key as `openssl genpkey` writes it.
inline std::string private_pem(const TestKey& key) {
  const std::string der =
      *decode_hex("302e020100300506032b657004220420") + *decode_hex(key.private_hex);
  return "-----BEGIN PRIVATE KEY-----\n" + encode_base64(der) + "\n-----END PRIVATE KEY-----\n";
}

/// Returns the Base64 within the PEM of the public key.
inline std::string public_base64(const TestKey& key) {
  return encode_base64(*decode_hex("302a300506032b6570032100") + *decode_hex(key.public_hex));
}

/// Returns the public key as `openssl pkey -pubout` writes it.
inline std::string public_pem(const TestKey& key) {
  return "-----BEGIN PUBLIC KEY-----\n" + public_base64(key) + "\n-----END PUBLIC KEY-----\n";
}

/// Returns the signatures of a writer that also believes only what it has signed.
inline Signatures signed_by(const TestKey& key) {
  return {.key = SigningKey(private_pem(key)), .trusted = {*decode_hex(key.public_hex)}};
}

/// Returns the signatures of a reader.
inline Signatures believing(const TestKey& key) {
  return {.key = std::nullopt, .trusted = {*decode_hex(key.public_hex)}};
}

}  // namespace pgbackup
