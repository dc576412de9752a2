#include "backup/postgres/sql_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/error.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

/// Counts bytes that are judged together; more at the end of the SQL than pg_dump writes after its
/// data.
constexpr size_t kTailBytes = 4096;
constexpr size_t kStepBytes = size_t{64} << 10U;
/// Counts bytes before the present one that are still looked at.
constexpr size_t kContextBytes = 64;

constexpr std::string_view kStart = "--\n-- PostgreSQL database dump\n--\n\n";
constexpr std::string_view kEnd = "--\n-- PostgreSQL database dump complete\n--\n\n";
constexpr std::string_view kRestrict = "\\restrict ";
constexpr std::string_view kUnrestrict = "\\unrestrict ";
constexpr std::string_view kHeading = "\n-- Name: ";
constexpr std::string_view kDropped = "\nDROP DATABASE ";
constexpr std::string_view kSavepoint = "pg_backup_restore_";
/// Begins a transaction of large objects: _StartLOs() in PostgreSQL's
/// src/bin/pg_dump/pg_backup_archiver.c.
constexpr std::string_view kLargeObjects = "\nBEGIN;\n\nSELECT pg_catalog.lo_";
/// Begins the transaction that pg_restore --single-transaction writes into a file.
constexpr std::string_view kBegin = "\n\nBEGIN;\n\nSET ";
constexpr std::string_view kCommit = "\nCOMMIT;\n\n";

constexpr const char* kLookHint =
    "write it to a file with --output, and give that to psql after a look at it";

Error refusal(std::string message) { return {ErrorKind::conflict, std::move(message), kLookHint}; }

/// Finds `wanted` in `text` from `from` on. memmem() is several times faster than
/// std::string_view::find(), which looks at each first letter.
size_t find(std::string_view text, std::string_view wanted, size_t from) {
  const void* at = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  return at == nullptr ? std::string_view::npos
                       : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// Returns the letters and digits at `at` when a newline follows, and "" otherwise.
std::string_view word_at(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && is_word_byte(text[end])) ++end;
  return end < text.size() && text[end] == '\n' ? text.substr(at, end - at) : std::string_view();
}

/// Returns everything before the first object: comments and settings.
std::string_view prelude_of(std::string_view start) {
  return start.substr(0, std::min(start.find(kHeading), start.size()));
}

/// Refuses SQL of pg_dump --create: the database is the first object, and with --clean it is
/// dropped before.
void refuse_database(std::string_view start) {
  const std::string_view prelude = prelude_of(start);
  std::string_view heading = start.substr(prelude.size());
  if (!heading.empty())
    heading = heading.substr(0, std::min(heading.find('\n', 1), heading.size()));
  if (prelude.find(kDropped) == std::string_view::npos &&
      heading.find("; Type: DATABASE; ") == std::string_view::npos) {
    return;
  }
  throw refusal("the SQL makes its own database (pg_dump --create), whatever the target is");
}

/// Removes the dump's own \restrict line from `start`, and returns its word.
std::string take_restriction(std::string& start) {
  const size_t line = kStart.size();
  if (!start.starts_with(kStart) || !std::string_view(start).substr(line).starts_with(kRestrict)) {
    return "";
  }
  std::string word(word_at(start, line + kRestrict.size()));
  if (!word.empty()) start.erase(line, kRestrict.size() + word.size() + 1);
  return word;
}

/// Removes `SET name = ...;` from the settings at the start.
void take_setting(std::string& start, std::string_view name) {
  const std::string line = fmt::format("\nSET {} = ", name);
  const size_t at = prelude_of(start).find(line);
  if (at == std::string::npos) return;
  const size_t end = start.find('\n', at + 1);
  if (end != std::string::npos && start[end - 1] == ';') start.erase(at, end - at);
}

void take_begin(std::string& start) {
  const size_t at = prelude_of(start).find(kBegin);
  if (at != std::string::npos) start.erase(at + 2, std::string_view("BEGIN;\n").size());
}

/// Removes the line that ends the restriction with `word` from the end of `text`.
void take_unrestriction(std::string& text, std::string_view word) {
  if (word.empty()) return;
  const std::string line = fmt::format("{}{}{}\n", kEnd, kUnrestrict, word);
  std::string_view trimmed = text;
  while (trimmed.ends_with("\n\n")) trimmed.remove_suffix(1);
  if (trimmed.ends_with(line)) text.erase(trimmed.size() - line.size() + kEnd.size());
}

void take_commit(std::string& text) {
  std::string_view trimmed = text;
  while (trimmed.ends_with("\n\n\n")) trimmed.remove_suffix(1);
  if (!trimmed.ends_with(kEnd)) return;
  trimmed.remove_suffix(kEnd.size());
  if (trimmed.ends_with(kCommit))
    text.erase(trimmed.size() - kCommit.size() + 1, kCommit.size() - 1);
}

/// Returns whether psql could read the backslashes that end before `end` as the start of a command.
/// Two are one backslash in the rows of COPY, and elsewhere a command without a name, which fails.
/// In some encodings a backslash is the end of a character that begins with a high byte, up to
/// three bytes before.
bool starts_command(std::string_view text, size_t end) {
  size_t begin = end;
  while (begin > 0 && text[begin - 1] == '\\') --begin;
  if (begin == end) return false;
  const std::string_view before =
      text.substr(begin - std::min<size_t>(begin, 3), std::min<size_t>(begin, 3));
  const bool may_hide = std::any_of(before.begin(), before.end(),
                                    [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  const bool is_long = end - begin > kContextBytes / 2;  // and may begin out of sight
  return may_hide || is_long || (end - begin) % 2 == 1;
}

/// Refuses, between `from` and `to`, everything that ends psql's restriction or begins another, by
/// the letters of the command's name: only psql knows what it takes for data, text or comment.
void refuse_restrictions(std::string_view text, size_t from, size_t to) {
  constexpr std::string_view kName = "restrict";
  const std::string_view all = text.substr(0, std::min(text.size(), to + kName.size() - 1));
  for (size_t at = find(all, kName, from); at != std::string_view::npos;
       at = find(all, kName, at + 1)) {
    const size_t behind = at + kName.size();
    if (behind < text.size() && is_word_byte(text[behind])) continue;
    const bool is_un = at >= 2 && text.substr(at - 2, 2) == "un";
    if (!starts_command(text, at) && !(is_un && starts_command(text, at - 2))) continue;
    throw refusal(
        fmt::format("the SQL holds \\{}restrict, by which it could leave psql's restricted mode",
                    is_un ? "un" : ""));
  }
}

void refuse_nul(std::string_view text) {
  if (text.find('\0') == std::string_view::npos) return;
  throw refusal("the SQL holds a NUL byte, which pg_dump never writes");
}

void refuse_transactions(std::string_view text, size_t from, size_t to) {
  const std::string_view all = text.substr(0, std::min(text.size(), to + kLargeObjects.size() - 1));
  if (find(all, kLargeObjects, from) == std::string_view::npos) return;
  throw Error(ErrorKind::conflict,
              "the SQL holds large objects in a transaction of its own, so that a failure would "
              "leave what was restored so far",
              "use --no-single-transaction, best with --create; after a failure drop the database "
              "before you try again");
}

template <class Body>
void as_failed_backup(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    throw Error(
        ErrorKind::failed,
        fmt::format("pg-backup could not restore this backup: {}", error.message()),
        "use BACKUP_FORMAT=custom, the default, which restores whatever the database holds");
  }
}

}  // namespace

SqlGuard::SqlGuard(Sink& next, SqlGuardSpec spec)
    : next_(next),
      spec_(std::move(spec)),
      word_(random_hex(16)),
      end_word_(random_hex(16)),
      savepoint_(std::string(kSavepoint) + random_hex(8)) {}

void SqlGuard::write(std::string_view bytes) {
  buffer_ += bytes;
  if (buffer_.size() < kContextBytes + kStepBytes + kTailBytes) return;
  if (!is_open_) open();
  pass_until(buffer_.size() - kTailBytes);
}

void SqlGuard::finish() {
  if (!is_open_) open();
  close();
  pass_until(buffer_.size());
  if (spec_.single_transaction) {
    next_.write(fmt::format("\nRELEASE SAVEPOINT {};\nCOMMIT;\n", savepoint_));
  }
  next_.write(fmt::format("\n{}{}\n\\echo {}\n", kUnrestrict, word_, end_word_));
  next_.finish();
}

void SqlGuard::open() {
  is_open_ = true;
  std::string start = buffer_.substr(0, kTailBytes);
  const size_t length = start.size();
  refuse_database(start);
  dump_word_ = take_restriction(start);
  for (const std::string_view setting : spec_.unknown_settings) take_setting(start, setting);
  if (spec_.single_transaction) take_begin(start);
  buffer_.replace(0, length, start);
  next_.write(fmt::format("{}{}\n", kRestrict, word_));
  // As long as it is there at the end, the transaction is ours: no dump can know the name.
  if (spec_.single_transaction) next_.write(fmt::format("BEGIN; SAVEPOINT {};\n", savepoint_));
}

/// Removes what ends the dump's own restriction and transaction: what stands at the end of the
/// buffer is known to be the end by now.
void SqlGuard::close() {
  take_unrestriction(buffer_, dump_word_);
  if (spec_.single_transaction) take_commit(buffer_);
}

void SqlGuard::pass_until(size_t limit) {
  const std::string_view text = buffer_;
  refuse_nul(text.substr(passed_));
  refuse_restrictions(text, passed_, limit);
  if (spec_.single_transaction) refuse_transactions(text, passed_, limit);
  next_.write(text.substr(passed_, limit - passed_));
  const size_t kept = std::min(limit, kContextBytes);
  buffer_.erase(0, limit - kept);
  passed_ = kept;
}

bool has_lost_transaction(std::string_view psql_errors) {
  return psql_errors.find(fmt::format("savepoint \"{}", kSavepoint)) != std::string_view::npos ||
         psql_errors.find("RELEASE SAVEPOINT can only be used in") != std::string_view::npos;
}

SqlCheck::SqlCheck(Sink& next) : next_(next), guard_(nowhere_, {.single_transaction = false}) {}

void SqlCheck::write(std::string_view bytes) {
  as_failed_backup([&] { guard_.write(bytes); });
  next_.write(bytes);
}

void SqlCheck::judge_end() {
  as_failed_backup([&] { guard_.finish(); });
}

void SqlCheck::finish() { next_.finish(); }

}  // namespace pgbackup
