// Where credentials are looked for when none of our own settings hold any, in the order of Amazon's
// own tools: variables, web identity, profile, container, instance. The first source that is
// configured is used. Its failure is an error, and no reason to try the next one.
#pragma once

#include <stop_token>
#include <string>

#include "common/store/s3/credentials/credential_source.h"

namespace pgbackup {

/// Gets credentials, as a CredentialFetch. Stays with the source that it has found.
class CredentialChain {
 public:
  explicit CredentialChain(CredentialContext context) : context_(std::move(context)) {}

  /// Returns credentials. Throws `usage` for a source that is configured wrongly, `transient` for
  /// one that does not answer, and `denied` for one that refuses. Throws `denied` when there is
  /// none, too, and names every source with its reason.
  Credentials operator()(const std::stop_token& stop);

 private:
  CredentialContext context_;
  int chosen_ = -1;  ///< index of the source; -1: none so far
};

/// Returns why there are no credentials, without asking any service: the sentence that names every
/// source with its reason. Returns an empty string when a source is configured or the instance can
/// be asked.
[[nodiscard]] std::string explain_no_credentials(const CredentialContext& context);

}  // namespace pgbackup
