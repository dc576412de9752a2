#include "common/store/s3/sigv4.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "common/base/text.h"
#include "common/codec/digest.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

/// Trims a value and reduces runs of whitespace in it to one space.
std::string squeeze(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (!is_whitespace(c)) {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

/// Returns lowercase names in order; the values of a repeated name are joined by commas in their
/// order.
std::map<std::string, std::string> canonical_headers(const NameValues& headers) {
  std::map<std::string, std::string> result;
  for (const auto& [name, value] : headers) {
    const auto [entry, is_new] = result.try_emplace(lower_case(name), squeeze(value));
    if (!is_new) entry->second += "," + squeeze(value);
  }
  return result;
}

std::string signed_names(const std::map<std::string, std::string>& headers) {
  std::string names;
  for (const auto& [name, value] : headers) {
    if (!names.empty()) names += ';';
    names += name;
  }
  return names;
}

std::string date_of(const SigV4Scope& scope) { return format_basic(scope.time).substr(0, 8); }

std::string scope_text(const SigV4Scope& scope) {
  return fmt::format("{}/{}/{}/aws4_request", date_of(scope), scope.region, scope.service);
}

std::string signature(std::string_view text, const SigV4Scope& scope, std::string_view secret) {
  std::string key = fmt::format("AWS4{}", secret);
  for (const std::string& step : {date_of(scope), std::string(scope.region),
                                  std::string(scope.service), std::string("aws4_request")}) {
    std::string next = hmac_sha256(key, step);
    wipe(key);
    key = std::move(next);
  }
  std::string result = encode_hex(hmac_sha256(key, text));
  wipe(key);
  return result;
}

}  // namespace

std::string canonical_query(const NameValues& parameters) {
  NameValues encoded;
  encoded.reserve(parameters.size());
  for (const auto& [name, value] : parameters) {
    encoded.emplace_back(encode_percent(name), encode_percent(value));
  }
  // Sorts pairs, because joined text would put `a-b=` before `a=`.
  std::sort(encoded.begin(), encoded.end());
  std::string query;
  for (const auto& [name, value] : encoded) {
    if (!query.empty()) query += '&';
    query += name;
    query += '=';
    query += value;
  }
  return query;
}

std::string canonical_request(const SigV4Request& request) {
  const auto headers = canonical_headers(request.headers);
  std::string text = fmt::format("{}\n{}\n{}\n", request.method, request.path, request.query);
  for (const auto& [name, value] : headers) text += fmt::format("{}:{}\n", name, value);
  text += fmt::format("\n{}\n{}", signed_names(headers), request.payload_hash);
  return text;
}

std::string string_to_sign(std::string_view canonical, const SigV4Scope& scope) {
  return fmt::format("{}\n{}\n{}\n{}", kAlgorithm, format_basic(scope.time), scope_text(scope),
                     sha256_hex(canonical));
}

std::string authorization(const SigV4Request& request, const SigV4Scope& scope,
                          const SigV4Keys& keys) {
  const std::string text = string_to_sign(canonical_request(request), scope);
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                     keys.access_key, scope_text(scope),
                     signed_names(canonical_headers(request.headers)),
                     signature(text, scope, keys.secret_key));
}

}  // namespace pgbackup
