#include "backup/restore/apply_globals.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/base/error.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

/// Returns where a quoted text or name that begins at `start` ends. A doubled quote stands for one.
size_t end_of_quote(std::string_view sql, size_t start) {
  const char quote = sql[start];
  size_t end = start;
  do {
    end = std::min(sql.find(quote, end + 1), sql.size() - 1) + 1;
  } while (end < sql.size() && sql[end] == quote);
  return end;
}

size_t end_of_line(std::string_view sql, size_t start) {
  return std::min(sql.find('\n', start), sql.size());
}

/// Returns the first three words of `statement`: what it does to whom, and never a password.
std::string title_of(std::string_view statement) {
  size_t end = 0;
  for (int word = 0; word < 3; ++word) {
    end = statement.find_first_not_of(kWhitespace, end);
    if (end == std::string_view::npos) break;
    end = statement[end] == '"'
              ? end_of_quote(statement, end)
              : std::min(statement.find_first_of(kWhitespace, end), statement.size());
  }
  return std::string(statement.substr(0, end));
}

/// Returns the password of the connected role as the server keeps it, or nullopt where it may not
/// be read.
std::optional<std::string> read_own_password(PgConnection& server) {
  try {
    const PgRows rows = server.query(
        "SELECT a.rolpassword FROM pg_catalog.pg_authid a "
        "WHERE a.rolname OPERATOR(pg_catalog.=) session_user");
    return rows.empty() ? std::optional<std::string>() : rows[0].at(0);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::denied) throw;
    return {};
  }
}

/// Notes the password of the connected role before, and warns after, when it has changed.
class OwnPassword {
 public:
  OwnPassword(PgConnection& server, const std::vector<std::string>& statements)
      : server_(server), role_(server.query("SELECT session_user").at(0).at(0)) {
    is_set_ = std::any_of(statements.begin(), statements.end(), [&](const std::string& statement) {
      return sets_password_of(statement, role_);
    });
    if (is_set_) before_ = read_own_password(server_);
  }

  void warn_if_changed(Log& log) {
    if (!is_set_ || (before_ && before_ == read_own_password(server_))) return;
    log.warn(
        before_ ? "the password of the connecting role is the one of the backup now"
                : "the password of the connecting role may be the one of the backup now",
        {{"role", role_}, {"hint", "change TARGET_PASSWORD, or DB_PASSWORD where it is not set"}});
  }

 private:
  PgConnection& server_;
  std::string role_;
  bool is_set_ = false;
  std::optional<std::string> before_;
};

class Application {
 public:
  Application(PgConnection& server, Log& log) : server_(server), log_(log) {}

  void execute(const std::string& statement) {
    try {
      server_.query(statement);
    } catch (...) {
      const Error error = current_failure();
      if (error.kind() == ErrorKind::transient) throw error;
      if (is_expected(statement, error) || is_granted_without(statement, error)) return;
      const Error failure = error.within(title_of(statement));
      log_.error("a statement failed", {{"cause", failure.message()}});
      ++failures_;
      if (!first_) first_ = failure;
    }
  }

  void finish(size_t statements) const {
    if (!first_) return;
    throw Error(
        ErrorKind::failed,
        fmt::format("{} of {} statements failed, the others were executed; the first: {}",
                    failures_, statements, first_->message()),
        first_->kind() == ErrorKind::denied
            ? "set TARGET_USER and TARGET_PASSWORD to a superuser, or to a role with CREATEROLE"
            : "");
  }

 private:
  bool is_expected(const std::string& statement, const Error& error) {
    const bool makes_role = statement.starts_with("CREATE ROLE ");
    const bool makes_tablespace = statement.starts_with("CREATE TABLESPACE ");
    if (error.kind() == ErrorKind::conflict) return makes_role || makes_tablespace;
    if (error.kind() != ErrorKind::not_found) {
      lacks_tablespace_ = lacks_tablespace_ || makes_tablespace;
      return false;
    }
    if (makes_tablespace) {
      log_.warn("left out", {{"what", title_of(statement).substr(7)}, {"cause", error.message()}});
      lacks_tablespace_ = true;
      return true;
    }
    // Settings, privileges and comments of the tablespaces that were left out.
    return lacks_tablespace_ && statement.find("TABLESPACE ") != std::string::npos;
  }

  /// Grants a membership without its grantor, and returns whether that succeeded. PostgreSQL 16
  /// records who granted a membership, and requires that this role exists and may grant it.
  bool is_granted_without(const std::string& statement, const Error& error) {
    const std::string shorter = without_grantor(statement);
    if (shorter.empty()) return false;
    try {
      server_.query(shorter);
    } catch (const Error& second) {
      if (second.kind() == ErrorKind::canceled || second.kind() == ErrorKind::transient) throw;
      return false;
    }
    log_.warn(
        "granted by the connecting role, since the original grantor is missing or may not grant it",
        {{"statement", shorter}, {"cause", error.message()}});
    return true;
  }

  PgConnection& server_;
  Log& log_;
  bool lacks_tablespace_ = false;
  size_t failures_ = 0;
  std::optional<Error> first_;
};

}  // namespace

std::vector<std::string> split_statements(std::string_view sql) {
  std::vector<std::string> statements;
  std::string statement;
  for (size_t at = 0; at < sql.size();) {
    const char c = sql[at];
    const bool is_comment = sql.substr(at).starts_with("--");
    if (is_comment || (c == '\\' && trimmed(statement).empty())) {
      at = end_of_line(sql, at);
    } else if (c == '\'' || c == '"') {
      const size_t end = end_of_quote(sql, at);
      statement += sql.substr(at, end - at);
      at = end;
    } else if (c == ';') {
      if (!trimmed(statement).empty()) statements.push_back(std::move(statement));
      statement.clear();
      ++at;
    } else {
      if (!statement.empty() || kWhitespace.find(c) == std::string_view::npos) statement += c;
      ++at;
    }
  }
  if (!trimmed(statement).empty()) statements.push_back(std::move(statement));
  return statements;
}

std::string without_grantor(std::string_view statement) {
  constexpr std::string_view kGrantor = " GRANTED BY ";
  if (!statement.starts_with("GRANT ")) return "";
  const size_t at = statement.rfind(kGrantor);
  if (at == std::string_view::npos) return "";
  const std::string_view before = statement.substr(0, at);
  const bool is_quoted = std::count(before.begin(), before.end(), '"') % 2 == 1;
  return is_quoted ? "" : std::string(before);
}

bool sets_password_of(std::string_view statement, const std::string& role) {
  std::string quoted = "\"";
  for (const char c : role) quoted.append(c == '"' ? 2 : 1, c);
  quoted += '"';
  for (const std::string& name : {role, quoted}) {
    if (!statement.starts_with(fmt::format("ALTER ROLE {} WITH ", name))) continue;
    return statement.find(" PASSWORD ") != std::string_view::npos;
  }
  return false;
}

void apply_globals(PgConnection& server, std::string_view sql, Log& log) {
  server.hide_statements();
  const std::vector<std::string> statements = split_statements(sql);
  OwnPassword password(server, statements);
  Application application(server, log);
  for (const std::string& statement : statements) application.execute(statement);
  password.warn_if_changed(log);
  application.finish(statements.size());
}

}  // namespace pgbackup
