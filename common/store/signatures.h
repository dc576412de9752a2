// Who signs what a store commits, and whose signature a manifest must have to be believed. The
// settings are those of both programs: a writer has the private key, a reader the public ones.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/options.h"
#include "common/base/secret.h"
#include "common/codec/ed25519.h"

namespace pgbackup {

/// Holds the keys that one store works with; none by default.
struct Signatures {
  std::optional<SigningKey> key{};     ///< signs what is committed
  std::vector<std::string> trusted{};  ///< public keys; empty: nothing need be signed

  [[nodiscard]] bool are_wanted() const { return !trusted.empty(); }
  /// Returns whether one of the trusted keys has signed `bytes`.
  [[nodiscard]] bool accept(std::string_view bytes, std::string_view signature) const;
};

struct SignatureConfig {
  Secret sign_key{};          ///< value of BACKUP_SIGN_KEY
  std::string verify_keys{};  ///< value of BACKUP_VERIFY_KEY
};

/// Returns the row of the private key, for the program that writes.
[[nodiscard]] std::vector<Option> sign_key_rows(SignatureConfig& config);
/// Returns the row of the public keys, for both programs.
[[nodiscard]] std::vector<Option> verify_key_rows(SignatureConfig& config);

/// Adds a sentence to `parsed` for each key that is none, for a private key that every user of the
/// machine may read, and for a private key whose public key is not among those that are trusted.
void check_signatures(const SignatureConfig& config, ParsedOptions& parsed,
                      const Environment& environment);

/// Returns the keys that `config` holds. Throws `usage` for what check_signatures() complains of.
[[nodiscard]] Signatures signatures_of(const SignatureConfig& config);

}  // namespace pgbackup
