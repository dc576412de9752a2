// Credentials of the role of an EC2 instance, from its metadata service (version 2 only: a token
// first, then the role, then its credentials). Never uses a proxy. Each step ends after a second.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
#pragma once

#include <stop_token>
#include <string>

#include "common/store/s3/credentials/credential_source.h"

namespace pgbackup {

/// Returns why the service is not asked; an empty string when it is. Amazon's credentials are only
/// for Amazon's own store, or where AWS_EC2_METADATA_SERVICE_ENDPOINT asks for them.
[[nodiscard]] std::string why_no_instance_metadata(const CredentialContext& context);
[[nodiscard]] Credentials fetch_instance_metadata(const CredentialContext& context,
                                                  const std::stop_token& stop);

}  // namespace pgbackup
