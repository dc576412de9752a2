// What a file of pg_dump is, told from its bytes: names and suffixes may lie.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/catalog/key_grammar.h"

namespace pgbackup {

/// As many bytes from the start as format_of() wants to see.
inline constexpr size_t kFormatBytes = 64;

/// From the first bytes of what is not compressed (any more); nullopt for what pg_dump did not
/// write as one database's dump, such as pg_dumpall's.
[[nodiscard]] std::optional<DumpFormat> format_of(std::string_view head);

/// The first pg_restore that knows the version of the archive with that head, as
/// server_version_num; 0: all that are still in use do.
[[nodiscard]] int least_pg_restore(std::string_view head);

/// As many bytes from the end as is_complete_sql() looks at.
inline constexpr size_t kEndBytes = 4096;

/// Whether plain SQL that ends in `end` ends as pg_dump ends it.
[[nodiscard]] bool is_complete_sql(std::string_view end);

/// The digest in what `sha256sum FILE` prints, in small letters. Throws `corrupt`.
[[nodiscard]] std::string parse_sha256sum(std::string_view text);

}  // namespace pgbackup
