// Plain SQL on its way to psql, kept from leaving the target database and the one transaction: psql
// runs backslash commands from its input, a shell among them, and pg_dump may have put statements
// there that end the transaction.
#pragma once

#include <string>
#include <string_view>

#include "common/codec/sink.h"

namespace pgbackup {

/// Puts \restrict before the SQL, so that psql refuses all backslash commands (it must be of August
/// 2025 or later: 13.22, 14.19, 15.14, 16.10, 17.6); SQL that begins with a \restrict of its own,
/// as pg_dump writes since then, is left as it is. Throws `conflict` before the end of a statement
/// that makes or drops a database (pg_dump --create), and, with `single_transaction`, of one that
/// belongs to a transaction of the dump's own (large objects).
class SqlGuard final : public Sink {
 public:
  SqlGuard(Sink& next, bool single_transaction)
      : next_(next), single_transaction_(single_transaction) {}
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  void open();
  void pass(std::string_view bytes);

  Sink& next_;
  bool single_transaction_;
  bool is_open_ = false;
  std::string head_;    ///< until it is long enough to be judged
  std::string recent_;  ///< what was passed on last
};

}  // namespace pgbackup
