#include "common/codec/digest.h"

#include "common/codec/encoding.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("SHA-256 gives the published values") {
  // FIPS 180-2, appendix B; the empty message.
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("A running SHA-256 may be asked in between") {
  Sha256 hash;
  CHECK(hash.hex() == sha256_hex(""));
  hash.update("a");
  CHECK(hash.hex() == sha256_hex("a"));
  hash.update("");
  hash.update("bc");
  CHECK(hash.hex() == sha256_hex("abc"));
  CHECK(hash.hex() == sha256_hex("abc"));
}

TEST_CASE("HMAC-SHA-256 gives the published values") {
  // RFC 4231, test cases 1, 2 and 6.
  CHECK(encode_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(encode_hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(encode_hex(hmac_sha256(std::string(131, '\xaa'),
                               "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(hmac_sha256("", "").size() == 32);
}

TEST_CASE("Content-MD5 gives the published values in base64") {
  // RFC 1321, A.5: d41d8cd98f00b204e9800998ecf8427e and 900150983cd24fb0d6963f7d28e17f72.
  CHECK(content_md5("") == "1B2M2Y8AsgTpgAmY7PhCfg==");
  CHECK(content_md5("abc") == "kAFQmDzST7DWlj99KOF/cg==");
}

TEST_CASE("A hash stage counts and hashes what passes, and changes nothing") {
  StringSink end;
  HashSink hash(end);
  CHECK(hash.bytes() == 0);
  hash.write("ab");
  hash.write("");
  hash.write(std::string_view("c\0d", 3));
  CHECK_FALSE(end.finished);
  hash.finish();
  CHECK(end.finished);
  CHECK(end.bytes == std::string("abc\0d", 5));
  CHECK(hash.bytes() == 5);
  CHECK(hash.sha256() == sha256_hex(end.bytes));
}

TEST_CASE("Bytes become hexadecimal and percent-encoded text") {
  CHECK(encode_hex(std::string("\x00\x0f\xff", 3)) == "000fff");
  CHECK(encode_percent("AZaz09-_.~") == "AZaz09-_.~");
  CHECK(encode_percent("a b/c=\xc3\xa4%") == "a%20b%2Fc%3D%C3%A4%25");
  CHECK(encode_percent("a/b c", "/") == "a/b%20c");
  CHECK(random_hex(16).size() == 32);
  CHECK(random_hex(16) != random_hex(16));
}

}  // namespace
}  // namespace pgbackup
