#include "common/codec/ed25519.h"

#include "tests/support/error_of.h"
#include "tests/support/signing.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

/// From RFC 8032, section 7.1: tests 1 to 3.
struct Vector {
  TestKey key;
  std::string_view message_hex;
  std::string_view signature_hex;
};
const std::vector<Vector> kVectors = {
    {kKeyOne, "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
     "b46bd25bf5f0595bbe24655141438e7a100b"},
    {kKeyTwo, "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
     "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {kKeyThree, "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
     "c6594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST_CASE("Signatures are those of RFC 8032") {
  for (const Vector& vector : kVectors) {
    CAPTURE(vector.message_hex);
    const SigningKey key(private_pem(vector.key));
    const std::string message = *decode_hex(vector.message_hex);
    const std::string signature = *decode_hex(vector.signature_hex);
    CHECK(encode_hex(key.public_key()) == vector.key.public_hex);
    CHECK(encode_hex(key.sign(message)) == vector.signature_hex);
    CHECK(is_signed_by(key.public_key(), message, signature));
  }
}

TEST_CASE("A signature with any bit turned, of other bytes or by another key is none") {
  const std::string message = "the manifest";
  const SigningKey key(private_pem(kKeyOne));
  const std::string signature = key.sign(message);
  const std::string owner = key.public_key();
  REQUIRE(is_signed_by(owner, message, signature));
  for (size_t bit = 0; bit < signature.size() * 8; ++bit) {
    std::string turned = signature;
    turned[bit / 8] = static_cast<char>(turned[bit / 8] ^ (1 << (bit % 8)));
    CAPTURE(bit);
    CHECK_FALSE(is_signed_by(owner, message, turned));
  }
  for (size_t bit = 0; bit < message.size() * 8; ++bit) {
    std::string turned = message;
    turned[bit / 8] = static_cast<char>(turned[bit / 8] ^ (1 << (bit % 8)));
    CAPTURE(bit);
    CHECK_FALSE(is_signed_by(owner, turned, signature));
  }
  CHECK_FALSE(is_signed_by(*decode_hex(kKeyTwo.public_hex), message, signature));
  CHECK_FALSE(is_signed_by("", message, signature));
  CHECK_FALSE(is_signed_by(owner.substr(1), message, signature));
  CHECK_FALSE(is_signed_by(std::string(kPublicKeyBytes, '\xff'), message, signature));
  CHECK_FALSE(is_signed_by(owner, message, ""));
  CHECK_FALSE(is_signed_by(owner, message, signature.substr(1)));
  CHECK_FALSE(is_signed_by(owner, message, signature + "\n"));
  CHECK_FALSE(is_signed_by(owner, message, std::string(kSignatureBytes, '\0')));
  CHECK_FALSE(is_signed_by(owner, message + "\n", signature));
}

TEST_CASE("A private key is read with and without the end of its last line") {
  const std::string pem = private_pem(kKeyOne);
  for (const std::string& text : {pem, pem.substr(0, pem.size() - 1), "\n" + pem + "\n\n"}) {
    CHECK(encode_hex(SigningKey(text).public_key()) == kKeyOne.public_hex);
  }
}

TEST_CASE("What is no private key of Ed25519 is refused, and nothing of it is shown") {
  const std::string pem = private_pem(kKeyOne);
  struct Row {
    std::string text;
    std::string complaint;
  };
  // Made for this test by openssl genpkey -algorithm X25519, and ed25519 with -aes256.
  const std::string x25519 = "-----BEGIN PRIVATE KEY-----\n" +
                             encode_base64(*decode_hex("302e020100300506032b656e04220420") +
                                           *decode_hex(kKeyOne.private_hex)) +
                             "\n-----END PRIVATE KEY-----\n";
  for (const Row& row : std::vector<Row>{
           {"", "no private key in PEM"},
           {"secret", "no private key in PEM"},
           {encode_base64(*decode_hex(kKeyOne.private_hex)), "no private key in PEM"},
           {pem.substr(0, pem.size() / 2), "no private key in PEM"},
           {public_pem(kKeyOne), "it holds a public key"},
           {x25519, "another algorithm"},
           {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "has a passphrase"},
           {std::string(size_t{1} << 20U, 'x'), "no private key in PEM"}}) {
    CAPTURE(row.complaint);
    const Error error = error_of([&] { return SigningKey(row.text).public_key(); }).value();
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(contains(error.message(), row.complaint));
    CHECK_FALSE(contains(error.message() + error.hint(), "secret"));
    CHECK_FALSE(contains(error.message() + error.hint(), "MC4C"));
  }
}

TEST_CASE("Public keys are read in PEM, as Base64, and several of them") {
  const std::vector<std::string> one = {*decode_hex(kKeyOne.public_hex)};
  const std::vector<std::string> both = {one[0], *decode_hex(kKeyTwo.public_hex)};
  CHECK(parse_public_keys(public_pem(kKeyOne)) == one);
  CHECK(parse_public_keys(public_base64(kKeyOne)) == one);
  CHECK(parse_public_keys(encode_base64(one[0])) == one);
  CHECK(parse_public_keys(" " + public_base64(kKeyOne) + "\r\n") == one);
  CHECK(parse_public_keys(public_pem(kKeyOne) + public_pem(kKeyTwo)) == both);
  CHECK(parse_public_keys(public_base64(kKeyOne) + "," + public_base64(kKeyTwo)) == both);
  CHECK(parse_public_keys(public_base64(kKeyOne) + "\n" + public_pem(kKeyTwo)) == both);
  CHECK(parse_public_keys("-----BEGIN PUBLIC KEY----- " + public_base64(kKeyOne) +
                          " -----END PUBLIC KEY-----") == one);  // as .env files flatten it
}

TEST_CASE("What is no public key of Ed25519 is refused") {
  std::string many;
  for (int i = 0; i < 101; ++i) many += public_base64(kKeyOne) + "\n";
  const std::string base64 = public_base64(kKeyOne);
  for (const std::string& text : std::vector<std::string>{
           "", " \n", ",", "app", base64.substr(1), base64.substr(0, base64.size() - 4),
           base64 + "AAAA", base64 + ", x", "*" + base64.substr(1),
           encode_base64(*decode_hex(kKeyOne.public_hex) + "x"), "-----BEGIN PUBLIC KEY-----",
           "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
           "-----BEGIN CERTIFICATE-----\n" + base64 + "\n-----END CERTIFICATE-----\n",
           encode_base64(*decode_hex("302a300506032b656e032100") +
                         *decode_hex(kKeyOne.public_hex)),  // X25519
           private_pem(kKeyOne), many, std::string(size_t{1} << 20U, 'A')}) {
    CAPTURE(text.substr(0, 80));
    CHECK(fails_with(ErrorKind::usage, "it holds", [&] { return parse_public_keys(text); }));
  }
  CHECK(fails_with(ErrorKind::usage, "it holds a private key",
                   [] { return parse_public_keys(private_pem(kKeyOne)); }));
}

}  // namespace
}  // namespace pgbackup
