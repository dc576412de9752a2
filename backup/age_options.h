// Encryption as the user asks for it: for whom, and with which keys it is opened. Pure: the files
// of identities are read and the program is asked in age_keys.h.
// https://age-encryption.org
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/options.h"
#include "common/codec/age.h"

namespace pgbackup {

struct BackupConfig;

struct AgeOptions {
  std::string recipients{};  ///< value of BACKUP_AGE_RECIPIENTS, or of its file
  /// Holds the value of BACKUP_AGE_IDENTITY_FILE: paths, split at commas and whitespace.
  std::filesystem::path identity_files{};
  AgeKeys keys{};  ///< what these come to

  /// Returns whether backups are encrypted.
  [[nodiscard]] bool encrypts() const { return !keys.recipients.empty(); }
  /// Returns the keys for reading; nullptr: there are none.
  [[nodiscard]] const AgeKeys* for_reading() const {
    return keys.identities.empty() ? nullptr : &keys;
  }
};

inline constexpr std::string_view kAgeRecipients = "BACKUP_AGE_RECIPIENTS";
inline constexpr std::string_view kAgeIdentityFile = "BACKUP_AGE_IDENTITY_FILE";

/// Returns rows of the option table. They point into `options`, which must outlive them.
[[nodiscard]] std::vector<Option> age_recipient_rows(AgeOptions& options);
[[nodiscard]] std::vector<Option> age_identity_rows(AgeOptions& options);

/// Says how recipients are written: in a variable, or in a file as `age -R` reads it.
enum class RecipientsForm { list, file };

/// Returns whether the text holds a secret key of age or SSH, or a file of such keys that a
/// passphrase protects.
[[nodiscard]] bool holds_secret_key(std::string_view text);

/// Returns recipients as `age -R` reads them, one a line. A list has commas or line breaks between
/// its elements; an element is an SSH key with its comment, or other recipients with whitespace
/// between them. Throws `usage`, without quoting any of it, for a secret key, and where no
/// recipient is named. Whether a recipient is one, age knows.
[[nodiscard]] std::string parse_recipients(std::string_view text, RecipientsForm form);

/// Has backups encrypted where there are recipients. A secret key in place of a recipient, or of
/// the path of its file, is forgotten, so that nothing shows it. Appends to the problems and notes
/// of `parsed`. Keeps a reference to `config`.
void check_encryption(BackupConfig& config, ParsedOptions& parsed);

/// Makes the recipients those of the keys after reread_secrets(). Returns why the previous ones
/// had to be kept; empty: they did not.
[[nodiscard]] std::string take_reread_recipients(AgeOptions& options, const ParsedOptions& parsed);

}  // namespace pgbackup
