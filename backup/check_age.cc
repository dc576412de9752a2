#include "backup/check_age.h"

#include <fmt/format.h>

#include <utility>

#include "backup/age_keys.h"
#include "common/base/error.h"
#include "common/catalog/sealed.h"

namespace pgbackup {
namespace {

constexpr const char* kEncryptionArea = "Encryption";

void try_recipients(const AgeKeys& keys, Findings& findings) {
  try {
    const AgeTrial trial = try_encrypting(keys);
    findings.push_back(
        {.area = kEncryptionArea,
         .subject = "recipients",
         .sentence = fmt::format("age {} encrypts for {}", trial.version, trial.recipients)});
    if (trial.recipients > 1) return;
    findings.push_back({.level = FindingLevel::attention,
                        .area = kEncryptionArea,
                        .subject = "recipients",
                        .sentence = kOneRecipient,
                        .advice = kOneRecipientHint});
  } catch (...) {
    findings.push_back(
        finding_of(current_failure(), FindingLevel::attention, kEncryptionArea, "recipients"));
  }
}

void try_identities(AgeOptions& options, Findings& findings) {
  try {
    read_identities(options);
  } catch (...) {
    Finding finding =
        finding_of(current_failure(), FindingLevel::attention, kEncryptionArea, "identities");
    finding.is_fatal = false;  // backups are made without them
    findings.push_back(std::move(finding));
  }
}

}  // namespace

Findings check_age(AgeOptions& options) {
  Findings findings;
  if (options.encrypts()) try_recipients(options.keys, findings);
  if (!options.identity_files.empty()) try_identities(options, findings);
  return findings;
}

Findings check_opening(Store& store, const std::string& area,
                       const std::vector<GroupBackups>& groups, const AgeKeys* keys) {
  Findings findings;
  if (keys == nullptr) return findings;
  for (const GroupBackups& entry : groups) {
    if (!entry.seen || !entry.seen->manifest || !entry.seen->damage.empty()) continue;
    Manifest manifest = *entry.seen->manifest;
    if (!manifest.is_encrypted()) continue;
    const std::string subject = "identities for " + group_title(entry.group);
    try {
      open_private(store, *entry.newest, manifest, keys);
      findings.push_back(
          {.area = area,
           .subject = subject,
           .sentence = fmt::format("they open the newest backup, {}", entry.newest->id)});
    } catch (...) {
      Finding finding = finding_of(current_failure(), FindingLevel::attention, area, subject);
      finding.is_fatal = false;
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

}  // namespace pgbackup
