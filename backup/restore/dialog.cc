#include "backup/restore/dialog.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>
#include <vector>

#include "backup/postgres/connection.h"
#include "backup/restore/target_database.h"
#include "backup/restore/terminal.h"
#include "common/base/error.h"
#include "common/base/output.h"
#include "common/base/units.h"
#include "common/catalog/catalog.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/progress.h"

namespace pgbackup {
namespace {

/// Asks until the answer is a number from 1 to `count`, and returns it.
size_t ask_number(size_t count, const std::stop_token& stop) {
  while (true) {
    const std::string text = ask_line(fmt::format("Restore which one? [{}] ", count), stop);
    if (text.empty()) return count;
    size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number >= 1 &&
        number <= count) {
      return number;
    }
    print(stderr, fmt::format("Enter a number from 1 to {}.\n", count));
  }
}

}  // namespace

FoundBackup ask_which_backup(const Destinations& destinations, const Adoption& adoption,
                             const Clock& clock, Log& log, const std::stop_token& stop) {
  std::vector<FoundBackup> found = find_backups(destinations, adoption, clock, log);
  std::erase_if(
      found, [](const FoundBackup& one) { return one.backup.group.kind() == GroupKind::cluster; });
  if (found.empty()) {
    throw Error(ErrorKind::not_found,
                fmt::format("there is no backup in {}", locations(all_of(destinations), "")));
  }
  for (size_t i = 0; i < found.size(); ++i) {
    const auto& [destination, backup, is_future] = found[i];
    print(stderr, fmt::format("{:>4}  {}  {}  {}{}{}{}\n", i + 1, format_iso(backup.time),
                              group_title(backup.group), format_bytes(backup.bytes),
                              destination->name().empty() ? "" : "  ", destination->name(),
                              is_future ? "  (dated in the future)" : ""));
  }
  const FoundBackup& chosen = found[ask_number(found.size(), stop) - 1];
  refuse_damaged(chosen, log);
  return chosen;
}

RestoreRequest ask_where_to(const Backup& backup, const PgConfig& pg, RestoreRequest request,
                            const std::stop_token& stop) {
  if (backup.group == Group::globals()) return request;
  if (!request.output.empty() || !request.target_database.empty()) return request;
  const std::string proposal =
      backup.group.is_named() ? backup.group.name() + "_restored" : "restored";
  request.target_database = ask_line(fmt::format("Into which database? [{}] ", proposal), stop);
  if (request.target_database.empty()) request.target_database = proposal;
  request.yes = request.yes || !request.clean;  // who names the target has agreed
  if (!request.clean) {
    PgConnection server = connect_maintenance(pg, stop);
    request.create = !database_exists(server, request.target_database);
  }
  return request;
}

}  // namespace pgbackup
