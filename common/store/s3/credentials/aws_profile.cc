#include "common/store/s3/credentials/aws_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/text.h"
#include "common/store/s3/credentials/credential_process.h"
#include "common/store/s3/credentials/web_identity.h"

namespace pgbackup {
namespace {

/// Keys of ways to credentials that only Amazon's own tools support.
constexpr std::array<std::string_view, 6> kUnsupported = {"source_profile", "credential_source",
                                                          "sso_session",    "sso_start_url",
                                                          "sso_account_id", "login_session"};

/// Returns `NAME` of `[NAME]` or `[profile NAME]`; an empty string for other sections.
std::string_view profile_of(std::string_view section, ProfileFile kind) {
  section = trimmed(section);
  if (kind == ProfileFile::credentials || section == "default") return section;
  constexpr std::string_view kWord = "profile";
  if (!section.starts_with(kWord)) return {};
  section.remove_prefix(kWord.size());
  if (section.empty() || !is_whitespace(section.front())) return {};
  section = trimmed(section);
  const bool is_quoted = section.size() > 1 && section.starts_with('"') && section.ends_with('"');
  return is_quoted ? section.substr(1, section.size() - 2) : section;
}

struct ProfilePath {
  std::string path{};  ///< empty: HOME is not set
  bool is_given = false;
};

ProfilePath path_of(const CredentialContext& context, ProfileFile kind) {
  const bool is_config = kind == ProfileFile::config;
  const std::string_view given =
      variable(context, is_config ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE");
  const std::string home(variable(context, "HOME"));
  if (given.starts_with("~/")) return {home + std::string(given.substr(1)), true};
  if (!given.empty()) return {std::string(given), true};
  if (home.empty()) return {};
  return {home + (is_config ? "/.aws/config" : "/.aws/credentials"), false};
}

std::string_view profile_name(const CredentialContext& context) {
  const std::string_view name = variable(context, "AWS_PROFILE");
  return name.empty() ? "default" : name;
}

struct FoundProfile {
  ProfileValues values{};
  bool is_there = false;
  std::string reason{};  ///< why a file could not be read
};

/// Adds a file. A file that the user has named must be readable; the others may be missing, and any
/// may be empty.
void add_file(const CredentialContext& context, ProfileFile kind, FoundProfile& found) {
  const ProfilePath file = path_of(context, kind);
  if (file.path.empty()) return add_reason(found.reason, ", ", "HOME is not set");
  if (file.path == "/dev/null")
    return add_reason(found.reason, ", ", "a profile file is /dev/null");
  Secret text;
  try {
    text = read_secret_file(file.path);
  } catch (const Error& error) {
    if (file.is_given && error.kind() != ErrorKind::corrupt) throw;
    return add_reason(found.reason, ", ", error.message());
  }
  const std::string_view name = profile_name(context);
  if (with_context(file.path,
                   [&] { return read_profile(text.reveal(), kind, name, found.values); })) {
    found.is_there = true;
  } else {
    add_reason(found.reason, ", ", fmt::format("{} has no profile {}", file.path, name));
  }
}

/// Reads the file of credentials first, so that its values take precedence.
FoundProfile find_profile(const CredentialContext& context) {
  FoundProfile found;
  add_file(context, ProfileFile::credentials, found);
  add_file(context, ProfileFile::config, found);
  return found;
}

bool has(const ProfileValues& values, std::string_view key) {
  const auto found = values.find(key);
  return found != values.end() && !found->second.empty();
}

std::string text_of(const ProfileValues& values, std::string_view key) {
  const auto found = values.find(key);
  return found == values.end() ? "" : std::string(found->second.reveal());
}

/// Returns whether a profile has credentials; many only name a region.
bool has_credentials(const ProfileValues& values) {
  static constexpr std::array<std::string_view, 4> kKeys = {
      "aws_access_key_id", "aws_secret_access_key", "credential_process", "role_arn"};
  const auto is_set = [&](std::string_view key) { return has(values, key); };
  return std::any_of(kKeys.begin(), kKeys.end(), is_set) ||
         std::any_of(kUnsupported.begin(), kUnsupported.end(), is_set);
}

Secret take_key(ProfileValues& values, std::string_view key) {
  const auto found = values.find(key);
  if (found == values.end()) return {};
  if (has_control_characters(found->second.reveal())) {
    throw Error(ErrorKind::usage, fmt::format("{} holds a control character", key));
  }
  return std::move(found->second);
}

Credentials static_keys(ProfileValues& values) {
  if (!has(values, "aws_access_key_id") || !has(values, "aws_secret_access_key")) {
    throw Error(ErrorKind::usage,
                "aws_access_key_id and aws_secret_access_key need each other; one is missing");
  }
  return {.access_key = take_key(values, "aws_access_key_id"),
          .secret_key = take_key(values, "aws_secret_access_key"),
          .session_token = take_key(values, "aws_session_token")};
}

void refuse_unsupported(const ProfileValues& values) {
  for (const std::string_view key : kUnsupported) {
    if (!has(values, key)) continue;
    throw Error(ErrorKind::usage, fmt::format("{} is not supported here", key),
                "credential_process = aws configure export-credentials --profile NAME --format "
                "process lets the AWS command line do it");
  }
}

Credentials fetch_with(const CredentialContext& context, ProfileValues& values,
                       const std::stop_token& stop) {
  if (has(values, "role_arn") && has(values, "web_identity_token_file")) {
    return assume_role(context,
                       {.token_file = text_of(values, "web_identity_token_file"),
                        .role_arn = text_of(values, "role_arn"),
                        .session_name = text_of(values, "role_session_name"),
                        .duration = text_of(values, "duration_seconds")},
                       stop);
  }
  if (has(values, "role_arn")) refuse_unsupported(values);
  if (has(values, "aws_access_key_id") || has(values, "aws_secret_access_key")) {
    return static_keys(values);
  }
  if (has(values, "credential_process")) {
    return run_credential_process(context, text_of(values, "credential_process"), stop);
  }
  refuse_unsupported(values);
  throw Error(ErrorKind::usage, "it holds no credentials");
}

}  // namespace

bool read_profile(std::string_view text, ProfileFile kind, std::string_view name,
                  ProfileValues& values) {
  bool is_there = false;
  bool is_wanted = false;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view content = trimmed(line);
    if (content.empty() || content.starts_with('#') || content.starts_with(';')) continue;
    if (content.starts_with('[')) {
      const size_t end = content.find(']');
      if (end == std::string_view::npos) {
        throw Error(ErrorKind::usage, fmt::format("line {}: a section without ]", number));
      }
      is_wanted = profile_of(content.substr(1, end - 1), kind) == name;
      is_there = is_there || is_wanted;
      continue;
    }
    // Indented lines belong to a key of another tool, such as `s3 =`.
    if (!is_wanted || is_whitespace(line.front())) continue;
    const size_t equals = content.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      throw Error(ErrorKind::usage, fmt::format("line {} is not key = value", number));
    }
    std::string key(trimmed(content.substr(0, equals)));
    std::transform(key.begin(), key.end(), key.begin(), [](char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    });
    values.try_emplace(std::move(key), trimmed(content.substr(equals + 1)));
  }
  return is_there;
}

std::string why_no_profile(const CredentialContext& context) {
  try {
    const FoundProfile found = find_profile(context);
    if (!variable(context, "AWS_PROFILE").empty() || has_credentials(found.values)) return "";
    return found.is_there ? "the profile default holds no credentials" : found.reason;
  } catch (const Error&) {
    return "";  // fetch_profile() reports it
  }
}

Credentials fetch_profile(const CredentialContext& context, const std::stop_token& stop) {
  FoundProfile found = find_profile(context);
  const std::string name = fmt::format("profile {}", profile_name(context));
  if (!found.is_there) throw Error(ErrorKind::usage, fmt::format("AWS_PROFILE: {}", found.reason));
  return with_context(name, [&] { return fetch_with(context, found.values, stop); });
}

}  // namespace pgbackup
