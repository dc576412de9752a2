// Documents with credentials, from services and programs; and the command line of such a program.
#include "common/store/s3/credentials/credential_documents.h"
#include "common/store/s3/credentials/credential_process.h"
#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

void require_usable(const Credentials& credentials) {
  for (const Secret* secret :
       {&credentials.access_key, &credentials.secret_key, &credentials.session_token}) {
    require(!has_control_characters(secret->reveal()), "a secret goes into a header");
  }
  require(!credentials.access_key.empty() && !credentials.secret_key.empty(),
          "both keys are there");
}

void check_documents(std::string_view text) {
  expect_corrupt_at_most([&] { require_usable(parse_process_document(text)); });
  expect_corrupt_at_most([&] {
    std::string copy(text);
    require_usable(parse_web_identity_document(copy));
  });
  try {
    require_usable(parse_service_document(text));
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::denied,
            "what a service refuses is denied");
    require_readable(error.message());
  }
  const std::string explanation = explanation_in(text).text();
  if (!explanation.empty()) require_readable(explanation);
}

/// The words, each quoted, are the same words again.
void check_command(std::string_view command) {
  try {
    const std::vector<std::string> words = split_command(command);
    std::string quoted;
    for (const std::string& word : words) {
      quoted += " '";
      for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
      quoted += "'";
    }
    require(split_command(quoted) == words, "words survive quoting");
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::usage, "a command that cannot be read is a wrong setting");
    require_readable(error.message());
  }
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  const std::string_view text = as_text(data, size);
  check_documents(text);
  check_command(text);
  return 0;
}
