// Replies of an S3 server: every parser sees every document.
#include "common/store/s3/xml.h"
#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

void check_pages(std::string_view xml) {
  expect_corrupt_at_most([&] {
    for (const S3ObjectEntry& object : parse_object_page(xml).objects) {
      require(!object.key.empty(), "an object has a key");
    }
  });
  expect_corrupt_at_most([&] {
    for (const S3UploadEntry& upload : parse_upload_page(xml).uploads) {
      require(!upload.key.empty() && !upload.upload_id.empty(), "an upload has key and id");
    }
  });
  expect_corrupt_at_most([&] { static_cast<void>(parse_version_page(xml)); });
  expect_corrupt_at_most([&] { static_cast<void>(parse_part_page(xml)); });
  expect_corrupt_at_most([&] { static_cast<void>(parse_deletion(xml)); });
  expect_corrupt_at_most(
      [&] { require(!parse_created_upload(xml).empty(), "a new upload has an id"); });
}

void check_error(std::string_view xml) {
  const std::optional<S3ErrorReply> reply = parse_error(xml);
  if (!reply) return;
  for (const std::string& text : {reply->code, reply->message, reply->request_id, reply->region}) {
    if (!text.empty()) require_readable(text);
  }
  require(!is_completed_upload(xml), "an error completes nothing");
}

/// An ETag with any bytes in it comes back whole.
void check_completion(std::string_view etag) {
  const std::string etags[] = {std::string(etag), "\"x\""};
  const std::string xml = format_completion(etags);
  require(!is_completed_upload(xml), "a request is no reply");
  require(!parse_error(xml), "a request is no error");
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  const std::string_view xml = as_text(data, size);
  check_pages(xml);
  check_error(xml);
  check_completion(xml);
  return 0;
}
