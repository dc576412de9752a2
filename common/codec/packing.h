// How the bytes of a stream are stored, and the only place that packs and unpacks them: compression
// first, then encryption.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/codec/age.h"
#include "common/codec/gzip.h"
#include "common/codec/sink.h"
#include "common/codec/zstd.h"

namespace pgbackup {

enum class Compression { zstd, gzip, none };
enum class Encryption { none, age };

/// Says what unpack() must undo. Manifests store it, and the suffix of a file shows it.
struct Packing {
  Compression compression = Compression::zstd;
  Encryption encryption = Encryption::none;
};

/// Says how hard pack() works, and for whom it encrypts. Readers need not know.
struct PackingEffort {
  int zstd_level = 3;               ///< kMinZstdLevel to kMaxZstdLevel
  int zstd_threads = kZstdThreads;  ///< 1 to kMaxZstdThreads
  int gzip_level = 6;               ///< kMinGzipLevel to kMaxGzipLevel
  const AgeKeys* keys = nullptr;    ///< with Encryption::age: outlive what pack() makes
};

/// Returns `zstd`, `gzip` or `none`: the name in manifests and settings.
[[nodiscard]] std::string_view compression_name(Compression compression);
/// Returns the compression of that name; nullopt for any other text.
[[nodiscard]] std::optional<Compression> parse_compression(std::string_view name);

/// Returns the name in manifests: `none` or `age`.
[[nodiscard]] std::string_view encryption_name(Encryption encryption);
/// Returns the encryption of that name; nullopt for any other text.
[[nodiscard]] std::optional<Encryption> parse_encryption(std::string_view name);

/// Returns the end of a file's name: `.zst`, `.gz` or nothing, and then `.age` or nothing.
[[nodiscard]] std::string_view packing_suffix(const Packing& packing);

/// Makes a stage that packs what is written to it and passes the result on to `next`, which must
/// outlive it.
[[nodiscard]] std::unique_ptr<Sink> pack(Sink& next, const Packing& packing,
                                         const PackingEffort& effort);
/// Returns what pack() passes on for `bytes`, packed in the calling thread.
[[nodiscard]] std::string pack_bytes(std::string_view bytes, const Packing& packing,
                                     const PackingEffort& effort);
/// Makes the stage that undoes pack(). `keys` outlive the stage. Throws `denied` for what is
/// encrypted where there are no `keys`. The stage throws `corrupt` from write() and finish() for
/// bytes that pack() has not written, and `denied` where no key opens them.
[[nodiscard]] std::unique_ptr<Sink> unpack(Sink& next, const Packing& packing,
                                           const AgeKeys* keys = nullptr);

/// Makes a stage that undoes gzip and zstd as often as the bytes begin like it, twice at most, and
/// age once: a script may have packed a dump, and the program that carried the dump away packed it
/// again and encrypted it. `keys` outlive the stage, which throws `denied` for what is encrypted
/// where there are none, and where no key opens it.
[[nodiscard]] std::unique_ptr<Sink> unpack_by_content(Sink& next, const AgeKeys* keys = nullptr);

}  // namespace pgbackup
