// The private part of an encrypted backup: what its manifest does not say, encrypted for the same
// recipients as the data, in an object beside it. age keeps the object from readers, not from
// writers: whoever may write to the store can put another one in its place.
#pragma once

#include <string>

#include "common/catalog/catalog.h"
#include "common/catalog/manifest.h"
#include "common/codec/age.h"
#include "common/store/store.h"

namespace pgbackup {

/// Returns the sealed object of a backup. Throws `failed` when age fails, and when the object would
/// be larger than kMaxSmallObject.
[[nodiscard]] std::string seal_private(const Manifest& manifest, const AgeKeys& keys);

/// Reads the sealed object of `backup` and fills the private fields of `manifest` in, which
/// read_manifest() has returned. Does nothing where they are known, as of every backup that is not
/// encrypted. Throws `denied` where there are no `keys` and where no identity opens the object, and
/// names the recipients that do; `corrupt` for an object that is missing, of another size or
/// SHA-256, or not what seal_private() returns.
void open_private(Store& store, const Backup& backup, Manifest& manifest, const AgeKeys* keys);

/// Throws `denied` as open_private() does without keys, for work that needs the private fields.
void require_private(const Manifest& manifest);

}  // namespace pgbackup
