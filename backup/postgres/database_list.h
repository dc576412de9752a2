// Which databases a run takes: what the user lists, or all that the server has. Nothing here dumps:
// backup/dump does.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/connection.h"
#include "common/base/log.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

struct DatabaseSelection {
  std::vector<std::string>
      names;         ///< as listed, without repeats; empty: the database of the connection
  bool all = false;  ///< replaces `names` by what the server has at the time of the run
  std::vector<std::string> exclude;  ///< names, or patterns with `*`, `?` and `[...]`
};

/// Returns the words of split_list() without repeats. Throws `usage`.
[[nodiscard]] std::vector<std::string> parse_names(std::string_view text);

/// Parses a list as parse_names() does; the unquoted word `all` alone means all databases. Throws
/// `usage`.
[[nodiscard]] DatabaseSelection parse_databases(std::string_view text);

struct FoundDatabases {
  std::vector<std::string> names;  ///< at least one
  /// Names what the server has beside `names`, where all are wanted: without what the user
  /// excludes, template0, template1 and what is the provider's own.
  std::vector<LeftOut> left_out;
};

/// Returns why a run for all databases cannot or does not take one, or "". `row` is one of
/// pg_database: whether it accepts connections, is a template, is what an interrupted DROP DATABASE
/// left, and whether the role may connect; each `t` or `f`.
[[nodiscard]] std::string reason_to_leave_out(const std::vector<std::string>& row);

/// Returns the databases of a run. Asks the server where `selection` does not name them: every
/// database counts that accepts connections, is no template and not the provider's own, and that
/// the role may connect to. Logs what is left out. Throws `failed` when no database remains.
[[nodiscard]] FoundDatabases find_databases(const DatabaseSelection& selection, const PgConfig& pg,
                                            Log& log, const std::stop_token& stop);

}  // namespace pgbackup
