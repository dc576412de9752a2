// The column option that servers since the releases of November 2026 stamp on every new column, and
// that an older pg_dump writes into its dump: found as the dump streams by. What follows from it is
// in postgres/version_advice.h.
#pragma once

#include <string>
#include <string_view>

#include "backup/postgres/version_advice.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// Passes everything on unchanged, and looks for `ALTER COLUMN ... SET (pg_attver=...)` in SQL and
/// in an archive's table of contents, which is not compressed.
class HiddenOptionSink final : public Sink {
 public:
  explicit HiddenOptionSink(Sink& next) : next_(next) {}
  void write(std::string_view bytes) override;
  void finish() override { next_.finish(); }
  [[nodiscard]] bool is_found() const { return is_found_; }

 private:
  Sink& next_;
  std::string seam_;  ///< the end of the previous bytes
  bool is_found_ = false;
};

}  // namespace pgbackup
