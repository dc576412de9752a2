#include "backup/restore/failures.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgbackup {
namespace {

constexpr size_t kLongestLine = 4096;
/// Limits how much of a statement is kept, which may be a whole function.
constexpr size_t kStatementKept = 120;

constexpr std::string_view kPgRestore = "pg_restore: error: ";
constexpr std::string_view kNotExecuted = "could not execute query: ";
constexpr std::string_view kStatement = "Command was: ";
/// Begins the line that counts failures: see warn_on_exit in PostgreSQL's
/// src/bin/pg_dump/pg_restore.c.
constexpr std::string_view kCounted = "pg_restore: warning: errors ignored on restore: ";

}  // namespace

void RestoreFailures::add(std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view piece = text.substr(0, end);
    line_ += piece.substr(0, kLongestLine - std::min(line_.size(), kLongestLine));
    if (end == std::string_view::npos) return;
    add_line(line_);
    line_.clear();
    text.remove_prefix(end + 1);
  }
}

void RestoreFailures::add_line(std::string_view line) {
  if (line.starts_with(kPgRestore)) {
    line.remove_prefix(kPgRestore.size());
    if (line.starts_with(kNotExecuted)) line.remove_prefix(kNotExecuted.size());
    add_failure(line);
  } else if (line.starts_with(kStatement) && count_ > 0 && first_.size() == count_) {
    first_.back().append(" (").append(line.substr(kStatement.size(), kStatementKept)).append(")");
  } else if (line.starts_with(kCounted)) {
    is_counted_ = true;
  }
}

void RestoreFailures::add_failure(std::string_view message) {
  ++count_;
  if (first_.size() < kKept) first_.emplace_back(message);
}

std::optional<Error> describe_failures(const RestoreFailures& failures, Log& log) {
  if (failures.count() == 0 && !failures.is_counted()) return {};
  for (const std::string& failure : failures.first()) {
    log.error("a statement failed", {{"cause", failure}});
  }
  if (failures.count() > failures.first().size()) {
    log.error("further statements failed",
              {{"statements", failures.count() - failures.first().size()}});
  }
  const std::string what = failures.count() == 0   ? "some statements"
                           : failures.count() == 1 ? "1 statement"
                                                   : fmt::format("{} statements", failures.count());
  return Error(ErrorKind::failed,
               fmt::format("{} failed; everything else is in the database", what),
               "run the failed statements by hand once what they need exists");
}

}  // namespace pgbackup
