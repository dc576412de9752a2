#include "tests/support/fake_s3_signature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <vector>

#include "tests/support/fake_s3_request.h"

namespace pgbackup {
namespace {

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string hmac(const std::string& key, std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
       reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return digest;
}

std::string encode(const std::string& text, bool keeps_slash) {
  std::string encoded;
  for (const char c : text) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                          std::string_view("-._~").find(c) != std::string_view::npos ||
                          (keeps_slash && c == '/');
    encoded += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> pieces;
  std::istringstream stream(text);
  for (std::string piece; std::getline(stream, piece, separator);) pieces.push_back(piece);
  return pieces;
}

/// `Name=value` out of `Name=value, Other=value`.
std::string field(const std::string& authorization, const std::string& name) {
  const size_t at = authorization.find(name + "=");
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 1;
  return authorization.substr(begin, authorization.find(',', begin) - begin);
}

std::string squeezed(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == ' ' && (text.empty() || text.back() == ' ')) continue;
    text += c;
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

bool must_be_signed(const std::string& name) {
  return name == "host" || name == "content-md5" || name == "content-type" ||
         name.starts_with("x-amz-");
}

class Check {
 public:
  Check(const HttpRequest& http, const FakeAccounts& accounts) : http_(http), accounts_(accounts) {
    for (const auto& [name, value] : http.headers) headers_[name] = value;
  }

  SignatureFinding run() {
    finding_.date = headers_["x-amz-date"];
    const std::string authorization = headers_["authorization"];
    scope_ = split(field(authorization, "Credential"), '/');
    if (!authorization.starts_with("AWS4-HMAC-SHA256 ") || scope_.size() != 5) {
      return refuse("AuthorizationHeaderMalformed", "Authorization: " + authorization);
    }
    finding_.region = scope_[2];
    if (scope_[3] != "s3" || scope_[4] != "aws4_request") {
      return refuse("AuthorizationHeaderMalformed", "the scope's service or end");
    }
    if (finding_.date.size() != 16 || finding_.date.substr(0, 8) != scope_[1]) {
      return refuse("AuthorizationHeaderMalformed", "the scope's date is not x-amz-date's");
    }
    const auto account = accounts_.find(scope_[0]);
    if (account == accounts_.end()) return refuse("InvalidAccessKeyId", scope_[0]);
    if (headers_["x-amz-security-token"] != account->second.session_token) {
      return refuse("InvalidToken", "another session token than the account's");
    }
    signed_ = split(field(authorization, "SignedHeaders"), ';');
    if (const std::string fault = fault_in_request(); !fault.empty()) {
      return refuse("SignatureDoesNotMatch", fault);
    }
    if (field(authorization, "Signature") != signature(account->second.secret_key)) {
      return refuse("SignatureDoesNotMatch", "computed from\n" + canonical());
    }
    return finding_;
  }

 private:
  SignatureFinding refuse(const std::string& code, const std::string& reason) {
    finding_.code = code;
    finding_.reason = reason;
    return finding_;
  }

  std::string fault_in_request() {
    if (!std::is_sorted(signed_.begin(), signed_.end())) return "SignedHeaders are not sorted";
    for (const auto& [name, value] : http_.headers) {
      const bool is_signed = std::find(signed_.begin(), signed_.end(), name) != signed_.end();
      if (must_be_signed(name) && !is_signed) return name + " is not signed";
    }
    for (const std::string& name : signed_) {
      if (!headers_.contains(name)) return name + " is signed and was not sent";
    }
    if (headers_["host"] != url().host) return "Host is not the URL's";
    if (encode(decode_percent(url().path), true) != url().path) return "path: " + url().path;
    const std::string payload = headers_["x-amz-content-sha256"];
    if (payload != "UNSIGNED-PAYLOAD" && payload != hex(sha256(http_.body))) return "payload hash";
    return "";
  }

  [[nodiscard]] FakeUrl url() const { return split_url(http_.url); }

  std::string canonical() {
    std::vector<std::string> parameters;
    for (const auto& [name, value] : parse_query(url().query)) {
      parameters.push_back(encode(name, false) + "=" + encode(value, false));
    }
    std::sort(parameters.begin(), parameters.end());
    std::string text = http_.method + "\n" + url().path + "\n";
    text += fmt::format("{}\n", fmt::join(parameters, "&"));
    for (const std::string& name : signed_) text += name + ":" + squeezed(headers_[name]) + "\n";
    return text +
           fmt::format("\n{}\n{}", fmt::join(signed_, ";"), headers_["x-amz-content-sha256"]);
  }

  std::string signature(const std::string& secret_key) {
    const std::string to_sign =
        fmt::format("AWS4-HMAC-SHA256\n{}\n{}/{}/s3/aws4_request\n{}", finding_.date, scope_[1],
                    scope_[2], hex(sha256(canonical())));
    std::string key = "AWS4" + secret_key;
    for (const std::string& step : {scope_[1], scope_[2], scope_[3], scope_[4]}) {
      key = hmac(key, step);
    }
    return hex(hmac(key, to_sign));
  }

  const HttpRequest& http_;
  const FakeAccounts& accounts_;
  std::map<std::string, std::string> headers_;
  std::vector<std::string> scope_;  ///< access key, date, region, service, end
  std::vector<std::string> signed_;
  SignatureFinding finding_;
};

}  // namespace

SignatureFinding check_signature(const HttpRequest& http, const FakeAccounts& accounts) {
  return Check(http, accounts).run();
}

}  // namespace pgbackup
