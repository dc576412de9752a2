#include "common/store/s3_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace pgbackup {
namespace {

/// Remembers where a list was continued; the same place twice would never end.
class CircleGuard {
 public:
  explicit CircleGuard(std::string what) : what_(std::move(what)) {}

  void advance_to(const std::string& marker) {
    if (marker.empty()) throw corrupt("truncated, but names no next page");
    if (!seen_.insert(marker).second) throw corrupt("names the same next page again");
  }

 private:
  [[nodiscard]] Error corrupt(std::string_view reason) const {
    return {ErrorKind::corrupt, fmt::format("{}: the list is {}", what_, reason)};
  }

  std::string what_;
  std::set<std::string> seen_;
};

}  // namespace

void list_objects(S3Client& client, Transport& transport, const S3ListRequest& request,
                  const std::function<void(const S3ObjectEntry&)>& visit,
                  const std::stop_token& stop) {
  CircleGuard guard("GET " + client.url_of(request.prefix) + " (list)");
  std::string token;
  for (;;) {
    S3Request page_request{.method = "GET",
                           .key = {},
                           .query = {{"list-type", "2"}, {"prefix", request.prefix}},
                           .note = fmt::format("(list {})", request.prefix),
                           .is_cleanup = request.is_cleanup};
    if (!token.empty()) page_request.query.emplace_back("continuation-token", token);
    const S3ObjectPage page = parse_object_page(client.send(transport, page_request, stop).body);
    for (const S3ObjectEntry& object : page.objects) visit(object);
    if (!page.is_truncated) return;
    guard.advance_to(page.next_token);
    token = page.next_token;
  }
}

std::vector<S3UploadEntry> list_uploads(S3Client& client, Transport& transport,
                                        const S3ListRequest& request, const std::stop_token& stop) {
  CircleGuard guard("GET " + client.url_of(request.prefix) + " (list uploads)");
  std::vector<S3UploadEntry> uploads;
  NameValues position;
  for (;;) {
    S3Request page_request{.method = "GET",
                           .key = {},
                           .query = {{"uploads", ""}, {"prefix", request.prefix}},
                           .note = fmt::format("(list uploads {})", request.prefix),
                           .is_cleanup = request.is_cleanup};
    page_request.query.insert(page_request.query.end(), position.begin(), position.end());
    S3UploadPage page = parse_upload_page(client.send(transport, page_request, stop).body);
    std::move(page.uploads.begin(), page.uploads.end(), std::back_inserter(uploads));
    if (!page.is_truncated) return uploads;
    // Several uploads of one key share the first marker. A NUL is in no key.
    guard.advance_to(page.next_key_marker.empty()
                         ? ""
                         : page.next_key_marker + '\0' + page.next_upload_id_marker);
    position = {{"key-marker", page.next_key_marker}};
    if (!page.next_upload_id_marker.empty()) {
      position.emplace_back("upload-id-marker", page.next_upload_id_marker);
    }
  }
}

std::vector<S3VersionEntry> list_versions(S3Client& client, Transport& transport,
                                          const S3ListRequest& request,
                                          const std::stop_token& stop) {
  CircleGuard guard("GET " + client.url_of(request.prefix) + " (list versions)");
  std::vector<S3VersionEntry> versions;
  NameValues position;
  for (;;) {
    S3Request page_request{.method = "GET",
                           .key = {},
                           .query = {{"versions", ""}, {"prefix", request.prefix}},
                           .note = fmt::format("(list versions {})", request.prefix),
                           .is_cleanup = request.is_cleanup};
    page_request.query.insert(page_request.query.end(), position.begin(), position.end());
    S3VersionPage page = parse_version_page(client.send(transport, page_request, stop).body);
    std::move(page.versions.begin(), page.versions.end(), std::back_inserter(versions));
    if (!page.is_truncated) return versions;
    guard.advance_to(page.next_key_marker.empty()
                         ? ""
                         : page.next_key_marker + '\0' + page.next_version_id_marker);
    position = {{"key-marker", page.next_key_marker}};
    if (!page.next_version_id_marker.empty()) {
      position.emplace_back("version-id-marker", page.next_version_id_marker);
    }
  }
}

std::optional<UtcTime> newest_part(S3Client& client, Transport& transport,
                                   const S3UploadEntry& upload, const std::stop_token& stop) {
  CircleGuard guard("GET " + client.url_of(upload.key) + " (list parts)");
  UtcTime newest = upload.initiated;
  std::string marker;
  for (;;) {
    S3Request request{.method = "GET",
                      .key = upload.key,
                      .query = {{"uploadId", upload.upload_id}},
                      .note = "(list parts)",
                      .returned = ErrorKind::not_found};
    if (!marker.empty()) request.query.emplace_back("part-number-marker", marker);
    const HttpResponse response = client.send(transport, request, stop);
    if (response.status == 404) return std::nullopt;
    const S3PartPage page = parse_part_page(response.body);
    for (const UtcTime modified : page.modified) newest = std::max(newest, modified);
    if (!page.is_truncated) return newest;
    guard.advance_to(page.next_part_number_marker);
    marker = page.next_part_number_marker;
  }
}

}  // namespace pgbackup
