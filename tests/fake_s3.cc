#include "tests/fake_s3.h"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>

#include "common/base/error.h"
#include "common/codec/digest.h"

namespace pgbackup {
namespace {

std::string decode_percent(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      decoded += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::map<std::string, std::string> parse_query(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    query[decode_percent(pair.substr(0, equals))] =
        equals == std::string_view::npos ? "" : decode_percent(pair.substr(equals + 1));
  }
  return query;
}

FakeS3Request parse_request(const HttpRequest& http, const std::string& bucket) {
  FakeS3Request request{.method = http.method,
                        .host = {},
                        .path = {},
                        .key = {},
                        .query = {},
                        .headers = {},
                        .body = std::string(http.body)};
  const std::string_view url = http.url;
  const size_t begin = url.find("://") + 3;
  const size_t path = url.find('/', begin);
  const size_t question = std::min(url.size(), url.find('?', path));
  request.host = url.substr(begin, path - begin);
  request.path = decode_percent(url.substr(path, question - path));
  request.query = parse_query(url.substr(std::min(url.size(), question + 1)));
  for (const auto& [name, value] : http.headers) request.headers[name] = value;
  const std::string in_path = "/" + bucket + "/";
  if (request.path.starts_with(in_path)) {
    request.key = request.path.substr(in_path.size());
  } else if (request.host.starts_with(bucket + ".")) {
    request.key = request.path.substr(1);
  }
  return request;
}

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

const char* flag(bool value) { return value ? "true" : "false"; }

}  // namespace

std::string FakeS3Request::summary() const {
  std::string text = method + " " + key;
  char separator = '?';
  for (const auto& [name, value] : query) {
    text += separator + name;
    separator = '&';
  }
  return text;
}

FakeS3Reply fake_reply(int status, std::string body, NameValues headers) {
  FakeS3Reply reply;
  reply.response.status = status;
  reply.response.headers = std::move(headers);
  reply.response.body = std::move(body);
  return reply;
}

FakeS3Reply fake_error(int status, const std::string& code, const std::string& extra) {
  return fake_reply(status, fmt::format("<Error><Code>{}</Code><Message>as the test asked</Message>"
                                        "{}<RequestId>R1</RequestId></Error>",
                                        code, extra));
}

void throw_network_error() {
  throw Error(ErrorKind::transient, "the network failed as the test asked");
}

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
  std::optional<FakeS3Reply> reply;
  if (before) reply = before(request);
  if (!reply) reply = work(request);
  if (after) after(request, *reply);
  auto& headers = reply->response.headers;
  headers.emplace_back("date", "Fri, 20 Nov 2026 03:15:00 GMT");
  const bool has_length = !reply->response.header("content-length").empty();
  if (!has_length && request.method != "HEAD") {
    headers.emplace_back("content-length", std::to_string(reply->response.body.size()));
  }
  return *reply;
}

FakeS3Reply FakeS3::work(const FakeS3Request& request) {
  const auto header = [&](const std::string& name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? std::string() : found->second;
  };
  const bool is_unsigned = header("x-amz-content-sha256") == "UNSIGNED-PAYLOAD";
  if (!is_unsigned && header("x-amz-content-sha256") != sha256_hex(request.body)) {
    return fake_error(400, "XAmzContentSHA256Mismatch");
  }
  const bool is_scoped =
      header("authorization").find("/" + region + "/s3/aws4_request") != std::string::npos;
  if (!is_scoped) {
    return fake_error(400, "AuthorizationHeaderMalformed", "<Region>" + region + "</Region>");
  }
  if (!header("if-none-match").empty() && objects.contains(request.key)) {
    return fake_error(412, "PreconditionFailed");
  }
  if (request.method == "PUT") return put(request);
  if (request.method == "GET" || request.method == "HEAD") return get(request);
  if (request.method == "POST") return post(request);
  return remove(request);
}

FakeS3Reply FakeS3::put(const FakeS3Request& request) {
  Object object{.bytes = request.body, .token = {}, .modified = clock_.now()};
  if (!request.has("uploadId")) {
    const auto token = request.headers.find("x-amz-meta-pgbackup-token");
    if (token != request.headers.end()) object.token = token->second;
    objects[request.key] = std::move(object);
    return fake_reply(200, {}, {{"etag", "\"whole\""}});
  }
  const auto upload = uploads.find(request.query.at("uploadId"));
  if (upload == uploads.end()) return fake_error(404, "NoSuchUpload");
  const int number = std::stoi(request.query.at("partNumber"));
  upload->second.parts[number] = std::move(object);
  return fake_reply(200, {}, {{"etag", fmt::format("\"part-{}\"", number)}});
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
  NameValues headers = {{"etag", etag}, {"last-modified", "Fri, 20 Nov 2026 03:15:00 GMT"}};
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
  headers.emplace_back("content-range", fmt::format("bytes {}-{}/{}", from, object.bytes.size() - 1,
                                                    object.bytes.size()));
  return fake_reply(206, object.bytes.substr(from), headers);
}

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
        "<Contents><Key>{}</Key><LastModified>{}</LastModified><Size>{}</Size></Contents>", key,
        format_iso(object.modified), object.bytes.size());
    last = key;
  }
  const bool is_truncated = taken > page_keys;
  return fake_reply(
      200,
      fmt::format("<ListBucketResult><IsTruncated>{}</IsTruncated>{}{}"
                  "</ListBucketResult>",
                  flag(is_truncated),
                  is_truncated ? "<NextContinuationToken>" + last + "</NextContinuationToken>" : "",
                  entries));
}

FakeS3Reply FakeS3::list_uploads(const FakeS3Request& request) const {
  std::string entries;
  for (const auto& [id, upload] : uploads) {
    if (!upload.key.starts_with(request.query.at("prefix"))) continue;
    entries += fmt::format(
        "<Upload><Key>{}</Key><UploadId>{}</UploadId><Initiated>{}</Initiated>"
        "</Upload>",
        upload.key, id, format_iso(upload.initiated));
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

FakeS3Reply FakeS3::post(const FakeS3Request& request) {
  if (request.has("uploadId")) return complete(request);
  if (request.has("delete")) return remove_many(request);
  const std::string id = fmt::format("upload-{}", next_id_++);
  const auto token = request.headers.find("x-amz-meta-pgbackup-token");
  uploads[id] = {.key = request.key,
                 .token = token == request.headers.end() ? "" : token->second,
                 .initiated = clock_.now(),
                 .parts = {}};
  return fake_reply(200, "<InitiateMultipartUploadResult><UploadId>" + id +
                             "</UploadId></InitiateMultipartUploadResult>");
}

FakeS3Reply FakeS3::complete(const FakeS3Request& request) {
  const auto upload = uploads.find(request.query.at("uploadId"));
  if (upload == uploads.end()) return fake_error(404, "NoSuchUpload");
  std::string expected;
  Object whole{.bytes = {}, .token = upload->second.token, .modified = clock_.now()};
  for (const auto& [number, part] : upload->second.parts) {
    expected +=
        fmt::format("<Part><PartNumber>{0}</PartNumber><ETag>\"part-{0}\"</ETag></Part>", number);
    whole.bytes += part.bytes;
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
