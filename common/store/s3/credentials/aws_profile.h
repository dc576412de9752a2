// The profile files that the AWS tools share: `[name]` and `key = value` lines, read strictly in
// the section that is wanted and not at all elsewhere. Understood are static keys,
// credential_process, and role_arn with web_identity_token_file.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/base/secret.h"
#include "common/store/s3/credentials/credential_source.h"

namespace pgbackup {

/// `config` calls its sections `[profile NAME]`, except for `[default]`.
enum class ProfileFile { credentials, config };

/// Any value may be a secret.
using ProfileValues = std::map<std::string, Secret, std::less<>>;

/// The values of a profile, added to `values` where they are not there yet; true when the file has
/// this profile. Throws `usage` with the number of the line.
[[nodiscard]] bool read_profile(std::string_view text, ProfileFile kind, std::string_view name,
                                ProfileValues& values);

/// Why no profile has credentials; empty when one has, or was asked for by AWS_PROFILE.
[[nodiscard]] std::string why_no_profile(const CredentialContext& context);
[[nodiscard]] Credentials fetch_profile(const CredentialContext& context,
                                        const std::stop_token& stop);

}  // namespace pgbackup
