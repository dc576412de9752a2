#include "common/store/s3/credentials/web_identity.h"

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/codec/encoding.h"
#include "common/store/s3/credentials/credential_documents.h"
#include "common/store/s3/endpoint.h"

namespace pgbackup {
namespace {

/// The longest time of a request, which fits into that of a clean-up after a stop.
constexpr std::chrono::seconds kTokenTimeout{5};

std::string sts_url(const CredentialContext& context) {
  for (const char* name : {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"}) {
    std::string url(variable(context, name));
    if (!url.empty()) return url.ends_with('/') ? url : url + "/";
  }
  if (!context.is_aws) {
    throw Error(ErrorKind::usage,
                "S3_ENDPOINT is not Amazon's, and AWS_ENDPOINT_URL_STS is not set",
                "the token is meant for one service: name its address there");
  }
  return fmt::format("https://sts.{}.{}/", context.region, aws_domain(context.region));
}

std::string form(const WebIdentity& identity, const Secret& token) {
  const std::string name = identity.session_name.empty() ? "pg-backup" : identity.session_name;
  std::string text = fmt::format(
      "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}",
      encode_percent(identity.role_arn), encode_percent(name));
  if (!identity.duration.empty()) {
    text += "&DurationSeconds=" + encode_percent(identity.duration);
  }
  return text + "&WebIdentityToken=" + encode_percent(token.reveal());
}

}  // namespace

std::string why_no_web_identity(const CredentialContext& context) {
  return variable(context, "AWS_WEB_IDENTITY_TOKEN_FILE").empty()
             ? "AWS_WEB_IDENTITY_TOKEN_FILE is not set"
             : "";
}

Credentials fetch_web_identity(const CredentialContext& context, const std::stop_token& stop) {
  const WebIdentity identity{
      .token_file = std::string(variable(context, "AWS_WEB_IDENTITY_TOKEN_FILE")),
      .role_arn = std::string(variable(context, "AWS_ROLE_ARN")),
      .session_name = std::string(variable(context, "AWS_ROLE_SESSION_NAME"))};
  if (identity.role_arn.empty()) {
    throw Error(ErrorKind::usage, "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN");
  }
  return assume_role(context, identity, stop);
}

Credentials assume_role(const CredentialContext& context, const WebIdentity& identity,
                        const std::stop_token& stop) {
  const std::string url = sts_url(context);
  std::string body = form(identity, read_secret_file(identity.token_file));
  HttpResponse response;
  try {
    response = ask_service(context, fmt::format("STS: POST {}", url),
                           {.method = "POST",
                            .url = url,
                            .headers = {{"content-type", "application/x-www-form-urlencoded"}},
                            .body = body,
                            .timeout = kTokenTimeout},
                           stop);
  } catch (const Error& error) {
    wipe(body);
    if (error.kind() != ErrorKind::denied) throw;
    throw Error(error.kind(), error.message(),
                fmt::format("the role {} must trust the issuer and the subject of the token in {}",
                            identity.role_arn, identity.token_file));
  }
  wipe(body);
  Credentials credentials =
      with_context("STS", [&] { return parse_web_identity_document(response.body); });
  wipe(response.body);
  credentials.expires = local_expiry(context, response, *credentials.expires);
  return credentials;
}

}  // namespace pgbackup
