// The keys of a process: finds the program age, tries it before the first backup, and reads the
// files of identities, of which one that a passphrase protects is opened on the terminal, once.
#pragma once

#include <string>

#include "backup/age_options.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/codec/age.h"

namespace pgbackup {

/// Fills in the program, as PATH finds it, and its environment. `environment` is that of child
/// processes, without secrets. Where there is no program, its path remains empty.
void find_age(AgeKeys& keys, const Environment& environment);

/// Says what encrypts.
struct AgeTrial {
  std::string version;    ///< as the program tells it
  size_t recipients = 0;  ///< distinct ones
};

/// Advises to name more recipients than one.
inline constexpr const char* kOneRecipient =
    "there is one recipient only: without its key, no backup can be read";
inline constexpr const char* kOneRecipientHint =
    "add a second recipient, whose key lies in another place";

/// Encrypts nothing for the recipients. Throws `usage` where there is no program, and with age's
/// own words where it refuses a recipient or a mix of them.
[[nodiscard]] AgeTrial try_encrypting(const AgeKeys& keys);

/// Where backups are encrypted, tries the program, notes its version and logs it. Warns of a single
/// recipient.
void begin_encrypting(AgeOptions& options, Log& log);

/// Reads the files of identities. One that a passphrase protects has age ask for it on the
/// terminal. Throws `usage` for a file that cannot be read or holds no identity, and where a
/// passphrase is needed and there is no terminal; `denied` for a wrong passphrase.
void read_identities(AgeOptions& options);

}  // namespace pgbackup
