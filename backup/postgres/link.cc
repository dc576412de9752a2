#include "backup/postgres/link.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "common/base/text.h"

namespace pgbackup {
namespace {

using std::chrono::steady_clock;

constexpr auto kConnectLimit = std::chrono::minutes(1);  // then no further place is tried

ErrorKind kind_of(std::string_view sqlstate) {
  if (sqlstate == "42501") return ErrorKind::denied;
  if (sqlstate == "3D000" || sqlstate == "42704" || sqlstate == "58P01") {
    return ErrorKind::not_found;
  }
  if (sqlstate == "57014") return ErrorKind::transient;           // query_canceled
  if (sqlstate.starts_with("57P0")) return ErrorKind::transient;  // the server stops or starts
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

/// Returns what stands in double quotes after `label`: `user "app"`.
std::string_view quoted_after(std::string_view message, std::string_view label) {
  const size_t at = message.find(label);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = message.substr(at + label.size());
  return rest.substr(0, rest.find('"'));
}

/// Is followed by that line.
constexpr const char* kReplicationHint =
    "let the role in by a line in the server's pg_hba.conf, and reload it: ";

/// Returns the line of pg_hba.conf that lets in whom `message` refuses.
/// https://www.postgresql.org/docs/current/auth-pg-hba-conf.html
std::string replication_line(std::string_view message) {
  const std::string_view host = quoted_after(message, "host \"");
  const std::string_view user = quoted_after(message, "user \"");
  if (host.empty() || user.empty()) return "host replication ROLE ADDRESS scram-sha-256";
  if (host == "[local]") return fmt::format("local replication \"{}\" scram-sha-256", user);
  const bool is_ipv6 = host.find(':') != std::string_view::npos;
  return fmt::format("host replication \"{}\" {}/{} scram-sha-256", user, host, is_ipv6 ? 128 : 32);
}

/// Returns the hint with the names of the settings that the connection is made of: `TARGET_HOST`
/// in place of `DB_HOST`.
std::string with_setting_names(std::string hint, const PgConfig& config) {
  const std::string prefix = config.named_by + "_";
  constexpr std::string_view kUsual = "DB_";
  for (size_t at = hint.find(kUsual); at != std::string::npos;
       at = hint.find(kUsual, at + prefix.size())) {
    hint.replace(at, kUsual.size(), prefix);
  }
  return hint;
}

}  // namespace

ConnectFailure judge_connect_failure(std::string_view message) {
  struct Sign {
    std::string_view text;
    std::string_view further_text;
    ErrorKind kind;
    const char* hint;
  };
  static constexpr std::array<Sign, 19> kSigns = {
      {{"password authentication failed", "", ErrorKind::denied, "check DB_USER and DB_PASSWORD"},
       {"no password supplied", "", ErrorKind::denied,
        "set DB_PASSWORD, DB_PASSWORD_FILE or a passfile (PGPASSFILE)"},
       {"no pg_hba.conf entry for replication connection", "", ErrorKind::denied, kReplicationHint},
       {"pg_hba.conf rejects replication connection", "", ErrorKind::denied, kReplicationHint},
       {"no pg_hba.conf entry", "", ErrorKind::denied,
        "allow this role and address in the server's pg_hba.conf"},
       {"pg_hba.conf rejects", "", ErrorKind::denied,
        "allow this role and address in the server's pg_hba.conf"},
       {"permission denied for database", "", ErrorKind::denied,
        "grant CONNECT on the database to the role, or leave the database out"},
       {"is not currently accepting connections", "", ErrorKind::denied,
        "allow connections (ALTER DATABASE ... ALLOW_CONNECTIONS true), or leave the database out"},
       {"is not permitted to log in", "", ErrorKind::denied,
        "let the role log in (ALTER ROLE ... LOGIN)"},
       {"must be superuser or replication role", "", ErrorKind::denied,
        "let the role replicate (ALTER ROLE ... REPLICATION)"},
       {"permission denied to start WAL sender", "", ErrorKind::denied,
        "let the role replicate (ALTER ROLE ... REPLICATION)"},
       {"number of requested standby connections exceeds", "", ErrorKind::transient,
        "raise max_wal_senders on the server, or end other replication connections"},
       {"\"SELECT pg_is_in_recovery()\" failed", "", ErrorKind::failed,
        "with PostgreSQL 13 use target_session_attrs=read-write, which asks no SQL"},
       {"unsupported startup parameter: replication", "", ErrorKind::denied,
        "connect to the server itself, since a pooler does not pass on replication"},
       {"database \"", "\" does not exist", ErrorKind::not_found,
        "names are taken literally, with case; restore --create makes a missing database"},
       {"role \"", "\" does not exist", ErrorKind::denied, "check DB_USER, with case"},
       {"root certificate file \"", "\" does not exist", ErrorKind::not_found,
        "name the file with the authority of the server's certificate in PGSSLROOTCERT"},
       {"could not translate host name", "", ErrorKind::transient, "check DB_HOST"},
       {"Connection refused", "", ErrorKind::transient,
        "check DB_HOST and DB_PORT, and that the server listens there"}}};
  for (const Sign& sign : kSigns) {
    const size_t start = message.find(sign.text);
    if (start == std::string_view::npos) continue;
    const std::string_view rest = message.substr(start + sign.text.size());
    if (rest.find(sign.further_text) == std::string_view::npos) continue;
    if (sign.hint != kReplicationHint) return {sign.kind, sign.hint};
    return {sign.kind, sign.hint + replication_line(rest)};
  }
  return {};
}

PgLink::PgLink(const PgConfig& config, const PgSettings& further, const std::stop_token& stop)
    : stop_(stop) {
  PgSettings settings = connection_settings(config);
  settings.emplace_back("client_encoding", "UTF8");
  settings.insert(settings.end(), further.begin(), further.end());
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
      throw Error(
          ErrorKind::transient, "cannot connect to PostgreSQL: " + silent,
          with_setting_names("check DB_HOST and DB_PORT, and firewalls on the way", config));
    }
  }
  if (PQstatus(get()) != CONNECTION_OK) {
    const std::string message = libpq_message(PQerrorMessage(get()));
    const ConnectFailure failure = judge_connect_failure(message);
    throw Error(failure.kind,
                fmt::format("cannot connect to PostgreSQL: {}{}{}", message,
                            silent.empty() ? "" : "; ", silent),
                with_setting_names(failure.hint, config));
  }
  // libpq would print them on stderr.
  PQsetNoticeProcessor(
      get(), [](void*, const char*) {}, nullptr);
  PQsetnonblocking(get(), 1);
}

void PgLink::start(const PgSettings& settings, const PgConfig& config) {
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
bool PgLink::connect(std::chrono::seconds limit) {
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  std::string place;
  auto deadline = steady_clock::now() + limit;
  while (PQstatus(get()) != CONNECTION_BAD && state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) break;
    const std::string present = describe(present_place());
    if (present != place) deadline = steady_clock::now() + limit;
    place = present;
    const bool reads = state == PGRES_POLLING_READING;
    std::array<pollfd, 1> fds = {
        {{PQsocket(get()), static_cast<short>(reads ? POLLIN : POLLOUT), 0}}};
    if (!stop_.wait(fds, deadline)) return false;
    state = PQconnectPoll(get());
  }
  return true;
}

PgPlace PgLink::present_place() const {
  const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  return {text(PQhost(get())), text(PQhostaddr(get())), text(PQport(get()))};
}

void PgLink::check_sent(int status) const {
  if (status != 1) throw lost();
}

/// Returns whether OpenSSL holds bytes that poll() does not see: of a record of TLS, which is up to
/// 16 KiB, libpq takes no more than it has room for.
bool PgLink::holds_bytes() const {
  void* const ssl = PQsslStruct(get(), "OpenSSL");
  return ssl != nullptr && SSL_pending(static_cast<const SSL*>(ssl)) > 0;
}

bool PgLink::read(Deadline deadline) {
  const int unsent = PQflush(get());
  if (unsent < 0 || PQsocket(get()) < 0) throw lost();
  const bool must_wait = !holds_bytes();
  std::array<pollfd, 1> fds = {
      {{PQsocket(get()), static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN), 0}}};
  if (!stop_.wait(fds, must_wait ? deadline : Deadline{}) && must_wait) return false;
  if (PQconsumeInput(get()) != 1) throw lost();
  return true;
}

PgResult PgLink::next_result(Deadline deadline, std::string_view what) {
  while (PQisBusy(get()) == 1) {
    if (!read(deadline)) {
      throw Error(ErrorKind::transient,
                  fmt::format("PostgreSQL does not answer: {} took too long", what));
    }
  }
  return PgResult(PQgetResult(get()));
}

Error PgLink::lost() const {
  return {ErrorKind::transient, "PostgreSQL: " + libpq_message(PQerrorMessage(get()))};
}

std::string libpq_message(const char* text) {
  std::string message(trimmed(text == nullptr ? "" : text));
  constexpr std::string_view kBreak = "\n\t";  // before "Is the server running ...?"
  for (size_t at = message.find(kBreak); at != std::string::npos; at = message.find(kBreak)) {
    message.replace(at, kBreak.size(), " ");
  }
  return message;
}

std::string_view sqlstate_of(const PGresult* result) {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr ? "" : state;
}

Error statement_error(const PGresult* result) {
  return {kind_of(sqlstate_of(result)),
          "PostgreSQL: " + libpq_message(PQresultErrorMessage(result))};
}

}  // namespace pgbackup
