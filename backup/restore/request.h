// What `pg-backup restore` is told: its flags, and the checks on them. Restores nothing: restore.h
// does.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "backup/restore/part_request.h"
#include "common/base/options.h"
#include "common/catalog/adoption.h"
#include "common/catalog/group.h"

namespace pgbackup {

/// Holds the flags of `pg-backup restore`.
struct RestoreRequest {
  std::string database;       ///< the database to restore; DB where empty
  std::string id = "latest";  ///< `latest`, an id or its beginning, or the key of an older system's
  std::string at;             ///< a time: the newest backup until then
  std::filesystem::path input;   ///< a file to restore, in place of a backup
  std::string target_database;   ///< the group's name where empty
  std::filesystem::path output;  ///< a file, or `-`; then no database is touched
  bool globals = false;          ///< roles and tablespaces in place of a database
  bool create = false;
  std::string locale;  ///< locale of the database that `create` makes; as dumped where empty
  bool clean = false;
  bool replace = false;
  bool dry_run = false;
  bool no_analyze = false;
  int jobs = 1;      ///< of pg_restore; more than one needs a LocalCopy
  bool all = false;  ///< everything that one run has backed up
  bool no_single_transaction = false;
  bool keep_going = false;
  bool no_owner = false;
  bool no_privileges = false;
  bool no_comments = false;
  bool no_tablespaces = false;
  bool no_publications = false;
  std::string role;  ///< SET ROLE before the restore
  PartRequest part;
  bool yes = false;

  /// Returns the group to restore; unnamed where the flags name none.
  [[nodiscard]] Group group() const { return globals ? Group::globals() : parse_group(database); }
  /// Returns whether the id is the key of an older system's file, which needs no database beside
  /// it.
  [[nodiscard]] bool is_by_key() const;
  /// Returns whether the flags name neither what to restore nor where to: then a person is asked.
  [[nodiscard]] bool is_bare() const {
    return !group().is_named() && !all && input.empty() && at.empty() && id == "latest" &&
           target_database.empty() && output.empty();
  }
  /// Returns whether a failure leaves nothing behind.
  [[nodiscard]] bool in_one_transaction() const { return !no_single_transaction && !keep_going; }
};

/// Returns the rows of the option table, which point into `request`.
[[nodiscard]] std::vector<Option> restore_options(RestoreRequest& request);

/// Moves the group of an id that is given as GROUP/ID into the flags that name one, and returns it;
/// unnamed where the id has none. Appends a sentence to `problems` where another is named.
Group take_group_of_id(RestoreRequest& request, std::vector<std::string>& problems);

/// Appends one sentence to `problems` for each mistake in `request`. `database` is DB, "" where it
/// is not set.
void check_restore(const RestoreRequest& request, std::string_view database,
                   const Adoption& adoption, std::vector<std::string>& problems);

/// Returns what `request` wants of the database itself, as options of pg_restore that each version
/// from 13 on knows: `--no-owner`, `--role=app`. Only pg_restore can do these, so they are refused
/// by name where another client restores.
[[nodiscard]] std::vector<std::string> archive_options(const RestoreRequest& request);

/// Returns the flags of `request` that only a restore into a database knows, archive_options()
/// among them.
[[nodiscard]] std::vector<std::string> database_flags(const RestoreRequest& request);

/// Returns the flags of `request` that only a restore from a dump knows: database_flags(), and
/// those that say which dump and where to.
[[nodiscard]] std::vector<std::string> dump_flags(const RestoreRequest& request);

}  // namespace pgbackup
