// Which databases a run takes: what the user lists, or all that the server has.
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
  std::vector<std::string> names;    ///< as listed, each once; empty: the connection's own
  bool all = false;                  ///< in place of `names`: what the server has at that time
  std::vector<std::string> exclude;  ///< names, or patterns with `*`, `?` and `[...]`
};

/// The words of split_list(), each once. Throws `usage`.
[[nodiscard]] std::vector<std::string> parse_names(std::string_view text);

/// The same, of which the unquoted word `all` alone means all databases.
[[nodiscard]] DatabaseSelection parse_databases(std::string_view text);

struct FoundDatabases {
  std::vector<std::string> names;  ///< at least one
  /// Where all are wanted: what the server has beside them, other than what the user excludes,
  /// template0, template1 and what is the provider's own.
  std::vector<LeftOut> left_out;
};

/// Why a run for all databases cannot or does not take one, or "". A row of pg_database: whether it
/// accepts connections, is a template, is what an interrupted DROP DATABASE left, and whether the
/// role may connect; each `t` or `f`.
[[nodiscard]] std::string reason_to_leave_out(const std::vector<std::string>& row);

/// Asks the server where `selection` does not name them: then every database that accepts
/// connections, is no template and not the provider's own, and that the role may connect to. What
/// is left out is logged. Throws `failed` when none is left.
[[nodiscard]] FoundDatabases find_databases(const DatabaseSelection& selection, const PgConfig& pg,
                                            Log& log, const std::stop_token& stop);

}  // namespace pgbackup
