#include "backup/age_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/config.h"
#include "common/base/error.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

constexpr const char* kRecipientForms =
    "a recipient is age1..., or an SSH key as in id_ed25519.pub; `age-keygen -y KEYFILE` shows "
    "that of an identity";

/// Returns what stands before the next of `separators`, and takes both away.
std::string_view take_until(std::string_view& text, std::string_view separators) {
  const std::string_view part = text.substr(0, text.find_first_of(separators));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

bool is_ssh(std::string_view word) { return word.starts_with("ssh-"); }

/// Appends the recipients of one element of a list, each as a line. Where an SSH key ends, nothing
/// says: the rest is its comment.
void add_element(std::string& lines, std::string_view element) {
  while (!(element = trimmed(element)).empty()) {
    if (!is_ssh(element)) {
      lines += fmt::format("{}\n", take_until(element, kWhitespace));
      continue;
    }
    std::string_view words = element;
    static_cast<void>(take_until(words, kWhitespace));
    while (!(words = trimmed(words)).empty()) {
      const std::string_view word = take_until(words, kWhitespace);
      if (!is_ssh(word) && !word.starts_with("age1")) continue;
      throw Error(ErrorKind::usage, "what follows an SSH key is its comment, not a recipient",
                  "write each SSH key on a line of its own, or put commas between recipients");
    }
    lines += fmt::format("{}\n", element);
    return;
  }
}

/// Returns the form in which the recipients are written.
RecipientsForm form_of(const ParsedOptions& parsed) {
  const auto row = std::find_if(parsed.settings.begin(), parsed.settings.end(),
                                [](const Setting& one) { return one.name == kAgeRecipients; });
  const bool is_file = row != parsed.settings.end() && row->source == "file";
  return is_file ? RecipientsForm::file : RecipientsForm::list;
}

/// Forgets the value of the row, which is no setting but a secret.
void hide(std::string_view name, ParsedOptions& parsed) {
  for (Setting& setting : parsed.settings) {
    if (setting.name != name) continue;
    wipe(setting.value);
    setting.value = "(a secret key)";
  }
}

void check_recipients(AgeOptions& options, ParsedOptions& parsed) {
  if (options.recipients.empty()) return;
  try {
    options.keys.recipients = parse_recipients(options.recipients, form_of(parsed));
  } catch (const Error& error) {
    parsed.problems.push_back(
        fmt::format("{}: {}; {}", kAgeRecipients, error.message(), error.hint()));
    if (!holds_secret_key(options.recipients)) return;
    wipe(options.recipients);
    hide(kAgeRecipients, parsed);
  }
}

void check_identity_path(AgeOptions& options, ParsedOptions& parsed) {
  if (!holds_secret_key(options.identity_files.string())) return;
  parsed.problems.push_back(fmt::format(
      "{}: THIS IS A SECRET KEY, and not the path of a file that holds it", kAgeIdentityFile));
  options.identity_files.clear();
  hide(kAgeIdentityFile, parsed);
}

}  // namespace

std::vector<Option> age_recipient_rows(AgeOptions& options) {
  return {
      {.name = kAgeRecipients,
       .value = Lines{&options.recipients},
       .help = "Encrypts everything that is stored, by the program age, for these recipients "
               "(`age1...`, SSH keys), split at commas and line breaks; the file is as `age -R` "
               "reads it. Name two at least: who has lost all keys has no backups.",
       .rotates = true},
  };
}

std::vector<Option> age_identity_rows(AgeOptions& options) {
  return {
      {.name = kAgeIdentityFile,
       .value = &options.identity_files,
       .help = "The file with the secret keys (`AGE-SECRET-KEY-1...`) or the SSH key that open "
               "encrypted backups; several with commas between them. Keep it away from where "
               "backups are made.",
       .names_secret = true},
  };
}

bool holds_secret_key(std::string_view text) {
  const std::string lower = lower_case(text);
  const auto has = [&](std::string_view part) { return lower.find(part) != std::string::npos; };
  // The last is the begin of an OpenSSH key without the lines around it.
  return has("age-secret-key-") || has("private key-----") || has("age encrypted file-----") ||
         has("age-encryption.org/v") || text.find("b3BlbnNzaC1rZXktdjE") != std::string::npos;
}

std::string parse_recipients(std::string_view text, RecipientsForm form) {
  if (holds_secret_key(text)) {
    throw Error(ErrorKind::usage,
                "THIS IS A SECRET KEY, and whoever reads it here can read every backup that it "
                "opens: name its recipient instead, and take a new key",
                kRecipientForms);
  }
  std::string lines;
  while (!text.empty()) {
    std::string_view line = take_until(text, "\n");
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trimmed(line).empty() || trimmed(line).starts_with('#')) continue;
    if (form == RecipientsForm::file) {
      lines += fmt::format("{}\n", trimmed(line));
      continue;
    }
    while (!line.empty()) add_element(lines, take_until(line, ","));
  }
  if (lines.empty()) throw Error(ErrorKind::usage, "it names no recipient", kRecipientForms);
  return lines;
}

void check_encryption(BackupConfig& config, ParsedOptions& parsed) {
  check_recipients(config.age, parsed);
  check_identity_path(config.age, parsed);
  if (!config.age.encrypts()) return;
  config.dump.packing.encryption = Encryption::age;
  config.dump.effort.keys = &config.age.keys;
  if (parsed.verb != "serve") return;
  if (!config.age.identity_files.empty()) {
    parsed.notes.push_back(
        fmt::format("{} has no effect on serve: keep the keys away from where backups are made",
                    kAgeIdentityFile));
  }
  if (config.verify.schedule && config.verify.depth != VerifyDepth::stored) {
    parsed.problems.emplace_back(
        "VERIFY_SCHEDULE: the daemon has no key to the backups that it encrypts: set "
        "VERIFY_DEPTH=stored, or start `pg-backup verify` where BACKUP_AGE_IDENTITY_FILE is");
  }
}

std::string take_reread_recipients(AgeOptions& options, const ParsedOptions& parsed) {
  if (options.recipients.empty() || form_of(parsed) != RecipientsForm::file) return "";
  try {
    options.keys.recipients = parse_recipients(options.recipients, RecipientsForm::file);
    return "";
  } catch (const Error& error) {
    wipe(options.recipients);
    options.recipients = options.keys.recipients;
    return fmt::format("{}: the previous recipients are kept: {}", kAgeRecipients, error.message());
  }
}

}  // namespace pgbackup
