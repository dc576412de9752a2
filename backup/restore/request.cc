#include "backup/restore/request.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "backup/restore/at_time.h"
#include "backup/restore/terminal.h"
#include "common/base/printable.h"
#include "common/catalog/backup_name.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/old_layouts.h"

namespace pgbackup {
namespace {

std::vector<Option> source_rows(RestoreRequest& request) {
  return {
      {.name = "--database",
       .value = &request.database,
       .help = "restore: the database that was backed up (default: DB); list: only its backups",
       .verbs = {"restore", "list"}},
      {.name = "--globals",
       .value = &request.globals,
       .help = "restore: roles and tablespaces, into the whole server"},
      {.name = "--all",
       .value = &request.all,
       .help = "restore: roles, tablespaces and every database that one run has backed up; verify: "
               "every backup, in place of the newest of each database",
       .verbs = {"restore", "verify"}},
      {.name = "--id",
       .value = &request.id,
       .help = "restore: a backup's id, its beginning or GROUP/ID, or latest (default)"},
      {.name = "--at",
       .value = &request.at,
       .help = "restore: the newest backup until this time, such as '2026-11-20 03:15'"},
      {.name = "--input",
       .value = &request.input,
       .help = "restore: this file of pg_dump, plain or compressed, in place of a backup"},
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
      {.name = "--replace",
       .value = &request.replace,
       .help = "restore: beside the existing database, and then swap the names"},
      {.name = "--dry-run",
       .value = &request.dry_run,
       .help = "restore: check everything and say what would be done; touch nothing"},
      {.name = "--jobs",
       .value = Number{&request.jobs, 1, 64},
       .help = "restore --create, --replace: so many tables at once; takes a temporary file of the "
               "archive's size in TMPDIR"},
      {.name = "--no-analyze",
       .value = &request.no_analyze,
       .help = "restore: without ANALYZE afterwards"},
      {.name = "--output",
       .value = &request.output,
       .help = "restore: write pg_dump's archive to a file, or - for stdout; no database"},
      {.name = "--yes",
       .value = &request.yes,
       .help =
           "restore: do not ask; --clean, --replace, --globals need it where there is no terminal"},
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
  if (id == "latest" || parse_backup_name(id)) return;
  const std::optional<OldKey> key = parse_old_key(id);
  if (!key || key->is_checksum) {
    problems.push_back(
        "--id: '" + id +
        "' is not latest or an id such as 20261120T031500Z-9f3a1c2b or its beginning; "
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
  if (request.replace && (request.clean || request.create || !request.part.is_whole())) {
    problems.emplace_back(
        "--replace makes a whole new database: it goes with neither --create, --clean nor a part");
  }
  if (request.jobs > 1 && !request.create && !request.replace && !request.all) {
    problems.emplace_back(
        "--jobs restores in several transactions: it needs --create or --replace, so that a "
        "failure leaves nothing behind");
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
  if (!request.locale.empty() && !request.create && !request.replace) {
    problems.emplace_back("--locale is of a new database: it needs --create or --replace");
  }
}

/// Checks what says which backup.
void check_source(const RestoreRequest& request, std::vector<std::string>& problems) {
  if (!request.at.empty() && !parse_at_time(request.at)) {
    problems.push_back(fmt::format(
        "--at: '{}' is no time such as '2026-11-20 03:15', '2026-11-20T03:15:00Z' or 2026-11-20",
        request.at));
  }
  if (!request.at.empty() && request.id != "latest") {
    problems.emplace_back("--at and --id are both given; keep one");
  }
  const bool names_backup = request.id != "latest" || !request.at.empty() || request.globals;
  if (!request.input.empty() && (names_backup || request.all)) {
    problems.emplace_back(
        "--input is a file in place of a backup: leave out --id, --at, --globals");
  }
  const bool names_one = !request.database.empty() || request.globals ||
                         !request.target_database.empty() || !request.output.empty() ||
                         request.create || request.clean || !part_flags(request.part).empty();
  if (request.all && names_one) {
    problems.emplace_back(
        "--all restores every database under its own name: besides it only --id, --at, --replace "
        "and what says how");
  }
}

/// Requires --yes for what cannot be undone, where nobody can be asked.
void check_answer(const RestoreRequest& request, std::vector<std::string>& problems) {
  if (request.yes || can_ask() || !request.output.empty() || request.dry_run) return;
  if (request.replace) {
    problems.emplace_back(
        "--replace ends the sessions of the old database: without a terminal to ask on it needs "
        "--yes");
  }
  if (request.all && !request.replace) {
    problems.emplace_back(
        "--all alters roles of the server: without a terminal to ask on it needs --yes");
  }
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

Group take_group_of_id(RestoreRequest& request, std::vector<std::string>& problems) {
  const std::optional<BackupName> name = parse_backup_name(request.id);
  if (!name || !name->group.is_named()) return {};
  if (request.group().is_named() && request.group() != name->group) {
    problems.push_back(fmt::format("--id: '{}' is not of {}, which --database or --globals names",
                                   printable(request.id), group_title(request.group())));
  }
  request.globals = name->group == Group::globals();
  if (is_of_database(name->group.kind())) request.database = name->group.name();
  request.id = name->id;
  return name->group;
}

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
  check_source(request, problems);
  const size_t before = problems.size();
  check_part(request.part, problems);
  if (problems.size() == before) check_flags(request, problems);
  check_answer(request, problems);
  if (!request.group().is_named() && database.empty() && !request.is_by_key() && !request.all &&
      request.input.empty() && !(request.is_bare() && can_ask())) {
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
  add(request.replace, "--replace");
  add(request.dry_run, "--dry-run");
  add(request.no_analyze, "--no-analyze");
  add(request.jobs > 1, "--jobs");
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
  if (request.all) flags.emplace_back("--all");
  if (!request.at.empty()) flags.emplace_back("--at");
  if (!request.input.empty()) flags.emplace_back("--input");
  if (!request.output.empty()) flags.emplace_back("--output");
  return flags;
}

}  // namespace pgbackup
