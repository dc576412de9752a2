// What goes into a dump and how it is stored: the settings about it, and the resulting arguments of
// pg_dump. Pure.
// https://www.postgresql.org/docs/current/app-pgdump.html
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/dump/dump_flags.h"
#include "backup/postgres/contents.h"
#include "common/base/options.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/packing.h"

namespace pgbackup {

struct DumpOptions {
  StreamFormat format = StreamFormat::custom;
  Packing packing{};
  PackingEffort effort{};
  bool is_native = false;  ///< pg_dump compresses its archive itself, and nothing packs it
  std::chrono::seconds lock_timeout = std::chrono::minutes(15);  ///< 0: none
  CountRows count_rows = CountRows::cheap;            ///< what is noted for a verification
  std::optional<std::chrono::seconds> run_timeout{};  ///< limit of pg_dump's run time; unset: none

  // As the user wrote them
  std::string exclude_tables{};
  std::string exclude_table_data{};
  std::string include_schemas{};
  std::string exclude_schemas{};
  bool schema_only = false;
  std::string further{};  ///< value of PGDUMP_OPTIONS

  // After check_dump_options():
  std::vector<std::string> arguments{};  ///< what pg_dump is told to take or to leave out
  std::vector<GivenDumpFlag> flags{};    ///< the meaning of `arguments`
};

/// Returns the rows of the option table, which point into `options`.
[[nodiscard]] std::vector<Option> dump_rows(DumpOptions& options);

/// Begins the complaint about `native` for what pg_dump does not write as an archive.
inline constexpr std::string_view kNativeIsOfArchives =
    "BACKUP_COMPRESSION=native is pg_dump's own compression of its archive";

/// Fills `arguments` and `flags`, and appends one sentence to `problems` for each mistake in the
/// settings.
void check_dump_options(DumpOptions& options, std::vector<std::string>& problems);

/// Returns the arguments of pg_dump without those of the connection. The dump is in `encoding`,
/// that of the database, whatever a role, a database or the environment would have sessions begin
/// with: another one may lack a character. An `--encoding` of the user's is stronger.
[[nodiscard]] std::vector<std::string> dump_arguments(const DumpOptions& options,
                                                      std::string_view encoding);

/// Returns the arguments of pg_dumpall for roles and tablespaces, without those of the connection.
/// The SQL is in UTF-8, as our connections are.
[[nodiscard]] std::vector<std::string> globals_arguments(bool with_passwords);

}  // namespace pgbackup
