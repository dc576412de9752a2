// Credentials from the agent beside a container: tasks of ECS, pods of EKS with Pod Identity. Never
// through a proxy; without TLS only at the addresses of these agents and on the loopback, so that a
// variable cannot send us and the authorization token elsewhere.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "common/store/s3/credentials/credential_source.h"

namespace pgbackup {

/// Why the variables name no such agent; empty when they do.
[[nodiscard]] std::string why_no_container(const CredentialContext& context);
[[nodiscard]] Credentials fetch_container(const CredentialContext& context,
                                          const std::stop_token& stop);

/// May credentials be asked for at this URL?
[[nodiscard]] bool is_allowed_agent(std::string_view url);

}  // namespace pgbackup
