#include "common/store/signatures.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "common/base/error.h"

namespace pgbackup {
namespace {

constexpr const char* kSignKey = "BACKUP_SIGN_KEY";
constexpr const char* kVerifyKey = "BACKUP_VERIFY_KEY";

/// Runs `parse` and puts the name of the setting before its complaint.
template <class Parse>
auto naming(const char* name, const Parse& parse) {
  try {
    return parse();
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}{}", name, error.message(),
                                          error.hint().empty() ? "" : "; " + error.hint()));
  }
}

/// Returns whether the file of the private key may be read by users other than its owner and group.
bool is_readable_by_all(const Environment& environment) {
  const auto file = environment.find(fmt::format("{}_FILE", kSignKey));
  struct stat info {};
  return file != environment.end() && stat(file->second.c_str(), &info) == 0 &&
         (info.st_mode & S_IROTH) != 0;
}

}  // namespace

bool Signatures::accept(std::string_view bytes, std::string_view signature) const {
  return std::any_of(trusted.begin(), trusted.end(), [&](const std::string& public_key) {
    return is_signed_by(public_key, bytes, signature);
  });
}

std::vector<Option> sign_key_rows(SignatureConfig& config) {
  return {{.name = kSignKey,
           .value = &config.sign_key,
           .help = "Private key of Ed25519 in PEM, with which each manifest is signed. Unset: "
                   "nothing is signed."}};
}

std::vector<Option> verify_key_rows(SignatureConfig& config) {
  return {{.name = kVerifyKey,
           .value = &config.verify_keys,
           .help = "Public keys of Ed25519, in PEM or the Base64 of it, several during a rotation: "
                   "only backups count that one of them has signed. Unset: signatures are not "
                   "looked at.",
           .rotates = true}};
}

Signatures signatures_of(const SignatureConfig& config) {
  Signatures signatures;
  if (!config.sign_key.empty()) {
    signatures.key = naming(kSignKey, [&] { return SigningKey(config.sign_key.reveal()); });
  }
  if (!config.verify_keys.empty()) {
    signatures.trusted = naming(kVerifyKey, [&] { return parse_public_keys(config.verify_keys); });
  }
  const std::vector<std::string>& trusted = signatures.trusted;
  if (signatures.key && signatures.are_wanted() &&
      std::find(trusted.begin(), trusted.end(), signatures.key->public_key()) == trusted.end()) {
    throw Error(ErrorKind::usage,
                fmt::format("{} does not hold the public key of {}, so that no backup made now "
                            "would count",
                            kVerifyKey, kSignKey));
  }
  return signatures;
}

void check_signatures(const SignatureConfig& config, ParsedOptions& parsed,
                      const Environment& environment) {
  try {
    static_cast<void>(signatures_of(config));
  } catch (const Error& error) {
    parsed.problems.push_back(error.message());
  }
  if (!config.sign_key.empty() && is_readable_by_all(environment)) {
    parsed.notes.push_back(fmt::format(
        "the file of {}_FILE can be read by every user of the machine, and whoever reads it can "
        "sign backups: chmod o= it",
        kSignKey));
  }
}

}  // namespace pgbackup
