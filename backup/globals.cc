#include "backup/globals.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/base/error.h"

namespace pgbackup {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

/// Where a quoted text or name that begins at `start` ends. A doubled quote stands for one.
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

bool is_blank(std::string_view text) {
  return text.find_first_not_of(kBlanks) == std::string_view::npos;
}

/// Its first three words: what it does to whom, and never a password.
std::string title_of(std::string_view statement) {
  size_t end = 0;
  for (int word = 0; word < 3; ++word) {
    end = statement.find_first_not_of(kBlanks, end);
    if (end == std::string_view::npos) break;
    end = statement[end] == '"' ? end_of_quote(statement, end)
                                : std::min(statement.find_first_of(kBlanks, end), statement.size());
  }
  return std::string(statement.substr(0, end));
}

class Application {
 public:
  Application(PgConnection& server, Log& log) : server_(server), log_(log) {}

  void execute(const std::string& statement) {
    try {
      server_.query(statement);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::canceled || error.kind() == ErrorKind::transient) throw;
      if (is_expected(statement, error)) return;
      const Error failure = error.within(title_of(statement));
      log_.error(failure.message());
      ++failures_;
      if (!first_) first_ = failure;
    }
  }

  void finish(size_t statements) const {
    if (!first_) return;
    throw Error(ErrorKind::failed,
                fmt::format("{} of {} statements failed, the others were executed; the first: {}",
                            failures_, statements, first_->message()),
                first_->kind() == ErrorKind::denied
                    ? "set DB_USER and DB_PASSWORD to a superuser, or to a role with CREATEROLE"
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
      log_.warn(fmt::format("left out {}: {}", title_of(statement).substr(7), error.message()));
      lacks_tablespace_ = true;
      return true;
    }
    // Settings, rights and comments of what was left out.
    return lacks_tablespace_ && statement.find("TABLESPACE ") != std::string::npos;
  }

  PgConnection& server_;
  Log& log_;
  bool lacks_tablespace_ = false;
  size_t failures_ = 0;
  std::optional<Error> first_;
};

}  // namespace

std::vector<std::string> globals_arguments(bool with_passwords) {
  if (with_passwords) return {"--globals-only"};
  return {"--globals-only", "--no-role-passwords"};
}

std::vector<std::string> split_statements(std::string_view sql) {
  std::vector<std::string> statements;
  std::string statement;
  for (size_t at = 0; at < sql.size();) {
    const char c = sql[at];
    const bool is_comment = sql.substr(at).starts_with("--");
    if (is_comment || (c == '\\' && is_blank(statement))) {
      at = end_of_line(sql, at);
    } else if (c == '\'' || c == '"') {
      const size_t end = end_of_quote(sql, at);
      statement += sql.substr(at, end - at);
      at = end;
    } else if (c == ';') {
      if (!is_blank(statement)) statements.push_back(std::move(statement));
      statement.clear();
      ++at;
    } else {
      if (!statement.empty() || kBlanks.find(c) == std::string_view::npos) statement += c;
      ++at;
    }
  }
  if (!is_blank(statement)) statements.push_back(std::move(statement));
  return statements;
}

void apply_globals(PgConnection& server, std::string_view sql, Log& log) {
  server.hide_statements();
  const std::vector<std::string> statements = split_statements(sql);
  Application application(server, log);
  for (const std::string& statement : statements) application.execute(statement);
  application.finish(statements.size());
}

}  // namespace pgbackup
