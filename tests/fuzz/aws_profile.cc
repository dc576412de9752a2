// The profile files of the AWS tools, and the URLs that may be asked for credentials.
#include "common/store/s3/credentials/aws_profile.h"

#include "common/store/s3/credentials/container_credentials.h"
#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

void check_profile(std::string_view text, ProfileFile kind) {
  try {
    ProfileValues values;
    const bool is_there = read_profile(text, kind, "default", values);
    require(is_there || values.empty(), "values belong to a section");
    for (const auto& [key, value] : values) {
      require(!key.empty(), "a value has a key");
      require(value.reveal().find('\n') == std::string_view::npos, "a value is one line");
    }
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::usage, "a file that cannot be read is a wrong setting");
    require_readable(error.message());
  }
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  const std::string_view text = as_text(data, size);
  check_profile(text, ProfileFile::credentials);
  check_profile(text, ProfileFile::config);
  if (is_allowed_agent(text)) require(text.starts_with("http"), "http or https");
  return 0;
}
