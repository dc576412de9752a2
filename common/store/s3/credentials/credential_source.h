// The common part of the sources of credentials: what they may look at, small files, and small
// replies over HTTP. Each source is a pair of functions in a file of its own; credential_chain has
// their order.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/options.h"
#include "common/base/secret.h"
#include "common/http/transport.h"
#include "common/store/s3/credentials/credentials.h"

namespace pgbackup {

/// Holds what a source may look at. `clock` must outlive it.
struct CredentialContext {
  Environment environment;      ///< that of the process, for `AWS_*`, HOME and PATH
  TransportFactory transports;  ///< for services other than the store
  Clock* clock = nullptr;
  std::string region{};  ///< region of the bucket
  bool is_aws = false;   ///< the store is Amazon's own
};

/// Returns the value of a variable; an empty string when it is not set.
[[nodiscard]] std::string_view variable(const CredentialContext& context, std::string_view name);

/// Returns all of a small regular file, without whitespace at its end. Throws `denied`, `not_found`
/// or `failed` with the path, and `corrupt` when the file is empty.
[[nodiscard]] Secret read_secret_file(const std::string& path);

/// Sends a request and takes a reply of at most 64 KiB. Throws for another status than 200:
/// `transient` where a repeat may help, else `denied`. `what` names the service in messages, and
/// not always with the URL, which for a container's agent is as good as a key.
[[nodiscard]] HttpResponse ask_service(const CredentialContext& context, std::string_view what,
                                       const HttpRequest& request, const std::stop_token& stop);

/// Converts the expiry of credentials from the clock of the service that answered to the clock of
/// this machine, which may be wrong.
[[nodiscard]] UtcTime local_expiry(const CredentialContext& context, const HttpResponse& response,
                                   UtcTime expires);

/// Appends `reason`, why a source has no credentials, to those before it, with `separator` between.
void add_reason(std::string& reasons, std::string_view separator, std::string_view reason);

}  // namespace pgbackup
