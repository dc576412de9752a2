#include <fmt/format.h>

#include "tests/support/fake_s3.h"

namespace pgbackup {
namespace {

const char* flag(bool value) { return value ? "true" : "false"; }

}  // namespace

FakeS3Reply FakeS3::list(const FakeS3Request& request) const {
  const std::string prefix = request.query.at("prefix");
  const bool is_next = request.has("continuation-token");
  const std::string after_key = is_next ? request.query.at("continuation-token") : "";
  std::string entries;
  std::string last;
  size_t taken = 0;
  for (const auto& [key, object] : objects) {
    if (!key.starts_with(prefix) || (is_next && key <= after_key)) continue;
    if (taken++ == page_keys) break;
    entries += fmt::format(
        "<Contents><Key>{}</Key><LastModified>{}</LastModified><Size>{}</Size></Contents>",
        escape_xml(key), format_iso(object.modified), object.bytes.size());
    last = key;
  }
  const bool is_truncated = taken > page_keys;
  return fake_reply(200, fmt::format("<ListBucketResult><IsTruncated>{}</IsTruncated>{}{}"
                                     "</ListBucketResult>",
                                     flag(is_truncated),
                                     is_truncated ? "<NextContinuationToken>" + escape_xml(last) +
                                                        "</NextContinuationToken>"
                                                  : "",
                                     entries));
}

FakeS3Reply FakeS3::list_uploads(const FakeS3Request& request) const {
  std::string entries;
  for (const auto& [id, upload] : uploads) {
    if (!upload.key.starts_with(request.query.at("prefix"))) continue;
    entries += fmt::format(
        "<Upload><Key>{}</Key><UploadId>{}</UploadId><Initiated>{}</Initiated>"
        "</Upload>",
        escape_xml(upload.key), id, format_iso(upload.initiated));
  }
  return fake_reply(200, "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>" + entries +
                             "</ListMultipartUploadsResult>");
}

FakeS3Reply FakeS3::list_parts(const FakeS3Request& request) const {
  const auto upload = uploads.find(request.query.at("uploadId"));
  if (upload == uploads.end()) return fake_error(404, "NoSuchUpload");
  std::string entries;
  for (const auto& [number, part] : upload->second.parts) {
    entries +=
        fmt::format("<Part><PartNumber>{}</PartNumber><LastModified>{}</LastModified></Part>",
                    number, format_iso(part.modified));
  }
  return fake_reply(
      200, "<ListPartsResult><IsTruncated>false</IsTruncated>" + entries + "</ListPartsResult>");
}

}  // namespace pgbackup
