#include "backup/postgres/database_url.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>

#include "common/base/error.h"
#include "common/base/handle.h"

namespace pgbackup {
namespace {

/// Returns the length of what stands before the hosts and the user: the scheme of libpq, or that of
/// a library that names its driver (`postgresql+asyncpg://`, `jdbc:postgresql://`). 0 for another
/// one.
size_t scheme_bytes(std::string_view url) {
  constexpr std::string_view kJdbc = "jdbc:";
  const size_t end = url.find("://");
  if (end == std::string_view::npos) return 0;
  std::string_view scheme = url.substr(0, end);
  if (scheme.starts_with(kJdbc)) scheme.remove_prefix(kJdbc.size());
  scheme = scheme.substr(0, scheme.find('+'));
  return scheme == "postgres" || scheme == "postgresql" ? end + 3 : 0;
}

/// Names parameters of Prisma, SQLAlchemy, Rails, Django, pgx and the like about their pools and
/// caches, and about which schema they look at. Parameters about encryption (`sslaccept`, `ssl`)
/// are not among them: leaving those out might send a password in cleartext.
constexpr std::array<std::string_view, 23> kOfLibraries = {"schema",
                                                           "connection_limit",
                                                           "pool_timeout",
                                                           "pgbouncer",
                                                           "socket_timeout",
                                                           "statement_cache_size",
                                                           "prepared_statement_cache_size",
                                                           "prepared_statements",
                                                           "pool",
                                                           "pool_size",
                                                           "pool_min_conns",
                                                           "pool_max_conns",
                                                           "pool_max_conn_lifetime",
                                                           "pool_max_conn_idle_time",
                                                           "max_overflow",
                                                           "min_size",
                                                           "max_size",
                                                           "checkout_timeout",
                                                           "reaping_frequency",
                                                           "conn_max_age",
                                                           "conn_health_checks",
                                                           "default_query_exec_mode",
                                                           "statement_cache_capacity"};

struct Parameter {
  std::string_view name;
  std::string_view text;  ///< with its value
};

/// Holds a URL in the pieces into which libpq takes it.
struct Pieces {
  size_t bytes = 0;
  std::string_view head;  ///< from behind the scheme up to the `?`
  std::string_view user;  ///< with the password: after the scheme and before the first @
  std::string_view rest;  ///< the rest of the head: hosts, ports and database
  std::vector<Parameter> parameters;
};

std::vector<Parameter> split_query(std::string_view query) {
  std::vector<Parameter> parameters;
  while (!query.empty()) {
    const std::string_view text = query.substr(0, query.find('&'));
    parameters.push_back({text.substr(0, text.find('=')), text});
    query.remove_prefix(std::min(text.size() + 1, query.size()));
  }
  return parameters;
}

/// Splits `url` as conninfo_uri_parse_options() in PostgreSQL's src/interfaces/libpq/fe-connect.c
/// does: a user ends at the first `@`, unless a `/` comes before.
Pieces split(std::string_view url) {
  Pieces pieces{.bytes = url.size(), .head = {}, .user = {}, .rest = {}, .parameters = {}};
  const size_t start = scheme_bytes(url);
  size_t behind = url.find_first_of("@/", start);
  if (behind != std::string_view::npos && url[behind] == '@') {
    pieces.user = url.substr(start, behind - start);
    ++behind;
  } else {
    behind = start;
  }
  const size_t mark = std::min(url.find('?', behind), url.size());
  pieces.head = url.substr(start, mark - start);
  pieces.rest = url.substr(behind, mark - behind);
  if (mark < url.size()) pieces.parameters = split_query(url.substr(mark + 1));
  return pieces;
}

bool is_known_to_libpq(std::string_view name) {
  const Handle<PQconninfoOption, PQconninfoFree> options(PQconndefaults());
  const PQconninfoOption* option = options.get();
  for (; option != nullptr && option->keyword != nullptr; ++option) {
    if (name == option->keyword) return true;
  }
  return name == "ssl";  // with the value true, as JDBC has it
}

bool is_of_library(std::string_view name) {
  return std::find(kOfLibraries.begin(), kOfLibraries.end(), name) != kOfLibraries.end();
}

/// Returns whether each host has a port that is a number, or none.
bool has_numeric_ports(std::string_view hosts) {
  bool is_port = false;
  bool is_bracketed = false;
  for (const char c : hosts) {
    if (c == '[' || c == ']') is_bracketed = c == '[';
    if (is_port && c != ',' && (c < '0' || c > '9')) return false;
    if (c == ',') is_port = false;
    if (c == ':' && !is_bracketed) is_port = true;
  }
  return true;
}

/// Returns whether the password is not percent-encoded. User and password end at the last `@`:
/// where libpq sees an earlier one, or a `/` before it, a part of the password would be taken for a
/// host, a database or a parameter, and be shown.
bool has_raw_password(const Pieces& pieces) {
  if (pieces.user.find('#') != std::string_view::npos) return true;
  if (pieces.rest.find('@') != std::string_view::npos) return true;
  return std::any_of(pieces.parameters.begin(), pieces.parameters.end(), [](const Parameter& item) {
    return item.text.find('@') != std::string_view::npos && !is_known_to_libpq(item.name);
  });
}

void check(const Pieces& pieces) {
  if (has_raw_password(pieces)) {
    throw Error(ErrorKind::usage, "percent-encode the password: @ is %40, / is %2F, # is %23");
  }
  if (!has_numeric_ports(pieces.rest.substr(0, pieces.rest.find('/')))) {
    throw Error(ErrorKind::usage,
                "a port is not a number; if that is a part of the password, percent-encode it");
  }
  for (const Parameter& item : pieces.parameters) {
    if (is_known_to_libpq(item.name) || is_of_library(item.name)) continue;
    const bool is_word = !item.name.empty() && item.name.size() < 64 &&
                         item.name.find_first_not_of(
                             "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == std::string_view::npos;
    throw Error(ErrorKind::usage, is_word ? fmt::format("libpq has no parameter {}", item.name)
                                          : "libpq has no such parameter behind the ?");
  }
}

/// Returns the URL without the parameters that libpq does not know; adds their names to `left_out`.
std::string without_parameters_of_libraries(const Pieces& pieces,
                                            std::vector<std::string>& left_out) {
  std::string text;
  constexpr std::string_view kScheme = "postgresql://";
  text.reserve(kScheme.size() + pieces.bytes);  // a secret: no copy is left behind by growing
  text += kScheme;
  text += pieces.head;
  char separator = '?';
  for (const Parameter& item : pieces.parameters) {
    if (!is_known_to_libpq(item.name)) {
      left_out.emplace_back(item.name);
      continue;
    }
    text += separator;
    text += item.text;
    separator = '&';
  }
  return text;
}

void take(PgConfig& config, const PQconninfoOption& option) {
  const std::string_view keyword = option.keyword;
  if (keyword == "password") {
    config.password = Secret(option.val);
  } else if (std::string_view(option.dispchar) == "*") {
    throw Error(ErrorKind::usage,
                fmt::format("{} is a secret that every process could read: it has no place in a "
                            "URL; use a service file (PGSERVICE)",
                            keyword));
  } else if (keyword != "dbname") {
    config.further.emplace_back(keyword, option.val);
  } else if (config.database.empty()) {
    config.database = option.val;
  }
}

}  // namespace

bool is_database_url(std::string_view url) { return scheme_bytes(url) != 0; }

std::vector<std::string> read_database_url(PgConfig& config, const Secret& url) {
  const Pieces pieces = split(url.reveal());
  check(pieces);
  std::vector<std::string> left_out;
  std::string text = without_parameters_of_libraries(pieces, left_out);
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
    if (option->val != nullptr) take(config, *option);
  }
  return left_out;
}

}  // namespace pgbackup
