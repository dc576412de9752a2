// Reports of verifications, and the names of their objects: what parses survives its text form.
#include "common/catalog/verification.h"

#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

void check_name(std::string_view name) {
  const std::optional<Verification> found = parse_verification(name);
  if (!found) return;
  require(found->file == name, "a verification knows the name of its object");
  require(name.find('/') == std::string_view::npos, "the object stays in the folder");
}

void check_report(std::string_view text) {
  VerificationReport report;
  try {
    report = parse_verification_report(text);
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::corrupt, "what cannot be read is corrupt");
    require_readable(error.message());
    return;
  }
  const std::string again =
      format_verification(make_verification({}, VerifyDepth::stored, true), report);
  require(again.size() <= kMaxVerificationBytes, "a report is bounded");
  const VerificationReport parsed = parse_verification_report(again);
  require(parsed.id == report.id && parsed.group == report.group && parsed.bytes == report.bytes,
          "a report survives its text form");
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  check_name(as_text(data, size));
  check_report(as_text(data, size));
  return 0;
}
