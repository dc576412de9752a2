// What the sources of credentials share: what they may look at, small files, small replies over
// HTTP. Each source is a pair of functions in a file of its own; credential_chain has their order.
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

/// `clock` must outlive it.
struct CredentialContext {
  Environment environment;      ///< that of the process: `AWS_*`, HOME, PATH are used
  TransportFactory transports;  ///< for services other than the store
  Clock* clock = nullptr;
  std::string region{};  ///< of the bucket
  bool is_aws = false;   ///< the store is Amazon's own
};

/// The value of a variable; empty when it is not set.
[[nodiscard]] std::string_view variable(const CredentialContext& context, std::string_view name);

/// All of a small regular file, without blanks and line breaks at its end. Throws `denied`,
/// `not_found`, `failed`, with the path; `corrupt` when there is nothing in it.
[[nodiscard]] Secret read_secret_file(const std::string& path);

/// Asks and takes a reply of at most 64 KiB. What the service answers with another status than 200
/// is an error: `transient` where a repeat may help, else `denied`. `what` is for messages:
/// not always with the URL, which for a container's agent is as good as a key.
[[nodiscard]] HttpResponse ask_service(const CredentialContext& context, std::string_view what,
                                       const HttpRequest& request, const std::stop_token& stop);

/// The end of credentials by the clock of this machine, which may be off, from their end by the
/// clock of the service that answered.
[[nodiscard]] UtcTime local_expiry(const CredentialContext& context, const HttpResponse& response,
                                   UtcTime expires);

/// Appends `reason`, why a source has no credentials, to those before it.
void add_reason(std::string& reasons, std::string_view reason);

}  // namespace pgbackup
