#include "common/codec/encoding.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

// https://www.rfc-editor.org/rfc/rfc4648#section-10
TEST_CASE("Base64 is that of RFC 4648") {
  for (const auto& [bytes, text] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"},
                                                        {"\xfb\xff\xfe", "+//+"},
                                                        {std::string(3, '\0'), "AAAA"}}) {
    CHECK(encode_base64(bytes) == text);
  }
  CHECK(encode_base64_url("\xfb\xff\xfe") == "-__-");
  CHECK(encode_base64_url("f") == "Zg");
  CHECK(encode_base64_url("").empty());
}

}  // namespace
}  // namespace pgbackup
