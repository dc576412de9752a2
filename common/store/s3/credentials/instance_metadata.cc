#include "common/store/s3/credentials/instance_metadata.h"

#include <fmt/format.h>
#include <strings.h>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/codec/encoding.h"
#include "common/store/s3/credentials/credential_documents.h"

namespace pgbackup {
namespace {

constexpr std::string_view kEndpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
constexpr std::string_view kDefaultEndpoint = "http://169.254.169.254";
constexpr std::string_view kRolePath = "/latest/meta-data/iam/security-credentials/";
constexpr std::string_view kName = "the instance metadata service";
constexpr std::chrono::seconds kMetadataTimeout{1};
constexpr int kTries = 2;

std::string base_url(const CredentialContext& context) {
  std::string url(variable(context, kEndpoint));
  if (url.empty()) url = kDefaultEndpoint;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

HttpResponse ask(const CredentialContext& context, const HttpRequest& request,
                 const std::stop_token& stop) {
  const std::string what = fmt::format("{}: {} {}", kName, request.method, request.url);
  for (int tries = 1;; ++tries) {
    try {
      return ask_service(context, what, request, stop);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::transient || tries == kTries) throw;
    }
  }
}

/// Checks a word that goes into a header or a path.
void check_word(std::string_view word, std::string_view what) {
  if (word.empty() || has_control_characters(word) || word.find('<') != std::string_view::npos) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: {} is not usable", kName, what));
  }
}

}  // namespace

std::string why_no_instance_metadata(const CredentialContext& context) {
  constexpr std::string_view kDisabled = "AWS_EC2_METADATA_DISABLED";
  if (variable(context, kDisabled).size() == 4 &&
      strncasecmp(variable(context, kDisabled).data(), "true", 4) == 0) {
    return fmt::format("{} is true", kDisabled);
  }
  if (context.is_aws || !variable(context, kEndpoint).empty()) return "";
  return fmt::format("{} is asked only where S3_ENDPOINT is Amazon's", kName);
}

Credentials fetch_instance_metadata(const CredentialContext& context, const std::stop_token& stop) {
  const std::string base = base_url(context);
  const std::string token = ask(context,
                                {.method = "PUT",
                                 .url = base + "/latest/api/token",
                                 .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}},
                                 .timeout = kMetadataTimeout,
                                 .is_direct = true},
                                stop)
                                .body;
  check_word(token, "the token");
  HttpRequest get{.method = "GET",
                  .url = base + std::string(kRolePath),
                  .headers = {{"x-aws-ec2-metadata-token", token}},
                  .timeout = kMetadataTimeout,
                  .is_direct = true};
  const std::string roles = ask(context, get, stop).body;
  const std::string role = roles.substr(0, roles.find('\n'));
  check_word(role, "the name of the role");
  get.url += encode_percent(role);
  HttpResponse response = ask(context, get, stop);
  Credentials credentials =
      with_context(kName, [&] { return parse_service_document(response.body); });
  wipe(response.body);
  if (credentials.expires) {
    credentials.expires = local_expiry(context, response, *credentials.expires);
  }
  return credentials;
}

}  // namespace pgbackup
