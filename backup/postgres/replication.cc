#include "backup/postgres/replication.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/base/text.h"

namespace pgbackup {
namespace {

constexpr int kFirstVersion = 130000;
constexpr int kFirstVersionToReadSlots = 150000;

/// Returns the settings that make libpq's connection one for replication. The database is what
/// password files name such connections by.
/// https://www.postgresql.org/docs/current/libpq-pgpass.html
PgSettings replication_settings() { return {{"replication", "true"}, {"dbname", "replication"}}; }

bool is_copy(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

}  // namespace

ReplicationConnection::ReplicationConnection(const PgConfig& config, const std::stop_token& stop,
                                             const ReplicationLimits& limits)
    : limits_(limits), link_(config, replication_settings(), stop) {
  if (server_version() < kFirstVersion) {
    throw Error(
        ErrorKind::failed,
        fmt::format("PostgreSQL {} is too old for physical backups", server_version() / 10000),
        "physical backups need PostgreSQL 13 or later");
  }
}

SystemIdentity ReplicationConnection::identify_system() {
  const PgResult result = execute("IDENTIFY_SYSTEM");
  SystemIdentity identity{.system_id = value_at(result.get(), 0, 0).value_or(""),
                          .timeline = timeline_at(result.get(), 0, 1),
                          .position = lsn_at(result.get(), 0, 2)};
  if (!is_system_id(identity.system_id)) throw protocol_error("a system identifier");
  return identity;
}

std::string ReplicationConnection::show(std::string_view setting) {
  const PgResult result = execute(fmt::format("SHOW {}", setting));
  return value_at(result.get(), 0, 0).value_or("");
}

std::string ReplicationConnection::timeline_history(Timeline timeline) {
  const PgResult result = execute(fmt::format("TIMELINE_HISTORY {}", timeline));
  return value_at(result.get(), 0, 1).value_or("");
}

void ReplicationConnection::create_slot(std::string_view slot, SlotLife life) {
  execute(create_slot_command(slot, life, server_version()));
}

void ReplicationConnection::drop_slot(std::string_view slot) {
  static_cast<void>(read_slot(slot));  // refuses a logical slot, which is somebody else's
  execute(drop_slot_command(slot));
}

std::optional<SlotState> ReplicationConnection::read_slot(std::string_view slot) {
  if (server_version() < kFirstVersionToReadSlots) return std::nullopt;
  constexpr std::string_view kLogical = "0A000";  // feature_not_supported
  const PgResult result = answer_to(read_slot_command(slot));
  if (sqlstate_of(result.get()) == kLogical) {
    throw Error(ErrorKind::conflict, replication_error(result.get()).message(),
                "the slot is somebody else's: choose another name");
  }
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) throw replication_error(result.get());
  SlotState state{.exists = value_at(result.get(), 0, 0).has_value(), .restart = {}};
  if (value_at(result.get(), 0, 1)) state.restart = lsn_at(result.get(), 0, 1);
  return state;
}

void ReplicationConnection::send(const std::string& command) {
  link_.check_sent(PQsendQuery(link_.get(), command.c_str()));
}

PgResult ReplicationConnection::next_result(std::chrono::milliseconds limit,
                                            std::string_view what) {
  return link_.next_result(std::chrono::steady_clock::now() + limit, what);
}

void ReplicationConnection::finish_command(std::string_view what) {
  try {
    while (const PgResult rest = next_result(limits_.answer, what)) {
      // libpq would return it again and again.
      if (is_copy(rest.get())) throw protocol_error("a stream");
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::transient) throw;
  }
}

/// Executes a command with one result.
PgResult ReplicationConnection::execute(const std::string& command) {
  PgResult result = answer_to(command);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw replication_error(result.get());
  }
  return result;
}

/// Returns the one result of a command, be it an error.
PgResult ReplicationConnection::answer_to(const std::string& command) {
  const std::string_view what = std::string_view(command).substr(0, command.find(' '));
  send(command);
  PgResult result = next_result(limits_.answer, what);
  finish_command(what);
  return result;
}

Error replication_error(const PGresult* result) {
  Error error = statement_error(result);
  if (sqlstate_of(result) != "55006") return error;
  return {ErrorKind::transient, error.message(),
          "one connection at a time can use a slot: does another pg-backup stream by that name?"};
}

std::optional<std::string> value_at(const PGresult* result, int row, int column) {
  if (row >= PQntuples(result) || column >= PQnfields(result)) throw protocol_error("a result");
  if (PQgetisnull(result, row, column) == 1) return std::nullopt;
  return std::string(PQgetvalue(result, row, column),
                     static_cast<size_t>(PQgetlength(result, row, column)));
}

Lsn lsn_at(const PGresult* result, int row, int column) {
  const std::optional<Lsn> lsn = parse_lsn(value_at(result, row, column).value_or(""));
  if (!lsn) throw protocol_error("a position");
  return *lsn;
}

Timeline timeline_at(const PGresult* result, int row, int column) {
  const std::string text = value_at(result, row, column).value_or("");
  Timeline timeline = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, timeline);
  if (error != std::errc() || stopped != end || timeline == 0) throw protocol_error("a timeline");
  return timeline;
}

Error protocol_error(std::string_view what) {
  return {ErrorKind::corrupt,
          fmt::format("PostgreSQL sent {} that is not of the replication protocol", what)};
}

}  // namespace pgbackup
