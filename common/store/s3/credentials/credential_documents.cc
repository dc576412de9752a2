#include "common/store/s3/credentials/credential_documents.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <pugixml.hpp>

#include "common/base/error.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

using nlohmann::json;

Error corrupt(std::string_view what) {
  return {ErrorKind::corrupt, fmt::format("the credentials are not usable: {}", what)};
}

json parse_object(std::string_view text) {
  json document = json::parse(text, nullptr, false);
  if (!document.is_object()) throw corrupt("no JSON object");
  return document;
}

/// Returns the text of a field; an empty string when there is no such field.
std::string text_of(const json& document, const char* name) {
  const auto found = document.find(name);
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

/// Checks a value that goes into a header.
void check_value(std::string_view value, const char* name) {
  if (value.empty()) throw corrupt(fmt::format("{} is missing", name));
  if (has_control_characters(value)) {
    throw corrupt(fmt::format("{} holds a control character", name));
  }
}

Secret take_secret(json& document, const char* name) {
  const auto found = document.find(name);
  if (found == document.end() || !found->is_string()) {
    throw corrupt(fmt::format("{} is missing", name));
  }
  auto& text = found->get_ref<std::string&>();
  check_value(text, name);
  Secret secret(text);
  wipe(text);
  return secret;
}

/// Parses a time. AWS writes Z, and programs that use its SDK for Python write +00:00.
UtcTime parse_expiration(std::string text) {
  if (text.ends_with("+00:00")) text.replace(text.size() - 6, 6, "Z");
  const std::optional<UtcTime> time = parse_iso(text);
  if (!time) throw corrupt("Expiration is not a time in UTC");
  return *time;
}

Credentials take_credentials(json& document, const char* token_name) {
  Credentials credentials{.access_key = take_secret(document, "AccessKeyId"),
                          .secret_key = take_secret(document, "SecretAccessKey")};
  if (document.contains(token_name) && !document[token_name].is_null()) {
    credentials.session_token = take_secret(document, token_name);
  }
  if (document.contains("Expiration") && !document["Expiration"].is_null()) {
    credentials.expires = parse_expiration(text_of(document, "Expiration"));
  }
  return credentials;
}

Secret take_secret(const pugi::xml_node& parent, const char* name) {
  const std::string_view text = parent.child(name).text().get();
  check_value(text, name);
  return Secret(text);
}

/// Returns the error in <ErrorResponse><Error>, or in <Error> alone (Ceph).
pugi::xml_node error_node(const pugi::xml_document& document) {
  const pugi::xml_node root = document.document_element();
  if (std::string_view(root.name()) == "ErrorResponse") return root.child("Error");
  return std::string_view(root.name()) == "Error" ? root : pugi::xml_node();
}

}  // namespace

Credentials parse_process_document(std::string_view text) {
  json document = parse_object(text);
  const auto version = document.find("Version");
  if (version == document.end() || *version != 1) throw corrupt("Version is not 1");
  return take_credentials(document, "SessionToken");
}

Credentials parse_service_document(std::string_view text) {
  json document = parse_object(text);
  const std::string code = text_of(document, "Code");
  if (!code.empty() && code != "Success") {
    throw Error(ErrorKind::denied, explanation_in(text).text());
  }
  return take_credentials(document, "Token");
}

Credentials parse_web_identity_document(std::string& xml) {
  pugi::xml_document document;
  if (!document.load_buffer_inplace(xml.data(), xml.size())) throw corrupt("no XML");
  const pugi::xml_node root = document.child("AssumeRoleWithWebIdentityResponse");
  const pugi::xml_node node = root.child("AssumeRoleWithWebIdentityResult").child("Credentials");
  if (!node) throw corrupt("no AssumeRoleWithWebIdentityResponse");
  return {.access_key = take_secret(node, "AccessKeyId"),
          .secret_key = take_secret(node, "SecretAccessKey"),
          .session_token = take_secret(node, "SessionToken"),
          .expires = parse_expiration(node.child("Expiration").text().get())};
}

std::string Explanation::text() const {
  return code.empty() || message.empty() ? code + message : fmt::format("{}: {}", code, message);
}

Explanation explanation_in(std::string_view body) {
  std::string code;
  std::string message;
  if (const json document = json::parse(body, nullptr, false); document.is_object()) {
    code = text_of(document, document.contains("Code") ? "Code" : "code");
    message = text_of(document, document.contains("Message") ? "Message" : "message");
  } else {
    pugi::xml_document xml;
    if (!xml.load_buffer(body.data(), body.size())) return {};
    code = error_node(xml).child("Code").text().get();
    message = error_node(xml).child("Message").text().get();
  }
  return {.code = short_line(code), .message = short_line(message)};
}

}  // namespace pgbackup
