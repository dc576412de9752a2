// What a file of pg_dump is, told from its bytes, since names and suffixes may lie.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/catalog/key_grammar.h"

namespace pgbackup {

/// Says how many bytes from the start format_of() wants to see.
inline constexpr size_t kFormatBytes = 64;

/// Returns the format of a dump with these first bytes, uncompressed, or nullopt for what pg_dump
/// did not write as one database's dump, such as pg_dumpall's output.
[[nodiscard]] std::optional<StreamFormat> format_of(std::string_view head);

/// Returns the first pg_restore that knows the version of the archive with these first bytes, as
/// server_version_num; 0 when all that are still in use know it.
[[nodiscard]] int least_pg_restore(std::string_view head);

/// Says how many bytes from the end is_complete_sql() looks at.
inline constexpr size_t kEndBytes = 4096;

/// Returns whether plain SQL with these last bytes ends as pg_dump ends it.
[[nodiscard]] bool is_complete_sql(std::string_view end);

/// Returns the digest in what `sha256sum FILE` prints, in lowercase. Throws `corrupt`.
[[nodiscard]] std::string parse_sha256sum(std::string_view text);

}  // namespace pgbackup
