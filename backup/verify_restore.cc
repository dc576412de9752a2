#include "backup/verify_restore.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <utility>

#include "backup/postgres/contents.h"
#include "backup/postgres/database_url.h"
#include "backup/restore/database_sql.h"
#include "backup/restore/restore.h"
#include "backup/verify/judge_restore.h"
#include "backup/verify/scratch_server.h"
#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/catalog/sealed.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

/// What the databases of a verification are called at VERIFY_URL. All of them are dropped.
constexpr std::string_view kDatabasePrefix = "pg_backup_verify_";

/// Where a restore goes, and as whom.
struct Place {
  PgConfig admin;       ///< makes the database, and looks at it afterwards
  PgConfig restorer;    ///< runs what was dumped
  bool is_own = false;  ///< the restorer has no rights outside the database
};

void execute(PgConnection& connection, const std::string& sql) {
  constexpr std::chrono::minutes kLimit{10};
  static_cast<void>(connection.query(sql, {}, kLimit));
}

/// Makes the roles that a dump mentions. They cannot log in.
void make_roles(PgConnection& server, const DumpContents& contents) {
  for (const std::string& role : contents.roles) {
    const PgRows found = server.query(
        "SELECT FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) $1", {role});
    if (found.empty()) execute(server, "CREATE ROLE " + sql_identifier(role) + " NOLOGIN");
  }
}

/// Makes what only a superuser can, which the restorer of a server of our own is not. The scripts
/// are those of this machine. What cannot be made here is left to the restore, which says why.
void make_extensions(PgConnection& database, const DumpContents& contents, Log& log) {
  for (const InstalledExtension& extension : contents.extensions) {
    if (extension.schema != "public" && extension.schema != "pg_catalog") continue;
    try {
      execute(database, fmt::format("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {} CASCADE",
                                    sql_identifier(extension.name), extension.schema));
    } catch (...) {
      log.debug("an extension cannot be created beforehand",
                {{"extension", extension.name}, {"cause", current_failure().message()}});
    }
  }
}

/// Lets the restorer make servers of foreign data, to which nothing connects.
void grant_wrappers(PgConnection& database, const std::string& role) {
  for (const auto& row : database.query("SELECT fdwname FROM pg_catalog.pg_foreign_data_wrapper")) {
    execute(database, fmt::format("GRANT USAGE ON FOREIGN DATA WRAPPER {} TO {}",
                                  sql_identifier(row.at(0)), sql_identifier(role)));
  }
}

/// A database of a verification. Only one verification at a time may use a server, so that what
/// others left behind is told from what they use.
class ScratchDatabase {
 public:
  ScratchDatabase(const Place& place, const Manifest& manifest, const VerifyMeans& means)
      : place_(place), means_(means), server_(place.admin.with_database("postgres"), means.stop) {
    refuse_own_server(manifest);
    lock();
    for (const auto& row :
         server_.query("SELECT d.datname FROM pg_catalog.pg_database d "
                       "WHERE pg_catalog.starts_with(d.datname::pg_catalog.text, $1)",
                       {std::string(kDatabasePrefix)})) {
      means.log.info("dropping what a verification left behind", {{"database", row.at(0)}});
      drop(row.at(0));
    }
    create(manifest);
    if (!place.is_own) speak_english();
  }
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;
  ~ScratchDatabase() {
    if (place_.is_own) return;  // a server of our own goes with all it holds
    try {
      drop(name_);
    } catch (...) {
      means_.log.warn("cannot drop the database of a verification",
                      {{"database", name_}, {"cause", current_error().message()}});
    }
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int server_version() const { return server_.server_version(); }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  /// A server that is backed up is no disposable server.
  void refuse_own_server(const Manifest& manifest) {
    if (manifest.system_identifier.empty()) return;
    const PgRows id = server_.query("SELECT system_identifier FROM pg_catalog.pg_control_system()");
    if (id.at(0).at(0) != manifest.system_identifier) return;
    throw Error(ErrorKind::usage, "VERIFY_URL names the server that the backup is of",
                "name a disposable server");
  }

  void lock() {
    constexpr const char* kKey = "7076762043902617";  // any number that nobody else uses
    const PgRows got = server_.query(
        fmt::format("SELECT pg_catalog.pg_try_advisory_lock({}::pg_catalog.int8)", kKey));
    if (got.at(0).at(0) == "t") return;
    throw Error(ErrorKind::transient, "another verification uses the server of VERIFY_URL");
  }

  void create(const Manifest& manifest) {
    RestoreRequest request;
    request.target_database = name_;
    DatabaseProperties properties = manifest.dump.database;
    const auto make = [&] {
      execute(server_, create_database_sql(request, &properties, server_version(), -1, false));
    };
    try {
      make();
    } catch (...) {
      const Error error = current_failure();
      if (error.kind() != ErrorKind::failed) throw error;
      notes_.push_back(fmt::format("restored with the locale C: {}", error.message()));
      properties = {.encoding = properties.encoding,
                    .locale_provider = "c",
                    .collate = "C",
                    .ctype = "C",
                    .locale = {},
                    .settings = {}};
      make();
    }
    if (!place_.is_own) return;
    execute(server_, fmt::format("ALTER DATABASE {} OWNER TO {}", sql_identifier(name_),
                                 sql_identifier(place_.restorer.user)));
  }

  /// Lets messages be English: they tell what the server lacks. In another language, each lack
  /// would look like a bad backup.
  void speak_english() {
    try {
      execute(server_,
              fmt::format("ALTER DATABASE {} SET lc_messages TO 'C'", sql_identifier(name_)));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::denied) throw;
    }
    try {
      PgConnection session(place_.restorer.with_database(name_), means_.stop);
      execute(session, "SELECT 1 OPERATOR(pg_catalog./) 0");
    } catch (const Error& error) {
      if (error.message().find("division by zero") != std::string::npos) return;
      if (error.kind() != ErrorKind::failed) throw;
    }
    drop(name_);
    throw Error(ErrorKind::usage, "the messages of the server of VERIFY_URL are not in English",
                "set lc_messages=C there, or name a superuser in VERIFY_URL");
  }

  void drop(const std::string& name) {
    PgConnection server(place_.admin.with_database("postgres"), {});  // after a stop request, too
    execute(server, fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", sql_identifier(name)));
  }

  const Place& place_;
  const VerifyMeans& means_;
  PgConnection server_;
  std::string name_ = std::string(kDatabasePrefix) + random_hex(4);
  std::vector<std::string> notes_;
};

RestoreRequest request_for(const Place& place, const Backup& backup, const Manifest& manifest,
                           const std::string& target) {
  const bool is_archive = manifest.streams.front().format == StreamFormat::custom;
  const bool has_roles = manifest.dump.contents && !manifest.dump.contents->roles.empty();
  RestoreRequest request;
  request.database = backup.group.name();
  request.id = backup.id;
  request.target_database = target;
  request.no_owner = request.no_privileges = is_archive && (place.is_own || !has_roles);
  request.no_comments = request.no_publications = is_archive && place.is_own;
  request.yes = true;
  return request;
}

/// Turns the failure of a restore into what it says of the backup.
Error judge_failure(const Error& error) {
  const bool is_of_client = error.message().find("pg_restore exited with") != std::string::npos ||
                            error.message().find("psql exited with") != std::string::npos;
  if (error.kind() != ErrorKind::failed || !is_of_client) return error;
  Error judged = judge_server(error.message());
  if (judged.kind() == ErrorKind::corrupt) return judged;
  return {judged.kind(), judged.message(), judged.hint() + "; VERIFY_URL can name another one"};
}

void restore_into(const Place& place, Store& store, const Backup& backup,
                  const RestoreRequest& request, const VerifyMeans& means) {
  try {
    static_cast<void>(Restore({.pg = place.restorer,
                               .bindir = means.bindir,
                               .lock_timeout = std::chrono::seconds(0),
                               .keys = means.keys},
                              means.environment, means.clock, means.log, means.stop)
                          .run(store, backup, request));
  } catch (const Error& error) {
    throw judge_failure(error);
  }
}

std::vector<std::string> compare(PgConnection& database, const Manifest& manifest) {
  if (!manifest.dump.contents) return {"nothing was compared: the dump has noted nothing"};
  const DumpContents& noted = *manifest.dump.contents;
  const std::vector<std::string> differences =
      compare_contents(noted, read_contents_like(database, noted));
  if (!differences.empty()) {
    throw Error(ErrorKind::corrupt, fmt::format("what was restored is not what was dumped: {}",
                                                fmt::join(differences, "; ")));
  }
  return {"compared: " + describe_contents(noted)};
}

std::vector<std::string> restore_and_compare(const Place& place, Store& store, const Backup& backup,
                                             const Manifest& manifest, const VerifyMeans& means) {
  const ScratchDatabase scratch(place, manifest, means);
  const auto look = [&](const auto& body) {
    PgConnection database(place.admin.with_database(scratch.name()), means.stop);
    return body(database);
  };
  if (const auto& contents = manifest.dump.contents) {
    look([&](PgConnection& database) {
      make_roles(database, *contents);
      if (!place.is_own) return;
      make_extensions(database, *contents, means.log);
      grant_wrappers(database, place.restorer.user);
    });
  }
  restore_into(place, store, backup, request_for(place, backup, manifest, scratch.name()), means);
  std::vector<std::string> notes =
      look([&](PgConnection& database) { return compare(database, manifest); });
  notes.push_back(
      fmt::format("restored into PostgreSQL {}", format_pg_version(scratch.server_version())));
  notes.insert(notes.end(), scratch.notes().begin(), scratch.notes().end());
  return notes;
}

/// Returns the room for a server, and a database with its indexes, which a dump does not hold.
uint64_t room_for(const Manifest& manifest) {
  constexpr uint64_t kServer = uint64_t{256} << 20U;
  return kServer + 2 * manifest.uncompressed_bytes();
}

}  // namespace

std::vector<std::string> check_restore_of(Store& store, const Backup& backup,
                                          const Manifest& manifest, const BackupConfig& config,
                                          const VerifyMeans& means) {
  require_private(manifest);
  if (!config.verify.url.empty()) {
    PgConfig named;
    static_cast<void>(read_database_url(named, config.verify.url));
    const Place place{.admin = named.with_database(named.database),
                      .restorer = named.with_database(named.database)};
    return restore_and_compare(place, store, backup, manifest, means);
  }
  ScratchServer server(config.verify.directory, manifest.server_version, room_for(manifest), means);
  server.make_owner();
  const Place place{.admin = server.superuser(), .restorer = server.owner(), .is_own = true};
  return restore_and_compare(place, store, backup, manifest, means);
}

}  // namespace pgbackup
