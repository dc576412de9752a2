#include "common/store/s3/list.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

namespace pgbackup {
namespace {

/// Stops a list that has no end: limits its pages and entries, and never continues twice from the
/// same place.
class ListGuard {
 public:
  explicit ListGuard(std::string what) : what_(std::move(what)) {}

  /// Counts a page that `entries` were taken from.
  void take_page(size_t entries) {
    entries_ += entries;
    empty_pages_ = entries == 0 ? empty_pages_ + 1 : 0;
    if (++pages_ > kMaxListPages || entries_ > kMaxListEntries || empty_pages_ > kMaxEmptyPages) {
      throw corrupt(fmt::format("without end ({} pages with {} entries)", pages_, entries_));
    }
  }

  void advance_to(const std::string& marker) {
    if (marker.empty()) throw corrupt("truncated, but names no next page");
    if (marker.size() > kMaxMarkerBytes) throw corrupt("continued with too long a marker");
    // Hashes are enough, since there may be many pages; a server that finds two alike only harms
    // itself.
    if (!seen_.insert(std::hash<std::string>{}(marker)).second) {
      throw corrupt("continued with the same page again");
    }
  }

 private:
  [[nodiscard]] Error corrupt(std::string_view reason) const {
    return {ErrorKind::corrupt, fmt::format("{}: the list is {}", what_, reason),
            "check that S3_ENDPOINT names an S3 server, and check the proxies on the way to it"};
  }

  std::string what_;
  size_t pages_ = 0;
  size_t entries_ = 0;
  size_t empty_pages_ = 0;
  std::set<size_t> seen_;
};

const std::string& key_of(const S3ObjectEntry& object) { return object.key; }
const std::string& key_of(const S3UploadEntry& upload) { return upload.key; }
const std::string& key_of(const S3VersionEntry& version) { return version.object.key; }

/// Calls `visit` for those of `entries` whose key has the prefix that was asked for, and returns
/// how many entries there were. A server that sends others must not reach further.
template <class Entry>
size_t visit_below(const std::string& prefix, const std::vector<Entry>& entries,
                   const std::function<void(const Entry&)>& visit) {
  size_t count = 0;
  for (const Entry& entry : entries) {
    if (!key_of(entry).starts_with(prefix)) continue;
    visit(entry);
    ++count;
  }
  return count;
}

}  // namespace

void list_objects(S3Client& client, Transport& transport, const S3ListRequest& request,
                  const std::function<void(const S3ObjectEntry&)>& visit,
                  const std::stop_token& stop) {
  ListGuard guard("GET " + client.url_of(request.prefix) + " (list)");
  std::string token;
  for (;;) {
    S3Request page_request{.method = "GET",
                           .key = {},
                           .query = {{"list-type", "2"}, {"prefix", request.prefix}},
                           .note = fmt::format("(list {})", request.prefix),
                           .is_cleanup = request.is_cleanup};
    if (!token.empty()) page_request.query.emplace_back("continuation-token", token);
    const S3ObjectPage page = parse_object_page(client.send(transport, page_request, stop).body);
    guard.take_page(visit_below(request.prefix, page.objects, visit));
    if (!page.is_truncated) return;
    guard.advance_to(page.next_token);
    token = page.next_token;
  }
}

void list_uploads(S3Client& client, Transport& transport, const S3ListRequest& request,
                  const std::function<void(const S3UploadEntry&)>& visit,
                  const std::stop_token& stop) {
  ListGuard guard("GET " + client.url_of(request.prefix) + " (list uploads)");
  NameValues position;
  for (;;) {
    S3Request page_request{.method = "GET",
                           .key = {},
                           .query = {{"uploads", ""}, {"prefix", request.prefix}},
                           .note = fmt::format("(list uploads {})", request.prefix),
                           .is_cleanup = request.is_cleanup};
    page_request.query.insert(page_request.query.end(), position.begin(), position.end());
    const S3UploadPage page = parse_upload_page(client.send(transport, page_request, stop).body);
    guard.take_page(visit_below(request.prefix, page.uploads, visit));
    if (!page.is_truncated) return;
    // Several uploads of one key share the first marker. No key holds a NUL.
    guard.advance_to(page.next_key_marker.empty()
                         ? ""
                         : page.next_key_marker + '\0' + page.next_upload_id_marker);
    position = {{"key-marker", page.next_key_marker}};
    if (!page.next_upload_id_marker.empty()) {
      position.emplace_back("upload-id-marker", page.next_upload_id_marker);
    }
  }
}

void list_versions(S3Client& client, Transport& transport, const S3ListRequest& request,
                   const std::function<void(const S3VersionEntry&)>& visit,
                   const std::stop_token& stop) {
  ListGuard guard("GET " + client.url_of(request.prefix) + " (list versions)");
  NameValues position;
  for (;;) {
    S3Request page_request{.method = "GET",
                           .key = {},
                           .query = {{"versions", ""}, {"prefix", request.prefix}},
                           .note = fmt::format("(list versions {})", request.prefix),
                           .is_cleanup = request.is_cleanup};
    page_request.query.insert(page_request.query.end(), position.begin(), position.end());
    const S3VersionPage page = parse_version_page(client.send(transport, page_request, stop).body);
    guard.take_page(visit_below(request.prefix, page.versions, visit));
    if (!page.is_truncated) return;
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
  ListGuard guard("GET " + client.url_of(upload.key) + " (list parts)");
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
    guard.take_page(page.modified.size());
    for (const UtcTime modified : page.modified) newest = std::max(newest, modified);
    if (!page.is_truncated) return newest;
    guard.advance_to(page.next_part_number_marker);
    marker = page.next_part_number_marker;
  }
}

}  // namespace pgbackup
