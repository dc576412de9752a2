#include "backup/postgres/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "common/base/error.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

using std::chrono::steady_clock;

constexpr auto kConnectLimit = std::chrono::minutes(1);  // then no further place is tried

/// Returns what libpq says, which may be nothing at all, trimmed. The newline and tab that libpq
/// puts before "Is the server running ...?" become one space.
std::string message_of(const char* text) {
  std::string message(trimmed(text == nullptr ? "" : text));
  constexpr std::string_view kBreak = "\n\t";
  for (size_t at = message.find(kBreak); at != std::string::npos; at = message.find(kBreak)) {
    message.replace(at, kBreak.size(), " ");
  }
  return message;
}

ErrorKind kind_of(std::string_view sqlstate) {
  if (sqlstate == "42501") return ErrorKind::denied;
  if (sqlstate == "3D000" || sqlstate == "42704" || sqlstate == "58P01") {
    return ErrorKind::not_found;
  }
  if (sqlstate == "57014") return ErrorKind::transient;  // query_canceled
  if (sqlstate == "42P04" || sqlstate == "42710") return ErrorKind::conflict;
  return ErrorKind::failed;
}

std::string describe(const PgPlace& place) {
  if (place.address.empty()) return fmt::format("{} port {}", place.host, place.port);
  return fmt::format("{} ({}) port {}", place.host, place.address, place.port);
}

/// Removes the place with that address, or the first one: what stands before the silent place has
/// failed already.
void remove_place(std::vector<PgPlace>& places, const PgPlace& silent) {
  if (places.empty()) return;
  const auto found = std::find_if(places.begin(), places.end(), [&](const PgPlace& place) {
    return place.address == silent.address && place.port == silent.port;
  });
  places.erase(found == places.end() ? places.begin() : found);
}

}  // namespace

ConnectFailure judge_connect_failure(std::string_view message) {
  struct Sign {
    std::string_view text;
    std::string_view further_text;
    ConnectFailure failure;
  };
  static constexpr std::array<Sign, 12> kSigns = {
      {{"password authentication failed", "", {ErrorKind::denied, "check DB_USER and DB_PASSWORD"}},
       {"no password supplied",
        "",
        {ErrorKind::denied, "set DB_PASSWORD, DB_PASSWORD_FILE or a passfile (PGPASSFILE)"}},
       {"no pg_hba.conf entry",
        "",
        {ErrorKind::denied, "allow this role and address in the server's pg_hba.conf"}},
       {"pg_hba.conf rejects",
        "",
        {ErrorKind::denied, "allow this role and address in the server's pg_hba.conf"}},
       {"permission denied for database",
        "",
        {ErrorKind::denied,
         "grant CONNECT on the database to the role, or leave the database out"}},
       {"is not currently accepting connections",
        "",
        {ErrorKind::denied,
         "allow connections (ALTER DATABASE ... ALLOW_CONNECTIONS true), or leave the database "
         "out"}},
       {"is not permitted to log in",
        "",
        {ErrorKind::denied, "let the role log in (ALTER ROLE ... LOGIN)"}},
       {"database \"",
        "\" does not exist",
        {ErrorKind::not_found,
         "names are taken literally, with case; restore --create makes a missing database"}},
       {"role \"", "\" does not exist", {ErrorKind::denied, "check DB_USER, with case"}},
       {"root certificate file \"",
        "\" does not exist",
        {ErrorKind::not_found,
         "name the file with the authority of the server's certificate in PGSSLROOTCERT"}},
       {"could not translate host name", "", {ErrorKind::transient, "check DB_HOST"}},
       {"Connection refused",
        "",
        {ErrorKind::transient, "check DB_HOST and DB_PORT, and that the server listens there"}}}};
  for (const Sign& sign : kSigns) {
    const size_t start = message.find(sign.text);
    if (start == std::string_view::npos) continue;
    if (message.find(sign.further_text, start + sign.text.size()) != std::string_view::npos) {
      return sign.failure;
    }
  }
  return {};
}

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

PgConnection::PgConnection(const PgConfig& config, const std::stop_token& stop) : stop_(stop) {
  PgSettings settings = connection_settings(config);
  settings.emplace_back("client_encoding", "UTF8");
  std::vector<PgPlace> places = look_up(list_places(settings), stop_);
  const std::chrono::seconds limit = place_limit(places.size());
  const auto end = steady_clock::now() + kConnectLimit;
  std::string silent;
  while (true) {
    start(with_places(settings, places), config);
    if (connect(limit)) break;
    // libpq would wait there for ever: it starts again without that place.
    silent += fmt::format("{}no answer from {} within {} s", silent.empty() ? "" : "; ",
                          describe(present_place()), limit.count());
    remove_place(places, present_place());
    if (places.empty() || steady_clock::now() >= end) {
      throw Error(ErrorKind::transient, "cannot connect to PostgreSQL: " + silent,
                  "check DB_HOST and DB_PORT, and firewalls on the way");
    }
  }
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    const std::string message = message_of(PQerrorMessage(connection_.get()));
    const ConnectFailure failure = judge_connect_failure(message);
    throw Error(failure.kind,
                fmt::format("cannot connect to PostgreSQL: {}{}{}", message,
                            silent.empty() ? "" : "; ", silent),
                failure.hint);
  }
  // libpq would print them on stderr.
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  prepare_session();
}

void PgConnection::start(const PgSettings& settings, const PgConfig& config) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  keys.reserve(settings.size() + 2);  // for the password and the end
  values.reserve(settings.size() + 2);
  for (const auto& [key, value] : settings) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  std::string password(config.password.reveal());
  const Fd passfile = make_passfile(config);
  const std::string passfile_path = fmt::format("/proc/self/fd/{}", passfile.get());
  if (!password.empty()) {
    keys.push_back("password");
    values.push_back(password.c_str());
  } else if (passfile.is_open()) {
    keys.push_back("passfile");
    values.push_back(passfile_path.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectStartParams(keys.data(), values.data(), 0));
  wipe(password);
  if (connection_ == nullptr) throw Error(ErrorKind::failed, "libpq: out of memory");
}

/// Returns whether there is an answer, a good one or a bad one; false when the present place of
/// libpq has not given one within `limit`.
bool PgConnection::connect(std::chrono::seconds limit) {
  PGconn* const connection = connection_.get();
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  std::string place;
  auto deadline = steady_clock::now() + limit;
  while (PQstatus(connection) != CONNECTION_BAD && state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) break;
    const std::string present = describe(present_place());
    if (present != place) deadline = steady_clock::now() + limit;
    place = present;
    const bool reads = state == PGRES_POLLING_READING;
    std::array<pollfd, 1> fds = {
        {{PQsocket(connection), static_cast<short>(reads ? POLLIN : POLLOUT), 0}}};
    if (!stop_.wait(fds, deadline)) return false;
    state = PQconnectPoll(connection);
  }
  return true;
}

PgPlace PgConnection::present_place() const {
  const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  const PGconn* const connection = connection_.get();
  return {text(PQhost(connection)), text(PQhostaddr(connection)), text(PQport(connection))};
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
      const bool is_over = PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
      if (error.kind() != ErrorKind::transient || !is_over || tries == kTries) throw;
    }
  }
}

void PgConnection::wait_for(short events, steady_clock::time_point deadline, const char* what) {
  std::array<pollfd, 1> fds = {{{PQsocket(connection_.get()), events, 0}}};
  if (!stop_.wait(fds, deadline)) {
    throw Error(ErrorKind::transient,
                fmt::format("PostgreSQL does not answer: {} took too long", what));
  }
}

PgRows PgConnection::query(const std::string& sql, const std::vector<std::string>& parameters,
                           std::chrono::seconds limit) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  PGconn* const connection = connection_.get();
  const auto fail = [&](ErrorKind kind, const char* message) {
    throw Error(kind, "PostgreSQL: " + message_of(message));
  };
  if (PQsendQueryParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, 0) != 1) {
    fail(ErrorKind::failed, PQerrorMessage(connection));
  }
  const auto deadline = steady_clock::now() + limit;
  PgRows rows;
  std::optional<Error> failure;  // thrown when the connection is ready for the next statement
  while (true) {
    while (PQisBusy(connection) == 1) {
      wait_for(POLLIN, deadline, "a query");
      if (PQconsumeInput(connection) != 1) fail(ErrorKind::transient, PQerrorMessage(connection));
    }
    const Handle<PGresult, PQclear> result(PQgetResult(connection));
    if (result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      const char* const state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      failure = Error(kind_of(state == nullptr ? "" : state),
                      "PostgreSQL: " + message_of(PQresultErrorMessage(result.get())));
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

void PgConnection::hide_statements() { PQsetErrorVerbosity(connection_.get(), PQERRORS_TERSE); }

bool PgConnection::is_superuser() const {
  const char* const value = PQparameterStatus(connection_.get(), "is_superuser");
  return value != nullptr && std::string_view(value) == "on";
}

std::string PgConnection::quote_identifier(std::string_view name) const {
  const Handle<char, PQfreemem> quoted(
      PQescapeIdentifier(connection_.get(), name.data(), name.size()));
  if (quoted == nullptr)
    throw Error(ErrorKind::failed, message_of(PQerrorMessage(connection_.get())));
  return quoted.get();
}

std::string PgConnection::quote_literal(std::string_view text) const {
  const Handle<char, PQfreemem> quoted(
      PQescapeLiteral(connection_.get(), text.data(), text.size()));
  if (quoted == nullptr)
    throw Error(ErrorKind::failed, message_of(PQerrorMessage(connection_.get())));
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
