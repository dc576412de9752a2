#include "common/store/s3/write_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/codec/digest.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

bool is_token(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void check_storage_class(const std::string& storage_class, std::vector<std::string>& problems) {
  if (!is_token(storage_class)) {
    problems.push_back(fmt::format(
        "S3_STORAGE_CLASS: '{}' is not the name of a storage class, such as STANDARD_IA",
        storage_class));
  }
  if (storage_class == "GLACIER" || storage_class == "DEEP_ARCHIVE") {
    problems.push_back(fmt::format(
        "S3_STORAGE_CLASS: objects in {} cannot be read before they are restored by hand, which "
        "takes hours: no backup could be checked or restored; GLACIER_IR can be read at once",
        storage_class));
  }
}

}  // namespace

std::vector<Option> write_option_rows(S3WriteOptions& options) {
  return {
      {.name = "S3_SERVER_SIDE_ENCRYPTION",
       .value = choice(&options.encryption, {"none", "AES256", "aws:kms"}),
       .help = "Encryption at rest to ask for; with none the bucket's own rule applies."},
      {.name = "S3_KMS_KEY_ID",
       .value = &options.kms_key_id,
       .help = "Key for aws:kms: its id or ARN.",
       .default_note = "the account's"},
      {.name = "S3_STORAGE_CLASS",
       .value = &options.storage_class,
       .help = "Storage class of written objects, such as STANDARD_IA. GLACIER and DEEP_ARCHIVE "
               "are refused: objects in them cannot be read at once.",
       .default_note = "the bucket's"},
      {.name = "S3_OBJECT_LOCK_MODE",
       .value = choice(&options.lock_mode, {"none", "GOVERNANCE", "COMPLIANCE"}),
       .help = "Protects written objects from deletion; the bucket must have been created with "
               "Object Lock."},
      {.name = "S3_OBJECT_LOCK_RETENTION",
       .value = Duration{&options.lock_retention, seconds(1)},
       .help = "How long an object is locked, such as 30d: from the start of the run, and WAL from "
               "when it "
               "is stored."},
      {.name = "S3_PAYLOAD_SIGNING",
       .value = choice(&options.payload_signing, {"signed", "unsigned"}),
       .help = "unsigned leaves the SHA-256 of what is uploaded out of the signature and trusts "
               "TLS alone; over https only."},
      {.name = "S3_CONDITIONAL_WRITES",
       .value = &options.is_conditional,
       .help = "Asks the server to refuse to overwrite (If-None-Match), for buckets whose policy "
               "demands it."},
  };
}

void check_write_options(const S3WriteOptions& options, std::string_view scheme,
                         std::vector<std::string>& problems) {
  check_storage_class(options.storage_class, problems);
  if (!options.kms_key_id.empty() && options.encryption != S3Encryption::kms) {
    problems.emplace_back("S3_KMS_KEY_ID is set: it needs S3_SERVER_SIDE_ENCRYPTION=aws:kms");
  }
  if ((options.lock_mode != S3LockMode::none) != options.lock_retention.has_value()) {
    problems.emplace_back(
        "S3_OBJECT_LOCK_MODE and S3_OBJECT_LOCK_RETENTION go together: set both or neither");
  }
  if (options.payload_signing == S3PayloadSigning::none && scheme != "https") {
    problems.emplace_back(
        "S3_PAYLOAD_SIGNING=unsigned needs an https endpoint: without TLS nothing would guard what "
        "is uploaded");
  }
}

std::optional<UtcTime> lock_end(const S3WriteOptions& options, UtcTime now) {
  if (options.lock_mode == S3LockMode::none || !options.lock_retention) return std::nullopt;
  return now + *options.lock_retention;
}

NameValues creation_headers(const S3WriteOptions& options, std::optional<UtcTime> locked_until) {
  NameValues headers;
  if (options.encryption != S3Encryption::none) {
    headers.emplace_back("x-amz-server-side-encryption",
                         options.encryption == S3Encryption::kms ? "aws:kms" : "AES256");
  }
  if (!options.kms_key_id.empty()) {
    headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", options.kms_key_id);
  }
  if (!options.storage_class.empty()) {
    headers.emplace_back("x-amz-storage-class", options.storage_class);
  }
  if (options.lock_mode != S3LockMode::none && locked_until) {
    const bool is_compliance = options.lock_mode == S3LockMode::compliance;
    headers.emplace_back("x-amz-object-lock-mode", is_compliance ? "COMPLIANCE" : "GOVERNANCE");
    headers.emplace_back("x-amz-object-lock-retain-until-date", format_iso(*locked_until));
  }
  return headers;
}

NameValues body_headers(const S3WriteOptions& options, std::string_view body) {
  // Servers demand an MD5 for locked objects. An MD5 takes longer than SHA-256 and is sent only
  // there.
  if (options.lock_mode == S3LockMode::none) return {};
  return {{"content-md5", content_md5(body)}};
}

NameValues commit_headers(const S3WriteOptions& options) {
  if (!options.is_conditional) return {};
  return {{"if-none-match", "*"}};
}

NameValues put_headers(const S3WriteOptions& options, std::optional<UtcTime> locked_until,
                       std::string_view body) {
  NameValues headers = creation_headers(options, locked_until);
  for (const NameValues& more : {body_headers(options, body), commit_headers(options)}) {
    headers.insert(headers.end(), more.begin(), more.end());
  }
  return headers;
}

std::string_view payload_hash_override(const S3WriteOptions& options) {
  return options.payload_signing == S3PayloadSigning::none ? "UNSIGNED-PAYLOAD" : "";
}

}  // namespace pgbackup
