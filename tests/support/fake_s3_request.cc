#include "tests/support/fake_s3_request.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "common/base/error.h"

namespace pgbackup {

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

FakeUrl split_url(std::string_view url) {
  const size_t begin = url.find("://") + 3;
  const size_t path = url.find('/', begin);
  const size_t question = std::min(url.size(), url.find('?', path));
  return {.host = std::string(url.substr(begin, path - begin)),
          .path = std::string(url.substr(path, question - path)),
          .query = std::string(url.substr(std::min(url.size(), question + 1)))};
}

FakeS3Request parse_request(const HttpRequest& http, const std::string& bucket) {
  const FakeUrl url = split_url(http.url);
  FakeS3Request request{.method = http.method,
                        .host = url.host,
                        .path = decode_percent(url.path),
                        .key = {},
                        .query = parse_query(url.query),
                        .headers = {},
                        .body = std::string(http.body)};
  for (const auto& [name, value] : http.headers) request.headers[name] = value;
  const std::string in_path = "/" + bucket + "/";
  if (request.path.starts_with(in_path)) {
    request.key = request.path.substr(in_path.size());
  } else if (request.host.starts_with(bucket + ".")) {
    request.key = request.path.substr(1);
  }
  return request;
}

std::string FakeS3Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

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

std::string escape_xml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<' || c == '>' || c == '=' || c == '_') {
      escaped += fmt::format("&#x{:x};", static_cast<unsigned char>(c));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string format_http_date(UtcTime time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

}  // namespace pgbackup
