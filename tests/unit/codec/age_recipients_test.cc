#include "common/codec/age_recipients.h"

#include "tests/support/age_keys.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("Recipients are the lines of the text, without any comment") {
  for (const auto& [text, wanted] : std::vector<std::pair<std::string, Lines>>{
           {"", {}},
           {"\n# nobody\n\n", {}},
           {kRecipient, {kRecipient}},
           {std::string("# ops\n") + kRecipient + "\r\n\n" + kOtherRecipient + "\n",
            {kRecipient, kOtherRecipient}},
           {"ssh-ed25519 AAAA jane@example.org at work\n", {"ssh-ed25519 AAAA"}},
           {"ssh-rsa AAAA\n", {"ssh-rsa AAAA"}},
           {"ssh-rsa\n", {"ssh-rsa"}},
           {"age1yubikey1qq\n", {"age1yubikey1qq"}}}) {
    CAPTURE(text);
    CHECK(list_recipients(text) == wanted);
  }
}

TEST_CASE("A recipient is shortened to what its owner knows it by") {
  CHECK(short_recipient(kRecipient) == "age16lvm...nsrdy5gz");
  CHECK(short_recipient(list_recipients(kSshRecipient).at(0)) == "ssh-ed25519 ...sUF2hU+D");
  CHECK(short_recipient("age1short") == "age1short");
  CHECK(short_recipient("ssh-" + std::string(100, 'x')) == "...xxxxxxxx");
  CHECK(short_recipient("ssh-" + std::string(100, 'x') + " AAAA").size() < 40);
  CHECK(short_recipient(std::string(30, '\n')) == "????????...????????");
}

TEST_CASE("Of many recipients the first ones are named") {
  CHECK(short_recipients({}).empty());
  CHECK(short_recipients(Lines{"a", "b"}) == "a, b");
  CHECK(short_recipients(Lines{"a", "b", "c", "d", "e"}) == "a, b, c, d, e");
  CHECK(short_recipients(Lines{"a", "b", "c", "d", "e", "f", "g"}) == "a, b, c, d, e, 2 more");
}

}  // namespace
}  // namespace pgbackup
