#include "common/store/s3/credentials/credential_chain.h"

#include <fmt/format.h>

#include <array>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/store/s3/credentials/aws_profile.h"
#include "common/store/s3/credentials/container_credentials.h"
#include "common/store/s3/credentials/instance_metadata.h"
#include "common/store/s3/credentials/web_identity.h"

namespace pgbackup {
namespace {

constexpr std::string_view kAccessKey = "AWS_ACCESS_KEY_ID";
constexpr std::string_view kSecretKey = "AWS_SECRET_ACCESS_KEY";
constexpr std::string_view kToken = "AWS_SESSION_TOKEN";

struct ChainLink {
  std::string_view name;
  std::string (*why_not)(const CredentialContext&);
  Credentials (*fetch)(const CredentialContext&, const std::stop_token&);
};

std::string why_no_variables(const CredentialContext& context) {
  return variable(context, kAccessKey).empty() && variable(context, kSecretKey).empty()
             ? fmt::format("{} and {} are not set", kAccessKey, kSecretKey)
             : "";
}

Credentials fetch_variables(const CredentialContext& context, const std::stop_token& /*stop*/) {
  for (const auto& [name, other] :
       {std::pair(kAccessKey, kSecretKey), std::pair(kSecretKey, kAccessKey)}) {
    if (variable(context, name).empty()) {
      throw Error(ErrorKind::usage, fmt::format("{} is set without {}", other, name));
    }
  }
  for (const std::string_view name : {kAccessKey, kSecretKey, kToken}) {
    if (has_control_characters(variable(context, name))) {
      throw Error(ErrorKind::usage, fmt::format("{} holds a control character", name));
    }
  }
  return {.access_key = Secret(variable(context, kAccessKey)),
          .secret_key = Secret(variable(context, kSecretKey)),
          .session_token = Secret(variable(context, kToken))};
}

constexpr auto kChain = std::to_array<ChainLink>({
    {"variables", why_no_variables, fetch_variables},
    {"web identity", why_no_web_identity, fetch_web_identity},
    {"AWS profile", why_no_profile, fetch_profile},
    {"container", why_no_container, fetch_container},
    {"instance metadata", why_no_instance_metadata, fetch_instance_metadata},
});
constexpr size_t kLast = kChain.size() - 1;

constexpr std::string_view kHint =
    "set S3_ACCESS_KEY and S3_SECRET_KEY, or one of the sources that docs/s3.md names under "
    "Credentials";
constexpr std::string_view kInstanceHint =
    "set S3_ACCESS_KEY and S3_SECRET_KEY; on EC2 the instance needs a role, and for a container a "
    "metadata hop limit of 2: with 1 the service does not answer there";

std::string sentence(std::string_view reasons) {
  return fmt::format("there are no credentials for the bucket: S3_ACCESS_KEY is not set; {}",
                     reasons);
}

Credentials fetch_from(const ChainLink& source, const CredentialContext& context,
                       const std::stop_token& stop) {
  return with_context(fmt::format("credentials from {}", source.name), [&] {
    Credentials credentials = source.fetch(context, stop);
    credentials.source = source.name;
    return credentials;
  });
}

}  // namespace

Credentials CredentialChain::operator()(const std::stop_token& stop) {
  if (chosen_ >= 0) return fetch_from(kChain[static_cast<size_t>(chosen_)], context_, stop);
  std::string reasons;
  for (size_t i = 0; i < kChain.size(); ++i) {
    const std::string why_not = kChain[i].why_not(context_);
    if (!why_not.empty()) {
      add_reason(reasons, "; ", why_not);
      continue;
    }
    try {
      Credentials credentials = fetch_from(kChain[i], context_, stop);
      chosen_ = static_cast<int>(i);
      return credentials;
    } catch (const Error& error) {
      // Nobody configures the instance as a source: only this request shows whether it has
      // credentials.
      if (i != kLast || error.kind() == ErrorKind::canceled) throw;
      add_reason(reasons, "; ", error.message());
      throw Error(ErrorKind::denied, sentence(reasons), std::string(kInstanceHint));
    }
  }
  throw Error(ErrorKind::denied, sentence(reasons), std::string(kHint));
}

std::string explain_no_credentials(const CredentialContext& context) {
  std::string reasons;
  for (const ChainLink& source : kChain) {
    const std::string why_not = source.why_not(context);
    if (why_not.empty()) return "";
    add_reason(reasons, "; ", why_not);
  }
  return sentence(reasons);
}

}  // namespace pgbackup
