// Credentials from a program of the user's, named by credential_process in a profile. The program
// is started without a shell and without our own secrets, and has a minute.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/store/s3/credentials/credential_source.h"

namespace pgbackup {

/// Splits a command into words as a shell does: whitespace separates them; '...', "..." and a
/// backslash protect it; nothing else has a meaning. Throws `usage` for an open quote and for no
/// word at all.
[[nodiscard]] std::vector<std::string> split_command(std::string_view command);

/// Runs the program and returns the credentials that it prints. The first word is a path, or a name
/// that PATH is searched for.
[[nodiscard]] Credentials run_credential_process(const CredentialContext& context,
                                                 std::string_view command,
                                                 const std::stop_token& stop);

}  // namespace pgbackup
