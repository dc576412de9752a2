#include "backup/pg.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "backup/database_properties.h"
#include "common/base/error.h"

namespace pgbackup {
namespace {

using std::chrono::steady_clock;

constexpr auto kConnectLimit = std::chrono::seconds(30);

/// Schemas that are not the user's.
constexpr const char* kUserSchemas = "n.nspname <> 'information_schema' and n.nspname !~ '^pg_'";

std::string trimmed(const char* text) {
  std::string message = text == nullptr ? "" : text;
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.pop_back();
  return message;
}

ErrorKind kind_of(std::string_view sqlstate) {
  if (sqlstate == "42501") return ErrorKind::denied;
  if (sqlstate == "3D000" || sqlstate == "42704" || sqlstate == "58P01") {
    return ErrorKind::not_found;
  }
  if (sqlstate == "42P04" || sqlstate == "42710") return ErrorKind::conflict;
  return ErrorKind::failed;
}

std::string connect_hint(std::string_view message) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kHints = {{
      {"password authentication failed", "check DB_USER and DB_PASSWORD"},
      {"no password supplied", "set DB_PASSWORD, DB_PASSWORD_FILE or a passfile (PGPASSFILE)"},
      {"does not exist",
       "names are taken literally, with case; restore --create makes a missing database"},
      {"could not translate host name", "check DB_HOST"},
      {"Connection refused", "check DB_HOST and DB_PORT, and that the server listens there"},
  }};
  for (const auto& [sign, hint] : kHints) {
    if (message.find(sign) != std::string_view::npos) return std::string(hint);
  }
  return "";
}

template <class Number>
Number to_number(const std::string& text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The columns of pg_database that hold locales have changed their names twice.
std::string properties_sql(int version) {
  std::string provider = "'c'";
  std::string locale = "''";
  if (version >= 150000) {
    provider = "datlocprovider";
    locale = version >= 170000 ? "datlocale" : "daticulocale";
  }
  return fmt::format(
      "select pg_encoding_to_char(encoding), {}, datcollate, datctype, {} from pg_database "
      "where datname = current_database()",
      provider, locale);
}

DatabaseProperties read_properties(PgConnection& connection) {
  const PgRows rows = connection.query(properties_sql(connection.server_version()));
  const std::vector<std::string>& row = rows.at(0);
  DatabaseProperties properties{row[0], row[1], row[2], row[3], row[4], {}};
  for (const auto& setting : connection.query(
           "select unnest(s.setconfig) from pg_db_role_setting s join pg_database d "
           "on d.oid = s.setdatabase where s.setrole = 0 and d.datname = current_database()")) {
    properties.settings.push_back(setting.at(0));
  }
  read_further_properties(connection, properties);
  return properties;
}

std::string read_system_identifier(PgConnection& connection) {
  try {
    return connection.query("select system_identifier::text from pg_control_system()").at(0).at(0);
  } catch (const Error& error) {
    // Some providers revoke it; the manifest then does without.
    if (error.kind() == ErrorKind::canceled || error.kind() == ErrorKind::transient) throw;
    return "";
  }
}

}  // namespace

PgConfig PgConfig::with_database(std::string name) const {
  return {.host = host,
          .port = port,
          .port_is_set = port_is_set,
          .database = std::move(name),
          .user = user,
          .password = password.clone(),
          .passfile = passfile.clone(),
          .further = further};
}

std::vector<std::pair<std::string, std::string>> connection_settings(const PgConfig& config) {
  std::vector<std::pair<std::string, std::string>> settings;
  const auto add = [&](const char* key, std::string value) {
    if (!value.empty()) settings.emplace_back(key, std::move(value));
  };
  add("host", config.host);
  // Without a host of ours the port may come from a service file.
  if (!config.host.empty() || config.port_is_set) add("port", std::to_string(config.port));
  add("user", config.user);
  add("dbname", config.database);
  settings.insert(settings.end(), config.further.begin(), config.further.end());
  add("fallback_application_name", "pg-backup");
  // A peer that is gone without a word is noticed after about 3 minutes, not after 2 hours.
  add("keepalives_idle", "60");
  add("keepalives_interval", "15");
  add("keepalives_count", "8");
  return settings;
}

void read_database_url(PgConfig& config, const Secret& url) {
  std::string text(url.reveal());
  char* complaint = nullptr;
  const Handle<PQconninfoOption, PQconninfoFree> options(PQconninfoParse(text.c_str(), &complaint));
  wipe(text);
  const Handle<char, PQfreemem> freed(complaint);
  if (options == nullptr) {
    throw Error(ErrorKind::usage,
                "libpq cannot read it: write a URL such as "
                "postgres://user:password@host:5432/database, with libpq's own parameters");
  }
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "password") {
      config.password = Secret(option->val);
    } else if (std::string_view(option->dispchar) == "*") {
      throw Error(ErrorKind::usage,
                  fmt::format("{} is a secret that every process could read: it has no place in a "
                              "URL; use a service file (PGSERVICE)",
                              keyword));
    } else if (keyword != "dbname") {
      config.further.emplace_back(keyword, option->val);
    } else if (config.database.empty()) {
      config.database = option->val;
    }
  }
}

Fd make_passfile(const PgConfig& config) {
  if (config.password.empty()) {
    if (config.passfile.empty()) return {};
    return make_memory_file("passfile", config.passfile.reveal());
  }
  std::string line = "*:*:*:*:";
  for (const char c : config.password.reveal()) {
    if (c == ':' || c == '\\') line += '\\';
    line += c;
  }
  line += '\n';
  Fd file = make_memory_file("passfile", line);
  wipe(line);
  return file;
}

PgConnection::PgConnection(const PgConfig& config, const std::stop_token& stop) : stop_(stop) {
  std::vector<std::pair<std::string, std::string>> settings = connection_settings(config);
  settings.emplace_back("client_encoding", "UTF8");
  std::vector<const char*> keys;
  std::vector<const char*> values;
  keys.reserve(settings.size() + 2);  // and the password, and the end
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
  connect();
}

void PgConnection::connect() {
  const auto deadline = steady_clock::now() + kConnectLimit;
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (PQstatus(connection_.get()) != CONNECTION_BAD && state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) break;
    wait_for(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline,
             "connecting (DB_HOST, DB_PORT, and firewalls on the way)");
    state = PQconnectPoll(connection_.get());
  }
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    std::string message = trimmed(PQerrorMessage(connection_.get()));
    std::string hint = connect_hint(message);
    throw Error(ErrorKind::transient, "cannot connect to PostgreSQL: " + message, std::move(hint));
  }
  // libpq would print them on stderr.
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
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
    throw Error(kind, "PostgreSQL: " + trimmed(message));
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
                      "PostgreSQL: " + trimmed(PQresultErrorMessage(result.get())));
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

std::string PgConnection::quote_identifier(std::string_view name) const {
  const Handle<char, PQfreemem> quoted(
      PQescapeIdentifier(connection_.get(), name.data(), name.size()));
  if (quoted == nullptr) throw Error(ErrorKind::failed, trimmed(PQerrorMessage(connection_.get())));
  return quoted.get();
}

std::string PgConnection::quote_literal(std::string_view text) const {
  const Handle<char, PQfreemem> quoted(
      PQescapeLiteral(connection_.get(), text.data(), text.size()));
  if (quoted == nullptr) throw Error(ErrorKind::failed, trimmed(PQerrorMessage(connection_.get())));
  return quoted.get();
}

PgConnection connect_maintenance(const PgConfig& config, const std::stop_token& stop) {
  try {
    return {config.with_database("postgres"), stop};
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled) throw;
    return {config.with_database("template1"), stop};
  }
}

ServerInfo read_globals_info(PgConnection& connection) {
  const PgRows rows = connection.query(
      "select current_database(), has_table_privilege('pg_catalog.pg_authid', 'select')");
  ServerInfo info{.database = rows.at(0).at(0),
                  .version = connection.server_version(),
                  .system_identifier = read_system_identifier(connection),
                  .properties = {}};
  info.may_read_passwords = rows.at(0).at(1) == "t";
  return info;
}

ServerInfo read_server_info(PgConnection& connection) {
  const PgRows sizes = connection.query(
      fmt::format("select current_database(), count(*) filter (where c.relkind in ('r', 'p')), "
                  "coalesce(sum(c.relpages::int8 + coalesce(t.relpages, 0)), 0)::int8 * "
                  "current_setting('block_size')::int8, "
                  "exists(select 1 from pg_largeobject_metadata) from pg_class c "
                  "join pg_namespace n on n.oid = c.relnamespace "
                  "left join pg_class t on t.oid = c.reltoastrelid "
                  "where c.relkind in ('r', 'p', 'm') and {}",
                  kUserSchemas));
  return {.database = sizes.at(0).at(0),
          .version = connection.server_version(),
          .system_identifier = read_system_identifier(connection),
          .tables = to_number<int64_t>(sizes.at(0).at(1)),
          .table_bytes = to_number<uint64_t>(sizes.at(0).at(2)),
          .properties = read_properties(connection),
          .has_large_objects = sizes.at(0).at(3) == "t"};
}

}  // namespace pgbackup
