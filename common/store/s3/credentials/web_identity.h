// Credentials from STS for a signed token in a file: service accounts of Kubernetes (IRSA), jobs of
// CI systems. The request itself is not signed, because the token is the proof. The file is read
// anew each time, since its owner replaces it.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
#pragma once

#include <stop_token>
#include <string>

#include "common/store/s3/credentials/credential_source.h"

namespace pgbackup {

struct WebIdentity {
  std::string token_file{};
  std::string role_arn{};
  std::string session_name{};  ///< shows in the provider's audit log; empty: pg-backup
  std::string duration{};      ///< seconds; empty: the default of STS (an hour)
};

/// Returns why AWS_WEB_IDENTITY_TOKEN_FILE is no source here; an empty string when it is.
[[nodiscard]] std::string why_no_web_identity(const CredentialContext& context);
[[nodiscard]] Credentials fetch_web_identity(const CredentialContext& context,
                                             const std::stop_token& stop);

/// Asks for the credentials of a role that a profile names in place of the variables.
[[nodiscard]] Credentials assume_role(const CredentialContext& context, const WebIdentity& identity,
                                      const std::stop_token& stop);

}  // namespace pgbackup
