#include "backup/restore/request.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "backup/restore/terminal.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/old_layouts.h"

namespace pgbackup {
namespace {

std::vector<Option> source_rows(RestoreRequest& request) {
  return {
      {.name = "--database",
       .value = &request.database,
       .help = "restore: the database that was backed up (default: DB)"},
      {.name = "--globals",
       .value = &request.globals,
       .help = "restore: roles and tablespaces, into the whole server"},
      {.name = "--id", .value = &request.id, .help = "restore: a backup's id, or latest (default)"},
  };
}

std::vector<Option> target_rows(RestoreRequest& request) {
  return {
      {.name = "--target-database",
       .value = &request.target_database,
       .help = "restore: into this database (default: the same name)"},
      {.name = "--create",
       .value = &request.create,
       .help = "restore: create the target database like the dumped one"},
      {.name = "--locale",
       .value = &request.locale,
       .help = "restore --create: this locale of the server in place of the dumped one"},
      {.name = "--clean",
       .value = &request.clean,
       .help = "restore: drop what the backup holds before it is restored"},
      {.name = "--output",
       .value = &request.output,
       .help = "restore: write pg_dump's archive to a file, or - for stdout; no database"},
      {.name = "--yes",
       .value = &request.yes,
       .help = "restore: do not ask; --clean and --globals need it where there is no terminal"},
  };
}

std::vector<Option> way_rows(RestoreRequest& request) {
  return {
      {.name = "--no-single-transaction",
       .value = &request.no_single_transaction,
       .help = "restore: commit as it goes; a failure leaves what was restored so far"},
      {.name = "--keep-going",
       .value = &request.keep_going,
       .help = "restore: go on after statements that fail, name them, and end with 1"},
      {.name = "--no-owner",
       .value = &request.no_owner,
       .help = "restore: the restoring role owns everything"},
      {.name = "--no-privileges",
       .value = &request.no_privileges,
       .help = "restore: without grants and revokes"},
      {.name = "--no-comments", .value = &request.no_comments, .help = "restore: without comments"},
      {.name = "--no-tablespaces",
       .value = &request.no_tablespaces,
       .help = "restore: everything into the default tablespace"},
      {.name = "--no-publications",
       .value = &request.no_publications,
       .help = "restore: without publications"},
      {.name = "--role",
       .value = &request.role,
       .help = "restore: SET ROLE to this one before the restore"},
  };
}

void check_id(const std::string& id, const Adoption& adoption, std::vector<std::string>& problems) {
  if (id == "latest" || parse_backup_id(id)) return;
  const std::optional<OldKey> key = parse_old_key(id);
  if (!key || key->is_checksum) {
    problems.push_back("--id: '" + id +
                       "' is not latest or an id such as 20261120T031500Z-9f3a1c2b; "
                       "pg-backup list shows them");
  } else if (!adoption.layouts.contains(key->layout)) {
    problems.push_back(fmt::format("--id: '{}' is of an older system; ADOPT_LAYOUTS={} adopts it",
                                   id, layout_name(key->layout)));
  }
}

void check_flags(const RestoreRequest& request, std::vector<std::string>& problems) {
  const std::vector<std::string> flags = database_flags(request);
  if (!request.output.empty() && !flags.empty()) {
    problems.push_back(fmt::format("--output writes a file as it was dumped: {} {} not go with it",
                                   fmt::join(flags, ", "), flags.size() == 1 ? "does" : "do"));
  }
  if (request.create && request.clean) {
    problems.emplace_back("--create makes a new database, --clean empties an old one; keep one");
  }
  const bool makes_tables = request.part.restores(TocSection::pre_data);
  for (const auto& [is_given, flag] :
       {std::pair(request.create, "--create"), std::pair(request.clean, "--clean")}) {
    if (!is_given || makes_tables) continue;
    problems.push_back(
        fmt::format("{} does not go with a restore that makes no tables: leave out {}", flag,
                    request.part.data_only ? "--data-only" : "--section"));
  }
  if (!request.locale.empty() && !request.create) {
    problems.emplace_back("--locale is of a new database: it needs --create");
  }
}

/// Requires --yes for what cannot be undone, where nobody can be asked.
void check_answer(const RestoreRequest& request, std::vector<std::string>& problems) {
  if (request.yes || can_ask() || !request.output.empty()) return;
  if (request.clean) {
    problems.emplace_back(
        "--clean drops what the target holds: without a terminal to ask on it needs --yes");
  }
  if (request.group() == Group::globals()) {
    problems.emplace_back(
        "roles of the server are altered, with their passwords: without a terminal to ask on that "
        "needs --yes");
  }
}

}  // namespace

bool RestoreRequest::is_by_key() const { return parse_old_key(id).has_value(); }

std::vector<Option> restore_options(RestoreRequest& request) {
  std::vector<Option> rows = source_rows(request);
  std::array further = {target_rows(request), part_options(request.part), way_rows(request)};
  for (std::vector<Option>& more : further) {
    std::move(more.begin(), more.end(), std::back_inserter(rows));
  }
  return rows;
}

void check_restore(const RestoreRequest& request, std::string_view database,
                   const Adoption& adoption, std::vector<std::string>& problems) {
  if (request.globals && !request.database.empty()) {
    problems.emplace_back("--globals and --database are both given; keep one");
  }
  check_id(request.id, adoption, problems);
  const size_t before = problems.size();
  check_part(request.part, problems);
  if (problems.size() == before) check_flags(request, problems);
  check_answer(request, problems);
  if (!request.group().is_named() && database.empty() && !request.is_by_key() &&
      !(request.is_bare() && can_ask())) {
    problems.emplace_back("restore needs --database: the database that was backed up");
  }
}

std::vector<std::string> archive_options(const RestoreRequest& request) {
  std::vector<std::string> options;
  const auto add = [&](bool is_given, const char* option) {
    if (is_given) options.emplace_back(option);
  };
  add(request.no_owner, "--no-owner");
  add(request.no_privileges, "--no-privileges");
  add(request.no_comments, "--no-comments");
  add(request.no_tablespaces, "--no-tablespaces");
  add(request.no_publications, "--no-publications");
  if (!request.role.empty()) options.push_back("--role=" + request.role);
  return options;
}

std::vector<std::string> database_flags(const RestoreRequest& request) {
  std::vector<std::string> flags = archive_options(request);
  const auto add = [&](bool is_given, const char* flag) {
    if (is_given) flags.emplace_back(flag);
  };
  add(request.create, "--create");
  add(request.clean, "--clean");
  add(!request.target_database.empty(), "--target-database");
  add(!request.locale.empty(), "--locale");
  add(request.no_single_transaction, "--no-single-transaction");
  add(request.keep_going, "--keep-going");
  std::vector<std::string> of_part = part_flags(request.part);
  std::move(of_part.begin(), of_part.end(), std::back_inserter(flags));
  return flags;
}

std::vector<std::string> dump_flags(const RestoreRequest& request) {
  std::vector<std::string> flags = database_flags(request);
  if (!request.database.empty()) flags.emplace_back("--database");
  if (request.globals) flags.emplace_back("--globals");
  if (!request.output.empty()) flags.emplace_back("--output");
  return flags;
}

}  // namespace pgbackup
