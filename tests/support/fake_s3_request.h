// A request as the fake server sees it, taken apart, and the replies that tests give.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/http/transport.h"

namespace pgbackup {

struct FakeS3Request {
  std::string method;
  std::string host;
  std::string path;                          ///< decoded
  std::string key;                           ///< below the bucket
  std::map<std::string, std::string> query;  ///< decoded
  std::map<std::string, std::string> headers;
  std::string body;

  [[nodiscard]] bool has(const std::string& parameter) const { return query.contains(parameter); }
  /// The header's value, empty when there is none.
  [[nodiscard]] std::string header(const std::string& name) const;
  /// `PUT a/b?partNumber`: method, key and the names of the parameters.
  [[nodiscard]] std::string summary() const;
};

struct FakeS3Reply {
  HttpResponse response{};
  std::optional<size_t> breaks_after{};  ///< the network fails after so many bytes of the body
};

[[nodiscard]] FakeS3Reply fake_reply(int status, std::string body = {}, NameValues headers = {});
/// An <Error> document.
[[nodiscard]] FakeS3Reply fake_error(int status, const std::string& code,
                                     const std::string& extra = {});
/// What a Transport throws when the network fails.
[[noreturn]] void throw_network_error();

/// Views into the URL, all still encoded.
struct FakeUrl {
  std::string host;
  std::string path;
  std::string query;
};
[[nodiscard]] FakeUrl split_url(std::string_view url);
[[nodiscard]] std::string decode_percent(std::string_view text);
[[nodiscard]] std::map<std::string, std::string> parse_query(std::string_view text);
[[nodiscard]] FakeS3Request parse_request(const HttpRequest& http, const std::string& bucket);

/// Text of an XML element, with more escaped than must be: a client has to decode it.
[[nodiscard]] std::string escape_xml(std::string_view text);
/// `Fri, 20 Nov 2026 03:15:00 GMT`
[[nodiscard]] std::string format_http_date(UtcTime time);

}  // namespace pgbackup
