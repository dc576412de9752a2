// Plain SQL on its way to psql, looked through for the few things that pg_dump may have put there
// and that leave the target database or the one transaction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/codec/sink.h"

namespace pgbackup {

/// Passes everything on, but throws `conflict` before the end of a statement that makes or drops a
/// database (pg_dump --create), and, with `single_transaction`, of one that belongs to a
/// transaction of the dump's own (large objects).
class SqlGuard final : public Sink {
 public:
  SqlGuard(Sink& next, bool single_transaction)
      : next_(next), single_transaction_(single_transaction) {}
  void write(std::string_view bytes) override;
  void finish() override { next_.finish(); }

 private:
  void check_databases() const;
  void check_transactions() const;

  Sink& next_;
  bool single_transaction_;
  uint64_t passed_on_ = 0;
  std::string recent_;  ///< what was written last, after the end of what came before
};

}  // namespace pgbackup
