#include "backup/restore_verb.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backup/cluster.h"
#include "backup/restore/archive.h"
#include "backup/restore/at_time.h"
#include "backup/restore/choose_backup.h"
#include "backup/restore/dialog.h"
#include "backup/restore/input_file.h"
#include "backup/restore/restore.h"
#include "backup/restore/target_database.h"
#include "backup/restore/terminal.h"
#include "common/base/error.h"
#include "common/catalog/backup_name.h"

namespace pgbackup {
namespace {

/// Restores one backup, and logs what came of it.
void restore_one(Program& program, Store& store, const Backup& backup,
                 const RestoreRequest& request) {
  const RestoreReport report =
      Restore({.pg = program.config.target,
               .bindir = program.config.bindir,
               .lock_timeout = program.config.dump.lock_timeout,
               .keys = program.config.age.for_reading()},
              program.environment, program.clock, program.log, program.stop)
          .run(store, backup, request);
  LogFields fields = {{"database", backup.group.name()},
                      {"run", backup.id},
                      {"outcome", report.outcome},
                      {"bytes", LogBytes{report.bytes}}};
  if (report.tables) fields.emplace_back("tables", *report.tables);
  if (report.rows) fields.emplace_back("rows", *report.rows);
  fields.emplace_back("seconds", report.elapsed.count());
  program.log.info("restore finished", fields);
}

/// Returns the id of the one run that made all backups whose ids begin so.
std::string complete_run(const Destinations& destinations, const BackupName& name) {
  std::set<std::string> ids;
  for (const BackupName& one : find_backup_names(destinations, name)) ids.insert(one.id);
  if (ids.empty()) throw unknown_name(name.id);
  if (ids.size() > 1) throw ambiguous_name(name.id, {ids.begin(), ids.end()});
  return *ids.begin();
}

/// Returns the id of the run that `request` names: the newest one that backed up a database.
std::string find_run(Program& program, const Destinations& destinations,
                     const RestoreRequest& request) {
  if (const auto name = parse_backup_name(request.id)) return complete_run(destinations, *name);
  std::string newest;
  for (const FoundBackup& one : find_backups(destinations, {}, program.clock, program.log)) {
    if (one.is_future || one.backup.group.kind() != GroupKind::database) continue;
    if (!request.at.empty() && one.backup.time > parse_at_time(request.at)) continue;
    newest = std::max(newest, one.backup.id);
  }
  if (newest.empty()) {
    throw Error(ErrorKind::not_found, "there is no backup of a database",
                "pg-backup list shows what there is");
  }
  return newest;
}

/// Returns what the run has backed up, and warns of what it was to back up and has not.
std::vector<FoundBackup> find_of_run(Program& program, const Destinations& destinations,
                                     const std::string& id) {
  std::set<Group> groups;
  std::set<Group> wanted;
  for (const FoundBackup& one : find_backups(destinations, {}, program.clock, program.log)) {
    if (one.backup.id != id || one.backup.group.kind() == GroupKind::cluster) continue;
    if (wanted.empty()) {
      const Manifest manifest = read_manifest_to_restore(one.destination->store(), one.backup,
                                                         program.config.age.for_reading());
      wanted = {manifest.groups.begin(), manifest.groups.end()};
    }
    groups.insert(one.backup.group);
  }
  for (const Group& group : wanted) {
    if (groups.contains(group) || group.kind() == GroupKind::cluster) continue;
    program.log.warn("the run has no backup of a database",
                     {{"database", group.name()},
                      {"run", id},
                      {"hint", "restore an older one with --database"}});
  }
  std::vector<FoundBackup> found;
  for (const Group& group : groups) {
    RestoreRequest one;
    one.database = group == Group::globals() ? "" : group.name();
    one.globals = group == Group::globals();
    one.id = id;
    found.push_back(choose_backup(destinations, one, {}, program.clock, program.log));
  }
  if (found.empty()) {
    throw Error(ErrorKind::not_found, fmt::format("there is no run '{}'", id),
                "pg-backup list shows what there is");
  }
  // Databases need their roles.
  std::stable_partition(found.begin(), found.end(), [](const FoundBackup& one) {
    return one.backup.group == Group::globals();
  });
  return found;
}

/// Returns how one backup of the run is restored.
RestoreRequest request_for(const FoundBackup& found, const RestoreRequest& all,
                           PgConnection& server) {
  RestoreRequest request = all;
  request.all = false;
  request.at.clear();
  request.id = found.backup.id;
  if (found.backup.group == Group::globals()) {
    RestoreRequest globals;
    globals.globals = true;
    globals.dry_run = all.dry_run;
    return globals;
  }
  request.database = found.backup.group.name();
  request.target_database = request.database;
  if (request.database == "postgres") request.replace = false;  // tools connect to it: it stays
  request.create = !request.replace && !database_exists(server, request.database);
  return request;
}

void restore_all(Program& program, const Destinations& destinations,
                 const RestoreRequest& request) {
  const std::vector<FoundBackup> found =
      find_of_run(program, destinations, find_run(program, destinations, request));
  std::vector<RestoreRequest> requests;
  {
    PgConnection server = connect_maintenance(program.config.target, program.stop);
    for (const FoundBackup& one : found) requests.push_back(request_for(one, request, server));
  }
  // What would be refused is refused before anything is touched.
  for (size_t i = 0; i < found.size(); ++i) {
    RestoreRequest dry = requests[i];
    dry.dry_run = true;
    restore_one(program, found[i].destination->store(), found[i].backup, dry);
  }
  if (request.dry_run) return;
  confirm(request.yes, fmt::format("Restore all {} of them?", found.size()), program.stop);
  std::vector<std::string> failed;
  for (size_t i = 0; i < found.size(); ++i) {
    try {
      requests[i].yes = true;
      restore_one(program, found[i].destination->store(), found[i].backup, requests[i]);
    } catch (...) {
      const Error error = current_failure();
      program.log.error("a restore failed",
                        {{"database", found[i].backup.group.name()}, {"cause", error.message()}});
      failed.push_back(found[i].backup.group.name());
    }
  }
  if (failed.empty()) return;
  throw Error(
      ErrorKind::failed,
      fmt::format("{} of {} failed: {}", failed.size(), found.size(), fmt::join(failed, ", ")),
      "the log says why; restore each again with --database or --globals");
}

}  // namespace

std::string complete_id(const Destinations& destinations, const Group& group,
                        const std::string& id) {
  const std::optional<BackupName> name = parse_backup_name(id);
  return name ? complete_backup_name(destinations, {.group = group, .id = name->id}).id : id;
}

void restore_verb(Program& program) {
  if (program.config.cluster.cluster) return restore_cluster_verb(program);
  const Adoption& adoption = program.config.adoption.adoption;
  RestoreRequest request = program.config.restore;
  if (!request.input.empty()) {
    InputFile file(request.input, request.database, program.clock);
    return restore_one(program, file.store, file.backup, request);
  }
  const Destinations destinations = program.open();
  if (request.all) return restore_all(program, destinations, request);
  if (request.is_bare() && can_ask()) {
    const FoundBackup found =
        ask_which_backup(destinations, adoption, program.clock, program.log, program.stop);
    if (!request.part.list_contents) {
      request = ask_where_to(found.backup, program.config.target, request, program.stop);
    }
    return restore_one(program, found.destination->store(), found.backup, request);
  }
  if (!request.group().is_named() && !request.is_by_key()) {
    request.database = program.config.pg.database;
  }
  request.id = complete_id(destinations, request.group(), request.id);
  const FoundBackup found =
      choose_backup(destinations, request, adoption, program.clock, program.log);
  restore_one(program, found.destination->store(), found.backup, request);
}

}  // namespace pgbackup
