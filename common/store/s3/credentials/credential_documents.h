// The documents in which services hand out credentials, as values. Parsing is strict; nothing of a
// document is quoted in an error but what its own error fields say. Pure.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
#pragma once

#include <string>
#include <string_view>

#include "common/store/s3/credentials/credentials.h"

namespace pgbackup {

/// What a program (credential_process) prints. `corrupt`.
[[nodiscard]] Credentials parse_process_document(std::string_view json);

/// What the container endpoints and the instance metadata answer. `corrupt`; `denied` when the
/// document says that there are none.
[[nodiscard]] Credentials parse_service_document(std::string_view json);

/// What STS answers to AssumeRoleWithWebIdentity. `corrupt`. `xml` is destroyed.
[[nodiscard]] Credentials parse_web_identity_document(std::string& xml);

/// What an error document says, JSON or XML; both are short, free of control characters, and empty
/// when there is nothing.
struct Explanation {
  std::string code{};
  std::string message{};

  [[nodiscard]] std::string text() const;
};
[[nodiscard]] Explanation explanation_in(std::string_view body);

}  // namespace pgbackup
