#include "backup/restore/restore.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "backup/postgres/sql_guard.h"
#include "backup/postgres/version_advice.h"
#include "backup/restore/adopted_dump.h"
#include "backup/restore/after_restore.h"
#include "backup/restore/apply_globals.h"
#include "backup/restore/archive.h"
#include "backup/restore/clean_check.h"
#include "backup/restore/client_sink.h"
#include "backup/restore/created_database.h"
#include "backup/restore/failures.h"
#include "backup/restore/hints.h"
#include "backup/restore/lock_watch.h"
#include "backup/restore/output_file.h"
#include "backup/restore/replaced_database.h"
#include "backup/restore/target_database.h"
#include "backup/restore/terminal.h"
#include "common/base/error.h"
#include "common/base/output.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/encoding.h"
#include "common/codec/text_sink.h"

namespace pgbackup {
namespace {

/// Returns the arguments of pg_restore, without the connection or the file that the SQL goes to.
std::vector<std::string> pg_restore_arguments(const RestoreSession& session) {
  const RestoreRequest& request = session.request;
  std::vector<std::string> arguments = archive_options(request);
  const std::vector<std::string> sections = section_options(request.part);
  arguments.insert(arguments.end(), sections.begin(), sections.end());
  if (!request.part.is_whole()) arguments.push_back("--use-list=" + further_fd_path(0));
  arguments.emplace_back("--format=custom");
  if (!request.keep_going) arguments.emplace_back("--exit-on-error");
  if (request.clean) arguments.insert(arguments.end(), {"--clean", "--if-exists"});
  if (session.copy != nullptr) {
    arguments.push_back(fmt::format("--jobs={}", request.jobs));
    arguments.push_back(further_fd_path(1));
  } else if (request.in_one_transaction()) {
    arguments.emplace_back("--single-transaction");
  }
  return arguments;
}

/// Returns the arguments of psql, without --single-transaction, which commits at the end of its
/// input: SqlGuard begins and commits. The results of the SQL's queries are discarded.
std::vector<std::string> psql_arguments() {
  return {"--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", "--file=-"};
}

EarlyEnd early_end(const RestoreSession& session) {
  return session.part == nullptr ? EarlyEnd::is_failure : EarlyEnd::is_success;
}

/// Refuses template databases: what they hold, every database holds that is created from now on.
void refuse_target(std::string_view name) {
  if (name != "template0" && name != "template1") return;
  throw Error(ErrorKind::usage,
              fmt::format("'{}' is the template of new databases, which would all hold what is "
                          "restored into it",
                          name),
              "name another --target-database");
}

/// Refuses the options of pg_restore for plain SQL: psql runs all of it.
void refuse_archive_options(const RestoreRequest& request) {
  std::vector<std::string> options = archive_options(request);
  if (request.clean) options.emplace_back("--clean");
  if (request.keep_going) options.emplace_back("--keep-going");
  if (request.jobs > 1) options.emplace_back("--jobs");
  const std::vector<std::string> of_part = part_flags(request.part);
  options.insert(options.end(), of_part.begin(), of_part.end());
  if (options.empty()) return;
  throw Error(ErrorKind::usage,
              fmt::format("the backup is plain SQL, which cannot be restored with {}",
                          fmt::join(options, ", ")),
              "restore it into a new database (--target-database NAME --create), or write it to a "
              "file with --output and change it there");
}

}  // namespace

Restore::Restore(RestoreSettings settings, const Environment& environment, Clock& clock, Log& log,
                 std::stop_token stop)
    : settings_(std::move(settings)),
      environment_(environment),
      clock_(clock),
      log_(log),
      stop_(std::move(stop)) {}

RestoreReport Restore::run(Store& store, const Backup& backup, const RestoreRequest& request) {
  const auto begun = clock_.steady();
  return with_context(fmt::format("restore of {}", backup.folder()), [&] {
    if (backup.group.kind() == GroupKind::cluster) {
      throw Error(ErrorKind::usage, "a physical backup is not restored into a server that runs");
    }
    const std::unique_ptr<StoredDump> dump = open_dump(store, backup);
    RestoreReport report = [&]() -> RestoreReport {
      if (request.part.list_contents) return to_list(*dump, request);
      if (request.output.empty()) return to_target(*dump, request);
      const uint64_t bytes = write_output(*dump, request.output, clock_, log_, stop_);
      return {.outcome = request.output == "-" ? "wrote to stdout"
                                               : fmt::format("wrote {}", request.output.string()),
              .bytes = bytes};
    }();
    report.elapsed = std::chrono::duration_cast<std::chrono::seconds>(clock_.steady() - begun);
    return report;
  });
}

std::unique_ptr<StoredDump> Restore::open_dump(Store& store, const Backup& backup) {
  if (!backup.is_ours()) {
    if (const std::string distrust = distrust_of_older(store); !distrust.empty()) {
      throw not_signed(store.location(backup.id), distrust);
    }
    return std::make_unique<AdoptedDump>(store, backup, settings_.keys);
  }
  Manifest manifest = read_manifest_to_restore(store, backup, settings_.keys);
  for (const std::string& warning : manifest.warnings) {
    log_.warn("the backup has a warning", {{"warning", warning}});
  }
  if (!manifest.dump.selection.empty()) {
    log_.warn("this backup is partial",
              {{"pg_dump", fmt::format("{}", fmt::join(manifest.dump.selection, " "))}});
  }
  return std::make_unique<StoredArchive>(store, backup, std::move(manifest), settings_.keys);
}

RestoreReport Restore::to_list(StoredDump& dump, const RestoreRequest& request) {
  if (dump.format() == StreamFormat::plain) refuse_archive_options(request);
  print_result(stdout, format_contents(read_toc(dump), request.part));
  return {.outcome = "listed the contents", .tables = dump.tables()};
}

RestoreReport Restore::to_target(StoredDump& dump, const RestoreRequest& request) {
  return is_of_database(dump.backup().group.kind()) ? to_database(dump, request)
                                                    : to_server(dump, request);
}

RestoreReport Restore::to_database(StoredDump& dump, const RestoreRequest& request) {
  RestoreRequest resolved = request;
  if (resolved.target_database.empty()) resolved.target_database = dump.backup().group.name();
  if (resolved.target_database.empty()) {
    throw Error(ErrorKind::usage, "it is not known which database the backup is of",
                "name one with --target-database, or a file with --output");
  }
  refuse_target(resolved.target_database);
  if (dump.format() == StreamFormat::plain) refuse_archive_options(resolved);
  std::optional<Toc> contents;
  if (!resolved.part.is_whole()) {
    contents = read_toc(dump);
    check_names(*contents, resolved.part.names());
  }
  const Toc* const toc = contents ? &*contents : nullptr;
  const Restored restored = resolved.replace  ? to_replaced(dump, resolved)
                            : resolved.create ? to_created(dump, resolved, toc, dump.properties())
                                              : to_existing(dump, resolved, toc);
  if (restored.failure) throw Error(*restored.failure);
  if (request.dry_run) return {.outcome = "nothing was touched (--dry-run)"};
  return {.outcome = fmt::format("restored {}{}", toc == nullptr ? "" : "a part into ",
                                 resolved.target_database),
          .bytes = restored.bytes,
          .tables = restored.tables,
          .rows = restored.rows};
}

RestoreReport Restore::to_server(StoredDump& dump, const RestoreRequest& request) {
  std::vector<std::string> flags = database_flags(request);
  std::erase(flags, "--dry-run");
  if (!flags.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("roles and tablespaces belong to the whole server: {} {} not apply to "
                            "them",
                            fmt::join(flags, ", "), flags.size() == 1 ? "does" : "do"));
  }
  // Some thousands of roles at most: all of it is read before the first one is made.
  TextSink sql(size_t{64} << 20U, ErrorKind::failed,
               "there are more than 64 MiB of roles and tablespaces",
               "write them to a file with --output");
  dump.copy(sql, clock_, log_);
  PgConnection server = connect_maintenance(settings_.pg, stop_);
  log_.info(
      "about to restore roles and tablespaces",
      {{"of", format_iso(dump.backup().time)}, {"into", describe_server(server, settings_.pg)}});
  if (request.dry_run) return {.outcome = "nothing was touched (--dry-run)"};
  confirm(request.yes,
          "Create and alter the roles of this server, with their passwords, as they were?", stop_);
  apply_globals(server, sql.text(), log_);
  return {.outcome = "restored roles and tablespaces", .bytes = sql.text().size()};
}

Restored Restore::to_existing(StoredDump& dump, const RestoreRequest& request, const Toc* toc) {
  std::optional<TargetPart> part;
  bool is_wanted = false;
  const RestoreClients clients = [&] {
    PgConnection target(settings_.pg.with_database(request.target_database), stop_);
    RestoreClients fitting = find_clients_for(target, dump, request);
    if (toc != nullptr) part = choose_target_part(*toc, request, &target, log_);
    if (request.clean) {
      if (part) {
        refuse_what_is_in_the_way(target, list_tables(target), ArchiveContents(part->part));
      } else {
        check_clean(target, fitting.program, dump, request);
      }
    } else if (!part) {
      refuse_if_not_empty(target, request.target_database, dump.format());
    }
    is_wanted = may_go_on(target, dump, request, Novelty::exists);
    return fitting;
  }();
  if (!is_wanted) return {};
  const TargetPart* const chosen = part ? &*part : nullptr;
  Restored restored = feed(clients, dump, request, chosen);
  look_after(restored, request, chosen);
  return restored;
}

Restored Restore::to_created(StoredDump& dump, const RestoreRequest& request, const Toc* toc,
                             const DatabaseProperties* properties) {
  std::optional<TargetPart> part;
  if (toc != nullptr) part = choose_target_part(*toc, request, nullptr, log_);
  bool is_wanted = false;
  CreatedDatabase database(settings_.pg, request, properties, log_);
  const RestoreClients clients = [&] {
    PgConnection maintenance = connect_maintenance(settings_.pg, stop_);
    RestoreClients fitting = find_clients_for(maintenance, dump, request);
    database.refuse_existing(maintenance);
    is_wanted = request.replace || may_go_on(maintenance, dump, request, Novelty::is_new);
    return fitting;
  }();
  if (!is_wanted) return {};
  std::optional<LocalCopy> copy;
  if (request.jobs > 1) copy.emplace(dump, environment_, clock_, log_);
  {
    // Closed before the restore starts: the role may have no more than one connection.
    PgConnection maintenance = connect_maintenance(settings_.pg, stop_);
    database.create(maintenance);
  }
  const TargetPart* const chosen = part ? &*part : nullptr;
  Restored restored;
  try {
    database.prepare(stop_);
    restored = feed(clients, dump, request, chosen, copy ? &*copy : nullptr);
    look_after(restored, request, chosen);
    database.complete();
  } catch (...) {
    if (request.in_one_transaction()) {
      database.drop();
    } else {
      log_.warn("the database remains as far as it was restored: drop it before you try again",
                {{"database", request.target_database}});
    }
    throw;
  }
  return restored;
}

Restored Restore::to_replaced(StoredDump& dump, const RestoreRequest& request) {
  ReplacedDatabase replaced(settings_.pg, request.target_database, clock_.now(), log_);
  {
    PgConnection maintenance = connect_maintenance(settings_.pg, stop_);
    replaced.check(maintenance);
    if (!may_go_on(maintenance, dump, request, Novelty::is_replaced)) return {};
  }
  // A file of pg_dump does not tell who may enter the database: the old one does.
  std::optional<DatabaseProperties> of_old;
  if (dump.properties() == nullptr) of_old = replaced.read_old_properties(stop_);
  RestoreRequest beside = request;
  beside.target_database = replaced.temporary_name();
  Restored restored = to_created(dump, beside, nullptr, of_old ? &*of_old : dump.properties());
  if (restored.failure) {
    throw Error(restored.failure->kind(),
                fmt::format("{}; '{}' was not replaced", restored.failure->message(),
                            request.target_database),
                fmt::format("what was restored is in '{}'", beside.target_database));
  }
  replaced.swap();
  return restored;
}

/// Says what is about to be done, and returns whether to do so.
bool Restore::may_go_on(PgConnection& server, const StoredDump& dump, const RestoreRequest& request,
                        Novelty novelty) {
  log_.info("about to restore",
            {{"what", announce(dump.backup(), request, novelty,
                               describe_server(server, settings_.pg), clock_.now())}});
  if (request.dry_run) return false;
  if (request.clean) {
    confirm(request.yes,
            fmt::format("Drop everything in '{}' that {} holds, and restore it?",
                        request.target_database,
                        request.part.is_whole() ? dump.backup().folder() : "this part"),
            stop_);
  } else if (request.replace) {
    confirm(
        request.yes,
        fmt::format("End the sessions of '{}' when the new database is complete, and replace it?",
                    request.target_database),
        stop_);
  } else if (can_ask()) {
    confirm(request.yes, "Restore it?", stop_);
  }
  return true;
}

/// Brings statistics, and counts the rows of tables that this restore has made.
void Restore::look_after(Restored& restored, const RestoreRequest& request,
                         const TargetPart* part) {
  if (!request.part.restores(TocSection::data)) return;
  const PgConfig target = settings_.pg.with_database(request.target_database);
  if (!request.no_analyze) analyze(target, part, stop_, log_);
  const bool are_new =
      request.part.restores(TocSection::pre_data) && (part != nullptr || !request.clean);
  if (are_new) restored.rows = count_rows(target, part, stop_);
}

Restored Restore::feed(const RestoreClients& clients, StoredDump& dump,
                       const RestoreRequest& request, const TargetPart* part,
                       const LocalCopy* copy) {
  for (const std::string& advice : restore_advice(clients.versions)) {
    log_.warn("about the versions", {{"advice", advice}});
  }
  const std::string application = "pg-backup restore " + random_hex(4);
  const PgConfig target = [&] {
    PgConfig config = settings_.pg.with_database(request.target_database);
    PgConnection connection(config, stop_);
    const std::string options = session_options(connection);
    return session_config(std::move(config), environment_, application, options);
  }();
  std::optional<LockWatch> watch;
  if (request.clean || (part != nullptr && !request.create)) {
    watch.emplace(target.with_database(target.database), application, settings_.lock_timeout, log_);
  }
  const RestoreSession session{.clients = clients,
                               .request = request,
                               .target = target,
                               .environment = restore_environment(environment_),
                               .part = part,
                               .copy = copy};
  try {
    const bool is_sql = dump.format() == StreamFormat::plain || clients.psql;
    Restored restored = is_sql ? feed_psql(session, dump) : feed_pg_restore(session, dump);
    restored.tables = part == nullptr ? dump.tables() : part->tables();
    return restored;
  } catch (...) {
    const std::string verdict = watch ? watch->verdict() : "";
    if (verdict.empty()) throw;
    const Error error = current_error();
    throw Error(error.kind(), fmt::format("{}: {}", verdict, error.message()),
                "end that session, or restore when it has ended");
  }
}

ClientHint Restore::hint_of(const RestoreSession& session) {
  return [&session](std::string_view errors) {
    std::string text = restore_hint(errors, session.request.in_one_transaction());
    return text.empty() ? older_target_hint(session.clients.versions) : text;
  };
}

/// Feeds the dump to pg_restore. On any error the destructor kills the process before its stdin is
/// closed: pg_restore never sees an end that was not ours.
Restored Restore::feed_pg_restore(const RestoreSession& session, StoredDump& dump) {
  ClientProcess process(
      {.program = session.clients.program,
       .arguments = pg_restore_arguments(session),
       .further_fds = {session.part == nullptr ? -1 : session.part->use_list.get(),
                       session.copy == nullptr ? -1 : session.copy->fd()}},
      session.target, session.environment, stop_);
  ClientSink sink(process.process(), "pg_restore", hint_of(session),
                  {.after_error = session.request.keep_going ? AfterError::go_on : AfterError::stop,
                   .early_end = early_end(session)});
  if (session.copy != nullptr) sink.finish();
  const uint64_t bytes =
      session.copy == nullptr ? dump.copy(sink, clock_, log_) : session.copy->bytes();
  return {.bytes = bytes, .failure = describe_failures(sink.failures(), log_)};
}

Restored Restore::feed_psql(const RestoreSession& session, StoredDump& dump) {
  const RestoreClients& clients = session.clients;
  ClientProcess process(
      {.program = clients.psql.value_or(clients.program), .arguments = psql_arguments()},
      session.target, session.environment, stop_);
  wait_until_connected(process, hint_of(session));
  ClientSink sink(process.process(), "psql", hint_of(session));
  SqlGuard guard(sink, {.single_transaction = session.request.in_one_transaction(),
                        .unknown_settings = unknown_settings(clients.versions.target)});
  const uint64_t bytes =
      clients.psql ? copy_as_sql(session, dump, guard) : dump.copy(guard, clock_, log_);
  if (!has_printed(process.process(), guard.end_word())) {
    throw Error(ErrorKind::corrupt,
                "the SQL ends within a statement, so that psql did not commit it",
                "write it to a file with --output, and look at it");
  }
  return {.bytes = bytes};
}

/// Turns the archive into SQL, of which `guard` leaves out what the target does not know.
uint64_t Restore::copy_as_sql(const RestoreSession& session, StoredDump& dump, SqlGuard& guard) {
  std::vector<std::string> arguments = pg_restore_arguments(session);
  arguments.insert(arguments.begin(), session.clients.program.path.string());
  arguments.emplace_back("--file=-");
  Process process(
      {.argv = arguments,
       .environment = client_environment(session.environment, false),
       .inherited_fds = {-1, session.part == nullptr ? -1 : session.part->use_list.get()}},
      stop_);
  ScriptSink script(process, guard, hint_of(session), early_end(session));
  return dump.copy(script, clock_, log_);
}

void Restore::check_clean(PgConnection& target, const ClientProgram& pg_restore, StoredDump& dump,
                          const RestoreRequest& request) {
  const ArchiveContents contents(
      table_of_contents(dump, pg_restore, restore_environment(environment_), stop_));
  const std::vector<TableName> tables = list_tables(target);
  refuse_what_is_in_the_way(target, tables, contents);
  const std::vector<std::string> remaining = tables_unknown_to(tables, contents);
  if (remaining.empty()) return;
  log_.warn("the backup does not know these tables; they will remain",
            {{"database", request.target_database},
             {"tables", fmt::format("{}", fmt::join(remaining, ", "))}});
}

RestoreClients Restore::find_clients_for(PgConnection& server, const StoredDump& dump,
                                         const RestoreRequest& request) {
  return find_restore_clients(
      {.bindir = settings_.bindir, .environment = environment_, .stop = stop_}, server, dump,
      request);
}

}  // namespace pgbackup
