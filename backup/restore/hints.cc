#include "backup/restore/hints.h"

#include <algorithm>
#include <array>

#include "backup/postgres/sql_guard.h"

namespace pgbackup {
namespace {

enum class When { always, in_one_transaction };

struct Hint {
  /// Lists texts that all stand in what was said; empty ones count as found.
  std::array<std::string_view, 3> signs;
  std::string_view hint;
  When when = When::always;
};

/// Lists the hints; one that names a thing more exactly stands before one that would be found
/// there, too.
constexpr std::array kHints = {
    Hint{{"max_locks_per_transaction"},
         "the database has more objects than the server has locks for one transaction: raise "
         "max_locks_per_transaction, or use --no-single-transaction, where a failure leaves what "
         "was restored so far",
         When::in_one_transaction},
    Hint{{"out of shared memory"},
         "the database has more objects than the server has locks for one transaction: raise "
         "max_locks_per_transaction, or use --no-single-transaction, where a failure leaves what "
         "was restored so far",
         When::in_one_transaction},
    Hint{{"unsupported startup parameter"},
         "a connection pooler stands before the server: set TARGET_HOST and TARGET_PORT to "
         "PostgreSQL "
         "itself"},
    Hint{{"unrecognized parameter \"pg_attver\""},
         "a pg_dump that is older than its server wrote an option into the backup that only "
         "PostgreSQL of November 2026 or later knows (15.20, 17.12 and their siblings): update the "
         "target"},
    Hint{{"must be owner of extension"},
         "the extension is there already and belongs to another role: --no-comments leaves out "
         "its comment"},
    Hint{{"permission denied for schema", "FOREIGN KEY"},
         "the owner of the table gets USAGE of that schema by a grant, which a dump holds behind "
         "its foreign keys: --keep-going restores the rest; then add the constraint by hand"},
    Hint{{"ALTER PUBLICATION", "does not exist"},
         "the publication names what the backup left out: --no-publications restores the rest"},
    Hint{{"FOR ALL TABLES"}, "only a superuser may create it: --no-publications leaves it out"},
    Hint{{"FOR TABLES IN SCHEMA"},
         "only a superuser may create it: --no-publications leaves it out"},
    Hint{{"permission denied for foreign server"},
         "grant USAGE on it to the restoring role, or restore the rest with --keep-going"},
    Hint{{"permission denied"},
         "the role that backs up often may not restore: set TARGET_USER and TARGET_PASSWORD to one "
         "that "
         "may create these objects, such as the owner or a superuser; --no-owner and "
         "--no-privileges restore without owners and grants"},
    Hint{{"must be owner"},
         "the role that backs up often may not restore: set TARGET_USER and TARGET_PASSWORD to one "
         "that "
         "may create these objects, such as the owner or a superuser; --no-owner restores without "
         "owners"},
    Hint{{"must be superuser"},
         "set TARGET_USER and TARGET_PASSWORD to a superuser, or restore the rest with "
         "--keep-going"},
    Hint{{"must be member"},
         "set TARGET_USER and TARGET_PASSWORD to a superuser or a member of that role, or leave "
         "out the "
         "owners with --no-owner"},
    Hint{{"must be able to SET ROLE"},
         "set TARGET_USER and TARGET_PASSWORD to a superuser or a role that may SET ROLE to it, or "
         "leave "
         "out the owners with --no-owner"},
    Hint{{"role \"", "does not exist"},
         "the role is missing on this server: `pg-backup restore --globals` brings roles back, or "
         "create it; --no-owner and --no-privileges restore without owners and grants"},
    Hint{{"ablespace \"", "does not exist"},
         "the tablespace is missing on this server: create it, or use --no-tablespaces"},
    Hint{{"can only create extension in database"},
         "pg_cron lives in one database of a server: set cron.database_name to the target and "
         "restart the server, or restore the rest with --keep-going"},
    Hint{{"could not create unique index"},
         "the index was broken in the dumped database and let these duplicates in: --keep-going "
         "restores the rest; then delete them and create the index by hand"},
    Hint{{"could not connect to server"},
         "a foreign server is out of reach: restore the rest with --keep-going, and REFRESH "
         "MATERIALIZED VIEW when it is back"},
    Hint{{"is not available", "extension \""},
         "install the extension on the server, or restore the rest with --keep-going"},
    Hint{{"other objects depend on it"},
         "drop them first, or restore into a new database: --target-database NAME --create"},
    Hint{
        {"violates foreign key constraint"},
        "rows alone come in the order of the tables' names: restore the tables one after the other "
        "with --table, or use --disable-triggers"},
    Hint{{"violates check constraint"},
         "the constraint looks at other rows or tables, which a restore brings later: --keep-going "
         "restores the rest; then load these rows by hand"},
    Hint{{"SQL function \"", "does not exist"},
         "a function names others without their schema, and a restore runs with an empty "
         "search_path: --keep-going restores the rest; ALTER FUNCTION … SET search_path mends the "
         "next backups"},
    Hint{{"PL/pgSQL function", "does not exist"},
         "a function names others without their schema, and a restore runs with an empty "
         "search_path: --keep-going restores the rest; ALTER FUNCTION … SET search_path mends the "
         "next backups"},
};

}  // namespace

std::string restore_hint(std::string_view errors, bool in_one_transaction) {
  if (has_lost_transaction(errors)) {
    return "the SQL itself ended the transaction of the restore, and may have committed a part: "
           "drop the target, write the SQL to a file with --output, and look at it";
  }
  const auto fits = [&](const Hint& hint) {
    return (in_one_transaction || hint.when == When::always) &&
           std::all_of(hint.signs.begin(), hint.signs.end(), [&](std::string_view sign) {
             return errors.find(sign) != std::string_view::npos;
           });
  };
  const auto found = std::find_if(kHints.begin(), kHints.end(), fits);
  return found == kHints.end() ? "" : std::string(found->hint);
}

}  // namespace pgbackup
