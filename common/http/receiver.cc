#include "common/http/receiver.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/base/error.h"
#include "common/base/handle.h"
#include "common/base/printable.h"
#include "common/base/text.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

constexpr size_t kMostReplyBytes = 4096;
/// Shorter parts of a URL are no secrets, and occur in any text.
constexpr size_t kLeastSecret = 8;

using Url = Handle<CURLU, curl_url_cleanup>;
using UrlText = Handle<char, curl_free>;

/// Returns a part of a URL; an empty string where it is absent.
std::string part_of(const Url& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return {};
  const UrlText owner(text);
  return text;
}

[[noreturn]] void refuse_url() {
  throw Error(ErrorKind::usage,
              "this is no URL that begins with http:// or https:// and names a host");
}

std::string authorization_of(const Url& url) {
  const std::string user = part_of(url, CURLUPART_USER, CURLU_URLDECODE);
  const std::string password = part_of(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
  if (user.empty() && password.empty()) return {};
  return "Basic " + encode_base64(user + ":" + password);
}

/// Returns whether `text` quotes a part of the URL that may be secret. Some servers repeat the path
/// in their error pages.
bool reveals(std::string_view text, const ReceiverUrl& url) {
  std::string parts = url.path + url.query + "/" + url.decoded;
  std::replace_if(
      parts.begin(), parts.end(),
      [](char c) { return std::string_view("/?&=").find(c) != std::string_view::npos; }, '\n');
  std::string_view rest = parts;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('\n'));
    if (part.size() >= kLeastSecret && text.find(part) != std::string_view::npos) return true;
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  return false;
}

ErrorKind kind_of_status(int status) {
  if (status == 408 || status == 429 || status >= 500) return ErrorKind::transient;
  switch (status) {
    case 400:
    case 409:
    case 422:
      return ErrorKind::conflict;
    case 401:
    case 403:
    case 407:
      return ErrorKind::denied;
    case 404:
    case 410:
      return ErrorKind::not_found;
    default:
      return ErrorKind::failed;
  }
}

std::optional<seconds> parse_retry_after(std::string_view text) {
  constexpr uint64_t kMost = 60;
  const std::optional<uint64_t> count = parse_size(text);
  if (!count) return std::nullopt;
  return seconds(static_cast<long>(std::min(*count, kMost)));
}

/// Returns the beginning of the reply's body, which explains the status; an empty string when none
/// comes.
std::string explanation(Transport& transport, const ReceiverUrl& url) {
  try {
    const std::string begin = transport.read_begin(kMostReplyBytes);
    const std::string_view body = trimmed(begin);
    const bool is_page = body.starts_with('<');  // for browsers
    if (body.empty() || is_page || reveals(body, url)) return {};
    return ": " + short_line(body);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled) throw;
    return {};  // the status is known, and says enough
  }
}

void send_once(Transport& transport, const ReceiverUrl& url, const HttpRequest& request,
               Attempt& attempt, const std::stop_token& stop) {
  const HttpResponse response = transport.start(request, stop);
  if (response.status >= 200 && response.status < 300) return;
  attempt.retry_after = parse_retry_after(response.header("retry-after"));
  const bool is_redirect = response.status >= 300 && response.status < 400;
  throw Error(kind_of_status(response.status),
              fmt::format("{} answers {}{}", url.server, response.status,
                          is_redirect ? ", a redirect, which is not followed: set the URL to "
                                        "where it leads"
                                      : explanation(transport, url)));
}

std::string with_suffix(const ReceiverUrl& url, std::string_view suffix) {
  if (suffix.empty()) return url.origin + url.path + url.query;
  std::string path = url.path;
  while (path.ends_with('/')) path.pop_back();
  return fmt::format("{}{}{}{}", url.origin, path, suffix, url.query);
}

}  // namespace

ReceiverUrl parse_receiver_url(std::string_view text) {
  const Url url(curl_url());
  const std::string copy(trimmed(text));
  if (copy.find(":///") == copy.find("://")) refuse_url();  // libcurl takes a path for the host
  if (!url || curl_url_set(url.get(), CURLUPART_URL, copy.c_str(), 0) != CURLUE_OK) refuse_url();
  const std::string scheme = part_of(url, CURLUPART_SCHEME);
  const std::string host = part_of(url, CURLUPART_HOST);
  if ((scheme != "http" && scheme != "https") || host.empty()) refuse_url();
  const std::string port = part_of(url, CURLUPART_PORT);
  const std::string query = part_of(url, CURLUPART_QUERY);
  const std::string server = port.empty() ? host : fmt::format("{}:{}", host, port);
  return {.origin = fmt::format("{}://{}", scheme, server),
          .server = server,
          .path = part_of(url, CURLUPART_PATH),
          .query = query.empty() ? "" : "?" + query,
          .authorization = authorization_of(url),
          .decoded = part_of(url, CURLUPART_PATH, CURLU_URLDECODE) + "/" +
                     part_of(url, CURLUPART_PASSWORD, CURLU_URLDECODE)};
}

Receiver::Receiver(const DeliveryMeans& means, std::string_view setting, std::string_view url)
    : means_(means),
      setting_(setting),
      url_(with_context(setting, [&] { return parse_receiver_url(url); })),
      transport_(means.transports()) {}

void Receiver::send(const Message& message, const std::stop_token& stop) {
  HttpRequest request{.method = message.method,
                      .url = with_suffix(url_, message.suffix),
                      .headers = message.headers,
                      .body = message.body,
                      .timeout = means_.timeout};
  if (!url_.authorization.empty()) {
    request.headers.emplace_back("Authorization", url_.authorization);
  }
  Outage outage;
  const RetryContext context{.clock = means_.clock, .log = means_.log, .outage = outage};
  Retrier(means_.retry, context, stop).run([&](Attempt& attempt) {
    with_context(setting_, [&] { send_once(*transport_, url_, request, attempt, stop); });
  });
}

}  // namespace pgbackup
