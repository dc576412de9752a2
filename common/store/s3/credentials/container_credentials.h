// Credentials from the agent beside a container: tasks of ECS, pods of EKS with Pod Identity. Never
// uses a proxy. Requests without TLS go only to the addresses of these agents and to the loopback,
// so that a variable cannot send them and the authorization token elsewhere.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "common/store/s3/credentials/credential_source.h"

namespace pgbackup {

/// Returns why the variables name no such agent; an empty string when they do.
[[nodiscard]] std::string why_no_container(const CredentialContext& context);
[[nodiscard]] Credentials fetch_container(const CredentialContext& context,
                                          const std::stop_token& stop);

/// Returns whether credentials may be asked for at this URL.
[[nodiscard]] bool is_allowed_agent(std::string_view url);

}  // namespace pgbackup
