// Parses the documents in which services hand out credentials. Parsing is strict. An error quotes
// nothing of a document but the document's own error fields. Pure.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
#pragma once

#include <string>
#include <string_view>

#include "common/store/s3/credentials/credentials.h"

namespace pgbackup {

/// Parses what a program (credential_process) prints. Throws `corrupt`.
[[nodiscard]] Credentials parse_process_document(std::string_view json);

/// Parses what the container endpoints and the instance metadata service answer. Throws `corrupt`,
/// and `denied` when the document says that there are no credentials.
[[nodiscard]] Credentials parse_service_document(std::string_view json);

/// Parses what STS answers to AssumeRoleWithWebIdentity. Destroys `xml`. Throws `corrupt`.
[[nodiscard]] Credentials parse_web_identity_document(std::string& xml);

/// Holds what an error document says, in JSON or XML. Both texts are short, free of control
/// characters, and empty when there is nothing.
struct Explanation {
  std::string code{};
  std::string message{};

  [[nodiscard]] std::string text() const;
};
[[nodiscard]] Explanation explanation_in(std::string_view body);

}  // namespace pgbackup
