#include "tests/support/fake_s3.h"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>

#include "common/base/error.h"
#include "common/codec/digest.h"

namespace pgbackup {
namespace {

constexpr std::chrono::minutes kLargestSkew{15};

/// A reply's body as a stream, in small bites.
class FakeTransport final : public Transport {
 public:
  explicit FakeTransport(FakeS3& server) : server_(server) {}

  HttpResponse start(const HttpRequest& request, const std::stop_token& stop) override {
    if (stop.stop_requested()) throw Error(ErrorKind::canceled, "stopped");
    reply_ = server_.handle(request);
    offset_ = 0;
    HttpResponse head = reply_.response;
    head.body.clear();
    if (request.method == "HEAD") reply_.response.body.clear();
    return head;
  }

  size_t read(std::span<char> buffer) override {
    constexpr size_t kBite = 1000;
    const std::string& body = reply_.response.body;
    const size_t end = std::min(body.size(), reply_.breaks_after.value_or(body.size()));
    const size_t count =
        body.copy(buffer.data(), std::min({buffer.size(), kBite, end - offset_}), offset_);
    offset_ += count;
    if (count == 0 && reply_.breaks_after) throw_network_error();
    return count;
  }

 private:
  FakeS3& server_;
  FakeS3Reply reply_;
  size_t offset_ = 0;
};

}  // namespace

TransportFactory FakeS3::factory() {
  return [this] { return std::make_unique<FakeTransport>(*this); };
}

size_t FakeS3::count(const std::string& summary) const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::count(seen.begin(), seen.end(), summary));
}

FakeS3Reply FakeS3::handle(const HttpRequest& http) {
  const std::lock_guard lock(mutex_);
  const FakeS3Request request = parse_request(http, bucket);
  seen.push_back(request.summary());
  const SignatureFinding finding = check_signature(http, accounts);
  // Nothing that a test does on cue hides a wrong signature.
  if (finding.code == "SignatureDoesNotMatch") {
    return fake_reply(403, "<Error><Code>SignatureDoesNotMatch</Code><Message>" +
                               escape_xml(finding.reason) + "</Message></Error>");
  }
  std::optional<FakeS3Reply> reply;
  if (before) reply = before(request);
  if (!reply) reply = refuse(finding);
  if (!reply) reply = work(request);
  if (after) after(request, *reply);
  auto& headers = reply->response.headers;
  if (reply->response.header("date").empty()) {
    headers.emplace_back("date", format_http_date(now()));
  }
  const bool has_length = !reply->response.header("content-length").empty();
  if (!has_length && request.method != "HEAD") {
    headers.emplace_back("content-length", std::to_string(reply->response.body.size()));
  }
  return *reply;
}

std::optional<FakeS3Reply> FakeS3::refuse(const SignatureFinding& finding) const {
  if (!finding.code.empty()) return fake_error(403, finding.code);
  if (finding.region != region) {
    return fake_error(400, "AuthorizationHeaderMalformed", "<Region>" + region + "</Region>");
  }
  const std::optional<UtcTime> date = parse_basic(finding.date);
  if (!date || *date > now() + kLargestSkew || *date < now() - kLargestSkew) {
    return fake_error(403, "RequestTimeTooSkewed");
  }
  return std::nullopt;
}

FakeS3Reply FakeS3::work(const FakeS3Request& request) {
  if (!request.header("if-none-match").empty() && objects.contains(request.key)) {
    return fake_error(412, "PreconditionFailed");
  }
  if (request.method == "PUT") return put(request);
  if (request.method == "GET" || request.method == "HEAD") return get(request);
  if (request.method == "POST") return post(request);
  return remove(request);
}

FakeS3Reply FakeS3::put(const FakeS3Request& request) {
  Object object{.bytes = request.body, .token = {}, .modified = now()};
  if (!request.has("uploadId")) {
    const auto token = request.headers.find("x-amz-meta-pgbackup-token");
    if (token != request.headers.end()) object.token = token->second;
    objects[request.key] = std::move(object);
    return fake_reply(200, {}, {{"etag", "\"whole\""}});
  }
  const auto upload = uploads.find(request.query.at("uploadId"));
  if (upload == uploads.end()) return fake_error(404, "NoSuchUpload");
  const int number = std::stoi(request.query.at("partNumber"));
  object.etag = fmt::format("\"{:x}-{}\"", next_id_++ * 7919, number);  // no MD5 of anything
  const std::string etag = object.etag;
  upload->second.parts[number] = std::move(object);
  return fake_reply(200, {}, {{"etag", etag}});
}

FakeS3Reply FakeS3::get(const FakeS3Request& request) {
  if (request.key.empty()) {
    return request.has("uploads") ? list_uploads(request) : list(request);
  }
  if (request.has("uploadId")) return list_parts(request);
  const auto found = objects.find(request.key);
  if (found == objects.end()) return fake_error(404, "NoSuchKey");
  const Object& object = found->second;
  const std::string etag = "\"" + sha256_hex(object.bytes) + "\"";
  NameValues headers = {{"etag", etag}, {"last-modified", format_http_date(object.modified)}};
  if (!object.token.empty()) headers.emplace_back("x-amz-meta-pgbackup-token", object.token);
  const auto if_match = request.headers.find("if-match");
  if (if_match != request.headers.end() && if_match->second != etag) {
    return fake_error(412, "PreconditionFailed");
  }
  const auto range = request.headers.find("range");
  if (range == request.headers.end()) {
    headers.emplace_back("content-length", std::to_string(object.bytes.size()));
    return fake_reply(200, object.bytes, headers);
  }
  const size_t from = std::stoul(range->second.substr(6));
  if (from >= object.bytes.size()) return fake_error(416, "InvalidRange");
  headers.emplace_back("content-range", fmt::format("bytes {}-{}/{}", from, object.bytes.size() - 1,
                                                    object.bytes.size()));
  return fake_reply(206, object.bytes.substr(from), headers);
}

FakeS3Reply FakeS3::post(const FakeS3Request& request) {
  if (request.has("uploadId")) return complete(request);
  if (request.has("delete")) return remove_many(request);
  const std::string id = fmt::format("upload-{}", next_id_++);
  const auto token = request.headers.find("x-amz-meta-pgbackup-token");
  uploads[id] = {.key = request.key,
                 .token = token == request.headers.end() ? "" : token->second,
                 .initiated = now(),
                 .parts = {}};
  return fake_reply(200, "<InitiateMultipartUploadResult><UploadId>" + id +
                             "</UploadId></InitiateMultipartUploadResult>");
}

FakeS3Reply FakeS3::complete(const FakeS3Request& request) {
  const auto upload = uploads.find(request.query.at("uploadId"));
  if (upload == uploads.end()) return fake_error(404, "NoSuchUpload");
  const auto& parts = upload->second.parts;
  std::string expected;
  Object whole{.bytes = {}, .token = upload->second.token, .modified = now()};
  for (const auto& [number, part] : parts) {
    expected +=
        fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", number, part.etag);
    whole.bytes += part.bytes;
    const size_t usual = parts.begin()->second.bytes.size();
    const bool is_last = number == parts.rbegin()->first;
    if (is_last ? part.bytes.size() > usual : part.bytes.size() != usual) {
      return fake_error(400, "InvalidPart");  // as Cloudflare's R2
    }
  }
  if (expected.empty() || request.body.find(expected + "</Complete") == std::string::npos) {
    return fake_error(400, "InvalidPart");
  }
  objects[request.key] = std::move(whole);
  uploads.erase(upload);
  return fake_reply(200,
                    "<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag>"
                    "</CompleteMultipartUploadResult>");
}

FakeS3Reply FakeS3::remove(const FakeS3Request& request) {
  if (request.has("uploadId")) {
    const bool was_there = uploads.erase(request.query.at("uploadId")) > 0;
    return was_there ? fake_reply(204) : fake_error(404, "NoSuchUpload");
  }
  objects.erase(request.key);
  return fake_reply(204);
}

FakeS3Reply FakeS3::remove_many(const FakeS3Request& request) {
  const auto md5 = request.headers.find("content-md5");
  if (md5 == request.headers.end() || md5->second != content_md5(request.body)) {
    return fake_error(400, "InvalidDigest");
  }
  pugi::xml_document document;
  if (!document.load_string(request.body.c_str())) return fake_error(400, "MalformedXML");
  std::string entries;
  size_t count = 0;
  for (const pugi::xml_node& object : document.child("Delete").children("Object")) {
    const std::string key = object.child("Key").text().get();
    const std::string refusal = refuse_removal ? refuse_removal(key) : "";
    if (refusal.empty()) objects.erase(key);
    entries += refusal.empty()
                   ? fmt::format("<Deleted><Key>{}</Key></Deleted>", key)
                   : fmt::format("<Error><Key>{}</Key><Code>{}</Code><Message>no</Message></Error>",
                                 key, refusal);
    ++count;
  }
  if (count == 0 || count > 1000) return fake_error(400, "MalformedXML");
  return fake_reply(200, "<DeleteResult>" + entries + "</DeleteResult>");
}

}  // namespace pgbackup
