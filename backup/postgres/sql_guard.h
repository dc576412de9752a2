// Plain SQL on its way to psql. psql runs backslash commands from its input, a shell among them,
// and commits what has arrived when its input ends. So psql is restricted with a word that only we
// know, and the SQL runs in a transaction that only we commit, when everything else was right.
// Checks no SQL for sense: the server does.
// https://www.postgresql.org/docs/current/app-psql.html
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/codec/sink.h"

namespace pgbackup {

struct SqlGuardSpec {
  /// Runs the SQL in one transaction; without it psql commits statement by statement.
  bool single_transaction = true;
  /// Names settings at the start of the SQL that are left out (version_advice.h).
  std::vector<std::string_view> unknown_settings{};
};

/// Turns the SQL of pg_dump into psql's whole input: \restrict and BEGIN before it, COMMIT and
/// \unrestrict after it, and last a line that makes psql print end_word(), which psql does only
/// when it took everything else as it was meant. The lines of the same kind that pg_dump or
/// pg_restore wrote at the start and the end are left out.
///
/// Throws `conflict` before any byte of what must not reach psql: \restrict or \unrestrict
/// elsewhere, unless its backslash is doubled, as in the rows of COPY; a NUL, at which psql cuts
/// lines; the statement that makes or drops the database (pg_dump --create); and, with
/// `single_transaction`, a transaction of the dump's own (large objects). Anything else that ends
/// the transaction makes psql fail at the end, since a savepoint is missing then.
///
/// Memory: some 140 KiB, and one piece of the input.
class SqlGuard final : public Sink {
 public:
  explicit SqlGuard(Sink& next, SqlGuardSpec spec);
  void write(std::string_view bytes) override;
  void finish() override;

  /// Returns what psql prints on stdout when it has come to its end.
  [[nodiscard]] const std::string& end_word() const { return end_word_; }

 private:
  void open();
  void close();
  void pass_until(size_t limit);

  Sink& next_;
  SqlGuardSpec spec_;
  std::string word_;
  std::string end_word_;
  std::string savepoint_;
  bool is_open_ = false;
  std::string dump_word_;  ///< word of the dump's own \restrict
  std::string buffer_;     ///< the end of what was passed on, and what was not yet
  size_t passed_ = 0;      ///< bytes of the buffer that were passed on
};

/// Returns whether psql failed because the SQL ended the transaction that SqlGuard began.
[[nodiscard]] bool has_lost_transaction(std::string_view psql_errors);

/// Passes plain SQL on unchanged, and judges it as SqlGuard will when it is restored.
class SqlCheck final : public Sink {
 public:
  explicit SqlCheck(Sink& next);
  /// Throws `failed` when no restore would take it.
  void write(std::string_view bytes) override;
  void finish() override;
  /// Judges the rest; to be called after the last byte and before finish(). Throws `failed`.
  void judge_end();

 private:
  class Nowhere final : public Sink {
   public:
    void write(std::string_view /*bytes*/) override {}
    void finish() override {}
  };

  Sink& next_;
  Nowhere nowhere_;
  SqlGuard guard_;
};

}  // namespace pgbackup
