// Which databases a run takes: what the user lists, or all that the server has.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "backup/pg.h"
#include "common/base/log.h"

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

/// Asks the server where `selection` does not name them: then every database that accepts
/// connections, is no template and not the provider's own, and that the role may connect to; what
/// is left out for the latter two reasons is logged. Throws `failed` when none is left.
[[nodiscard]] std::vector<std::string> find_databases(const DatabaseSelection& selection,
                                                      const PgConfig& pg, Log& log,
                                                      const std::stop_token& stop);

}  // namespace pgbackup
