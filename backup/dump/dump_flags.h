// The options of pg_dump that a user may add, and what each does to the dump. One table for
// PostgreSQL 13 to 19; a test compares it with what the installed pg_dump says itself. Pure.
// https://www.postgresql.org/docs/current/app-pgdump.html
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/catalog/key_grammar.h"

namespace pgbackup {

/// Says whether something is missing after a restore because of an option.
enum class DumpEffect {
  whole,     ///< nothing is missing
  part,      ///< objects, rows or their properties are missing
  sql_part,  ///< objects are missing in plain SQL; archives hold everything all the same
};

struct DumpFlag {
  std::string_view name;
  char letter = 0;  ///< 0: no letter
  bool takes_value = false;
  DumpEffect effect = DumpEffect::whole;
  std::string_view refusal = {};  ///< why the option is refused; empty: it is allowed
};

[[nodiscard]] std::span<const DumpFlag> dump_flags();

/// Holds an option as given. One that the table does not know counts as an option that leaves
/// something out, since a newer pg_dump may have it.
struct GivenDumpFlag {
  std::string name;  ///< the name in full
  std::string value{};
  DumpEffect effect = DumpEffect::part;
};

/// Parses words as getopt_long() does for pg_dump. Throws `usage` for an option that is refused,
/// for an abbreviation that fits several options, for a value that is missing or not wanted, and
/// for a word that is no option.
[[nodiscard]] std::vector<GivenDumpFlag> parse_dump_flags(std::span<const std::string> words);

/// Returns the options because of which something is missing, in full: for the manifest.
[[nodiscard]] std::vector<std::string> selection_of(std::span<const GivenDumpFlag> flags,
                                                    StreamFormat format);

/// Returns whether pg_dump would take the large objects that there are. Only a filter file may
/// still leave them out.
[[nodiscard]] bool takes_large_objects(std::span<const GivenDumpFlag> flags);

}  // namespace pgbackup
