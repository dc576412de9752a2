#include "backup/postgres/connection.h"

#include <fmt/format.h>

#include <array>
#include <optional>

namespace pgbackup {

std::string session_sql(int version) {
  struct SessionDefault {
    const char* name;
    const char* value;
    int since;  ///< server_version_num
  };
  static constexpr std::array<SessionDefault, 7> kSessionDefaults = {
      {{"search_path", "", 0},
       {"statement_timeout", "0", 0},
       {"lock_timeout", "0", 90300},
       {"idle_in_transaction_session_timeout", "0", 90600},
       {"idle_session_timeout", "0", 140000},
       {"transaction_timeout", "0", 170000},
       {"default_transaction_read_only", "off", 0}}};
  std::string sql;
  for (const SessionDefault& setting : kSessionDefaults) {
    if (version < setting.since) continue;
    sql += fmt::format("{} pg_catalog.set_config('{}', '{}', false)", sql.empty() ? "SELECT" : ",",
                       setting.name, setting.value);
  }
  return sql;
}

PgConnection::PgConnection(const PgConfig& config, const std::stop_token& stop)
    : link_(config, {}, stop) {
  prepare_session();
}

/// Executes session_sql(), repeatedly if need be: a statement_timeout of milliseconds may end the
/// very statement that lifts it.
void PgConnection::prepare_session() {
  constexpr int kTries = 20;
  const std::string sql = session_sql(server_version());
  for (int tries = 1;; ++tries) {
    try {
      query(sql);
      return;
    } catch (const Error& error) {
      const bool is_over = PQtransactionStatus(link_.get()) == PQTRANS_IDLE;
      if (error.kind() != ErrorKind::transient || !is_over || tries == kTries) throw;
    }
  }
}

PgRows PgConnection::query(const std::string& sql, const std::vector<std::string>& parameters,
                           std::chrono::seconds limit) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  link_.check_sent(PQsendQueryParams(link_.get(), sql.c_str(), static_cast<int>(values.size()),
                                     nullptr, values.data(), nullptr, nullptr, 0));
  const auto deadline = std::chrono::steady_clock::now() + limit;
  PgRows rows;
  std::optional<Error> failure;  // thrown when the connection is ready for the next statement
  while (const PgResult result = link_.next_result(deadline, "a query")) {
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      failure = statement_error(result.get());
    }
    for (int i = 0; i < PQntuples(result.get()); ++i) {
      std::vector<std::string>& row = rows.emplace_back();
      for (int j = 0; j < PQnfields(result.get()); ++j) {
        row.emplace_back(PQgetvalue(result.get(), i, j));
      }
    }
  }
  if (failure) throw Error(*failure);
  return rows;
}

void PgConnection::hide_statements() { PQsetErrorVerbosity(link_.get(), PQERRORS_TERSE); }

bool PgConnection::is_superuser() const {
  const char* const value = PQparameterStatus(link_.get(), "is_superuser");
  return value != nullptr && std::string_view(value) == "on";
}

std::string PgConnection::quote_identifier(std::string_view name) const {
  const Handle<char, PQfreemem> quoted(PQescapeIdentifier(link_.get(), name.data(), name.size()));
  if (quoted == nullptr) throw Error(ErrorKind::failed, libpq_message(PQerrorMessage(link_.get())));
  return quoted.get();
}

std::string PgConnection::quote_literal(std::string_view text) const {
  const Handle<char, PQfreemem> quoted(PQescapeLiteral(link_.get(), text.data(), text.size()));
  if (quoted == nullptr) throw Error(ErrorKind::failed, libpq_message(PQerrorMessage(link_.get())));
  return quoted.get();
}

Error maintenance_error(const Error& of_postgres, const Error& of_template1) {
  std::string same = of_template1.message();
  constexpr std::string_view kOther = "template1";
  for (size_t at = same.find(kOther); at != std::string::npos; at = same.find(kOther)) {
    same.replace(at, kOther.size(), "postgres");
  }
  if (same == of_postgres.message()) return of_postgres;
  return Error(
      of_postgres.kind() == ErrorKind::transient ? of_postgres.kind() : of_template1.kind(),
      fmt::format("{}; and with template1: {}", of_postgres.message(), of_template1.message()),
      of_template1.hint());
}

PgConnection connect_maintenance(const PgConfig& config, const std::stop_token& stop) {
  std::optional<Error> failure;
  for (const char* const database : {"postgres", "template1"}) {
    try {
      return {config.with_database(database), stop};
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::canceled) throw;
      failure = failure ? maintenance_error(*failure, error) : error;
    }
  }
  throw Error(*failure);
}

}  // namespace pgbackup
