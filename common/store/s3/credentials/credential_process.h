// Credentials from a program of the user's, named by credential_process in a profile. It is started
// without a shell, without our own secrets, and has a minute.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/store/s3/credentials/credential_source.h"

namespace pgbackup {

/// Words as a shell splits them: blanks separate, '...' and "..." and \ keep them; nothing else has
/// a meaning. Throws `usage` for a quote without end and for no word at all.
[[nodiscard]] std::vector<std::string> split_command(std::string_view command);

/// The first word is a path, or a name that PATH is searched for.
[[nodiscard]] Credentials run_credential_process(const CredentialContext& context,
                                                 std::string_view command,
                                                 const std::stop_token& stop);

}  // namespace pgbackup
