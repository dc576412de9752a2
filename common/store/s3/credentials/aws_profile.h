// The profile files that the AWS tools share: `[name]` and `key = value` lines. The wanted section
// is read strictly, and others are not read at all. Supported are static keys, credential_process,
// and role_arn with web_identity_token_file.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/base/secret.h"
#include "common/store/s3/credentials/credential_source.h"

namespace pgbackup {

/// Says which file it is. `config` calls its sections `[profile NAME]`, except for `[default]`.
enum class ProfileFile { credentials, config };

/// Holds values by key. Any value may be a secret.
using ProfileValues = std::map<std::string, Secret, std::less<>>;

/// Adds the values of a profile to `values`, except those that are there already. Returns true when
/// the file has this profile. Throws `usage` with the number of the line.
[[nodiscard]] bool read_profile(std::string_view text, ProfileFile kind, std::string_view name,
                                ProfileValues& values);

/// Returns why no profile has credentials; an empty string when one has, or was asked for by
/// AWS_PROFILE.
[[nodiscard]] std::string why_no_profile(const CredentialContext& context);
[[nodiscard]] Credentials fetch_profile(const CredentialContext& context,
                                        const std::stop_token& stop);

}  // namespace pgbackup
