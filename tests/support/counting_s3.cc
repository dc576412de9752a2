#include "tests/support/counting_s3.h"

#include <fmt/format.h>

#include <utility>

#include "tests/support/fake_s3_request.h"

namespace pgbackup {
namespace {

class CountingTransport final : public Transport {
 public:
  explicit CountingTransport(CountingS3& server) : server_(server) {}
  HttpResponse start(const HttpRequest& request, const std::stop_token& /*stop*/) override {
    HttpResponse head = server_.handle(request);
    rest_ = std::exchange(head.body, "");
    return head;
  }
  size_t read(std::span<char> buffer) override {
    const size_t count = rest_.copy(buffer.data(), buffer.size());
    rest_.erase(0, count);
    return count;
  }

 private:
  CountingS3& server_;
  std::string rest_;
};

std::string token_of(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (name == "x-amz-meta-pgbackup-token") return value;
  }
  return "";
}

}  // namespace

TransportFactory CountingS3::factory() {
  return [this] { return std::make_unique<CountingTransport>(*this); };
}

HttpResponse CountingS3::handle(const HttpRequest& request) {
  const FakeUrl url = split_url(request.url);
  const std::lock_guard lock(mutex_);
  ++requests;
  return take(url.path, url.query, request);
}

HttpResponse CountingS3::take(const std::string& key, const std::string& query,
                              const HttpRequest& request) {
  if (request.method == "HEAD") {
    const Object& object = objects[key];
    return fake_reply(200, "",
                      {{"content-length", std::to_string(object.bytes)},
                       {"x-amz-meta-pgbackup-token", object.token}})
        .response;
  }
  if (request.method == "POST" && query.starts_with("uploads")) {
    uploads_[key].token = token_of(request);
    return fake_reply(200,
                      "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                      "</InitiateMultipartUploadResult>")
        .response;
  }
  if (request.method == "POST")
    return complete(key, std::exchange(uploads_[key], {}), request.body);
  const auto parameters = parse_query(query);
  if (!parameters.contains("partNumber")) {
    objects[key] = {.bytes = request.body.size(), .parts = 0, .token = token_of(request)};
    return fake_reply(200).response;
  }
  uploads_[key].parts[std::stoi(parameters.at("partNumber"))] = request.body.size();
  return fake_reply(200, "", {{"etag", "\"" + parameters.at("partNumber") + "\""}}).response;
}

HttpResponse CountingS3::complete(const std::string& key, Upload upload, std::string_view body) {
  Object object{.bytes = 0, .parts = upload.parts.size(), .token = upload.token};
  int expected = 0;
  for (const auto& [number, bytes] : upload.parts) {
    ++expected;
    const std::string listed = fmt::format("<PartNumber>{}</PartNumber><ETag>", number);
    const size_t at = body.find(listed);
    if (number != expected || at == std::string_view::npos) {
      faults.push_back(fmt::format("{}: part {} is not number {}", key, number, expected));
    } else {
      body.remove_prefix(at);  // the next one must follow
    }
    const bool is_last = number == upload.parts.rbegin()->first;
    if (!is_last && bytes != upload.parts.begin()->second) {
      faults.push_back(fmt::format("{}: part {} has another size", key, number));
    }
    object.bytes += bytes;
  }
  objects[key] = object;
  return fake_reply(200,
                    "<CompleteMultipartUploadResult><ETag>x</ETag>"
                    "</CompleteMultipartUploadResult>")
      .response;
}

}  // namespace pgbackup
