// Where credentials are looked for when none of ours are set, and in which order: variables, web
// identity, profile, container, instance: the order of Amazon's own tools. The first source that is
// set up is the one; that it fails is an error and no reason to go on to the next.
#pragma once

#include <stop_token>
#include <string>

#include "common/store/s3/credentials/credential_source.h"

namespace pgbackup {

/// A CredentialFetch. Stays with the source that it has found.
class CredentialChain {
 public:
  explicit CredentialChain(CredentialContext context) : context_(std::move(context)) {}

  /// Errors: `usage` for a source that is set up wrongly, `transient` for one that does not answer,
  /// `denied` for one that refuses and when there is none; then every source is named with its
  /// reason.
  Credentials operator()(const std::stop_token& stop);

 private:
  CredentialContext context_;
  int chosen_ = -1;  ///< index of the source; -1: none so far
};

/// Without asking any service: empty when a source is set up or the instance's can be asked, else
/// the sentence that names every source with its reason.
[[nodiscard]] std::string explain_no_credentials(const CredentialContext& context);

}  // namespace pgbackup
