#include "backup/restore/announce.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "backup/postgres/hosts.h"
#include "common/base/units.h"

namespace pgbackup {

std::string describe_server(PgConnection& server, const PgConfig& config) {
  std::vector<std::string> places;
  for (const PgPlace& place : list_places(connection_settings(config))) {
    places.push_back(fmt::format("{}:{}", place.host, place.port));
  }
  const std::string where =
      places.empty() ? "libpq's default server" : fmt::format("{}", fmt::join(places, ","));
  return fmt::format("{} as {}", where, server.query("SELECT session_user").at(0).at(0));
}

std::string announce(const Backup& backup, const RestoreRequest& request, Novelty novelty,
                     const std::string& server, UtcTime now) {
  const char* kind = "";
  switch (novelty) {
    case Novelty::is_new:
      kind = "the new database ";
      break;
    case Novelty::exists:
      kind = "the existing database ";
      break;
    case Novelty::is_replaced:
      kind = "a new database in place of ";
      break;
  }
  const std::vector<std::string> flags = part_flags(request.part);
  return fmt::format("{} of {} ({} old){} into {}{} on {}", group_title(backup.group),
                     format_iso(backup.time), format_age(now - backup.time),
                     flags.empty() ? "" : fmt::format(", of it {},", fmt::join(flags, " ")), kind,
                     request.target_database, server);
}

}  // namespace pgbackup
