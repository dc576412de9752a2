#include "common/store/s3/xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <pugixml.hpp>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/text.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

Error corrupt(std::string_view what) {
  return {ErrorKind::corrupt, fmt::format("the reply of the server is not usable: {}", what)};
}

/// The most `<` and `=` of a document. A page of 1000 entries has 30,000 of these, if no names hold
/// them, and at most 350,000. Each element and attribute costs more memory than text.
constexpr std::ptrdiff_t kMaxMarkup = 1'000'000;

bool is_too_complex(std::string_view xml) {
  return std::count(xml.begin(), xml.end(), '<') + std::count(xml.begin(), xml.end(), '=') >
         kMaxMarkup;
}

/// Returns the root element called `name`. `document` must outlive the result.
pugi::xml_node parse_root(pugi::xml_document& document, std::string_view xml, const char* name) {
  if (is_too_complex(xml)) throw corrupt("too many XML elements");
  const pugi::xml_parse_result result = document.load_buffer(xml.data(), xml.size());
  if (!result) throw corrupt(fmt::format("no XML ({})", result.description()));
  const pugi::xml_node root = document.document_element();
  if (std::string_view(root.name()) != name) {
    throw corrupt(fmt::format("<{}> instead of <{}>", short_line(root.name()), name));
  }
  return root;
}

std::string text_of(const pugi::xml_node& parent, const char* name) {
  return parent.child(name).text().get();
}

std::string required_text(const pugi::xml_node& parent, const char* name) {
  std::string text = text_of(parent, name);
  if (text.empty()) throw corrupt(fmt::format("<{}> without <{}>", parent.name(), name));
  return text;
}

std::string required_name(const pugi::xml_node& parent, const char* name) {
  std::string text = required_text(parent, name);
  if (text.size() > kMaxNameBytes) throw corrupt(fmt::format("<{}> is too long", name));
  return text;
}

uint64_t required_size(const pugi::xml_node& parent, const char* name) {
  const std::string text = required_text(parent, name);
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || value > kMaxObjectBytes) {
    throw corrupt(fmt::format("<{}> is not a size", name));
  }
  return value;
}

UtcTime required_time(const pugi::xml_node& parent, const char* name) {
  const std::optional<UtcTime> time = parse_iso(required_text(parent, name));
  if (!time) throw corrupt(fmt::format("<{}> is not a time", name));
  return *time;
}

bool required_flag(const pugi::xml_node& parent, const char* name) {
  const std::string text = required_text(parent, name);
  if (text != "true" && text != "false") throw corrupt(fmt::format("<{}> is not a flag", name));
  return text == "true";
}

std::optional<int> days_of(const pugi::xml_node& parent, const char* name) {
  const std::string text = text_of(parent, name);
  int days = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, days);
  if (error != std::errc() || stopped != end || days < 0) return std::nullopt;
  return days;
}

S3LifecycleRule parse_rule(const pugi::xml_node& rule) {
  const pugi::xml_node filter = rule.child("Filter");
  const pugi::xml_node all_of = filter.child("And");
  S3LifecycleRule parsed{.id = short_line(text_of(rule, "ID")),
                         .is_of_tagged = filter.child("Tag") || all_of.child("Tag")};
  for (const pugi::xml_node& place : {rule, filter, all_of}) {
    if (parsed.prefix.empty()) parsed.prefix = text_of(place, "Prefix");
  }
  const pugi::xml_node expiration = rule.child("Expiration");
  parsed.expiration_days = days_of(expiration, "Days");
  parsed.expires = parsed.expiration_days || expiration.child("Date");
  parsed.abort_days = days_of(rule.child("AbortIncompleteMultipartUpload"), "DaysAfterInitiation");
  parsed.expires_noncurrent = !rule.child("NoncurrentVersionExpiration").empty();
  for (const pugi::xml_node& transition : rule.children("Transition")) {
    parsed.storage_classes.push_back(short_line(text_of(transition, "StorageClass")));
  }
  return parsed;
}

}  // namespace

std::optional<S3ErrorReply> parse_error(std::string_view xml) {
  pugi::xml_document document;
  if (is_too_complex(xml) || !document.load_buffer(xml.data(), xml.size())) return std::nullopt;
  const pugi::xml_node root = document.document_element();
  if (std::string_view(root.name()) != "Error") return std::nullopt;
  return S3ErrorReply{.code = short_line(text_of(root, "Code")),
                      .message = short_line(text_of(root, "Message")),
                      .request_id = short_line(text_of(root, "RequestId")),
                      .region = short_line(text_of(root, "Region")),
                      .bucket = short_line(text_of(root, "BucketName"))};
}

std::string words_of_page(std::string_view body) {
  if (const size_t title = body.find("<title>"); title != std::string_view::npos) {
    body = body.substr(title, body.find("</title>") - title);
  }
  std::string words;
  bool is_tag = false;
  for (const char c : body) {
    if (c == '<') is_tag = true;
    const bool is_gap = is_tag || is_whitespace(c);
    if (c == '>') is_tag = false;
    if (!is_gap) {
      words += c;
    } else if (!words.empty() && words.back() != ' ') {
      words += ' ';
    }
  }
  return short_line(trimmed(words));
}

S3ObjectPage parse_object_page(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = parse_root(document, xml, "ListBucketResult");
  S3ObjectPage page;
  page.is_truncated = required_flag(root, "IsTruncated");
  page.next_token = text_of(root, "NextContinuationToken");
  for (const pugi::xml_node& entry : root.children("Contents")) {
    page.objects.push_back({.key = required_name(entry, "Key"),
                            .bytes = required_size(entry, "Size"),
                            .modified = required_time(entry, "LastModified")});
  }
  return page;
}

S3UploadPage parse_upload_page(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = parse_root(document, xml, "ListMultipartUploadsResult");
  S3UploadPage page;
  page.is_truncated = required_flag(root, "IsTruncated");
  page.next_key_marker = text_of(root, "NextKeyMarker");
  page.next_upload_id_marker = text_of(root, "NextUploadIdMarker");
  for (const pugi::xml_node& entry : root.children("Upload")) {
    page.uploads.push_back({.key = required_name(entry, "Key"),
                            .upload_id = required_name(entry, "UploadId"),
                            .initiated = required_time(entry, "Initiated")});
  }
  return page;
}

S3VersionPage parse_version_page(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = parse_root(document, xml, "ListVersionsResult");
  S3VersionPage page;
  page.is_truncated = required_flag(root, "IsTruncated");
  page.next_key_marker = text_of(root, "NextKeyMarker");
  page.next_version_id_marker = text_of(root, "NextVersionIdMarker");
  for (const char* const kind : {"Version", "DeleteMarker"}) {
    for (const pugi::xml_node& entry : root.children(kind)) {
      page.versions.push_back({{required_name(entry, "Key"), required_name(entry, "VersionId")},
                               required_flag(entry, "IsLatest")});
    }
  }
  return page;
}

S3PartPage parse_part_page(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = parse_root(document, xml, "ListPartsResult");
  S3PartPage page;
  page.is_truncated = required_flag(root, "IsTruncated");
  page.next_part_number_marker = text_of(root, "NextPartNumberMarker");
  for (const pugi::xml_node& entry : root.children("Part")) {
    page.modified.push_back(required_time(entry, "LastModified"));
  }
  return page;
}

S3DeletionReply parse_deletion(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = parse_root(document, xml, "DeleteResult");
  S3DeletionReply reply;
  for (const pugi::xml_node& entry : root.children("Deleted")) {
    reply.deleted.push_back({required_name(entry, "Key"), text_of(entry, "VersionId")});
    const bool is_marker = text_of(entry, "DeleteMarker") == "true";
    reply.has_markers = reply.has_markers || (is_marker && reply.deleted.back().version_id.empty());
  }
  for (const pugi::xml_node& entry : root.children("Error")) {
    reply.refused.push_back({{required_name(entry, "Key"), text_of(entry, "VersionId")},
                             {.code = short_line(text_of(entry, "Code")),
                              .message = short_line(text_of(entry, "Message")),
                              .request_id = {},
                              .region = {}}});
  }
  return reply;
}

std::string parse_created_upload(std::string_view xml) {
  pugi::xml_document document;
  return required_name(parse_root(document, xml, "InitiateMultipartUploadResult"), "UploadId");
}

S3Versioning parse_versioning(std::string_view xml) {
  pugi::xml_document document;
  const std::string status =
      text_of(parse_root(document, xml, "VersioningConfiguration"), "Status");
  if (status == "Enabled") return S3Versioning::enabled;
  return status == "Suspended" ? S3Versioning::suspended : S3Versioning::never;
}

std::vector<S3LifecycleRule> parse_lifecycle(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = parse_root(document, xml, "LifecycleConfiguration");
  std::vector<S3LifecycleRule> rules;
  for (const pugi::xml_node& rule : root.children("Rule")) {
    if (text_of(rule, "Status") == "Enabled") rules.push_back(parse_rule(rule));
  }
  return rules;
}

S3LockConfiguration parse_lock_configuration(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = parse_root(document, xml, "ObjectLockConfiguration");
  const pugi::xml_node retention = root.child("Rule").child("DefaultRetention");
  return {.is_enabled = text_of(root, "ObjectLockEnabled") == "Enabled",
          .default_mode = short_line(text_of(retention, "Mode"))};
}

bool is_completed_upload(std::string_view xml) {
  // Ceph 16 leaves the ETag's text out; an aborted reply would lack the element.
  pugi::xml_document document;
  if (is_too_complex(xml) || !document.load_buffer(xml.data(), xml.size())) return false;
  const pugi::xml_node root = document.document_element();
  return std::string_view(root.name()) == "CompleteMultipartUploadResult" &&
         !root.child("ETag").empty();
}

std::string format_completion(std::span<const std::string> etags) {
  std::string xml = R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  int number = 0;
  for (const std::string& etag : etags) {
    xml += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", ++number,
                       escape_markup(etag));
  }
  return xml + "</CompleteMultipartUpload>";
}

std::string format_deletion(std::span<const S3ObjectName> objects) {
  std::string xml = R"(<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  for (const S3ObjectName& object : objects) {
    xml += "<Object><Key>" + escape_markup(object.key) + "</Key>";
    if (!object.version_id.empty()) {
      xml += "<VersionId>" + escape_markup(object.version_id) + "</VersionId>";
    }
    xml += "</Object>";
  }
  return xml + "</Delete>";
}

}  // namespace pgbackup
