// The table of contents of an archive in pg_dump's custom format, read from the archive's head.
// What depends on what stands there alone: `pg_restore --list` leaves it out. Chooses nothing:
// part.h does.
// Format: ReadHead() and ReadToc() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backup/restore/stored_dump.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// Says in which step pg_restore restores an entry; teSection in PostgreSQL's pg_backup.h.
enum class TocSection { none = 1, pre_data = 2, data = 3, post_data = 4 };

/// Holds what an archive says of one thing that it restores.
struct TocEntry {
  int id = 0;
  TocSection section = TocSection::none;
  std::string kind;    ///< `TABLE`, `FK CONSTRAINT`, in pg_dump's words
  std::string schema;  ///< "" for what is in no schema
  std::string name;    ///< not quoted; of what belongs to a table often `table name`
  std::string owner{};
  bool inherits = false;          ///< a table that is made with INHERITS
  std::vector<int> depends_on{};  ///< ids, also such as the archive does not hold
};

/// Holds the entries in the order in which they are restored.
using Toc = std::vector<TocEntry>;

/// Reads a table of contents from the first bytes of an archive. Memory: one entry's bytes beside
/// the result, which is limited.
class TocReader final : public Sink {
 public:
  /// Throws `corrupt` for what is no archive of the custom format, `failed` for one of a format
  /// that is not known.
  void write(std::string_view bytes) override;
  void finish() override {}

  /// Returns whether everything has been read; more bytes are ignored then.
  [[nodiscard]] bool is_complete() const { return has_head_ && left_ == 0; }
  /// Returns the result. Throws `corrupt` when it is not complete.
  [[nodiscard]] Toc take();

 private:
  class Cursor;
  bool read_head();
  bool read_entry();

  std::string buffer_;
  size_t taken_ = 0;  ///< bytes of the buffer that were read
  uint64_t total_ = 0;
  bool has_head_ = false;
  int minor_ = 0;  ///< of the archive's version, 1.minor
  int int_bytes_ = 0;
  int offset_bytes_ = 0;
  int left_ = 0;  ///< entries to come
  Toc toc_;
};

/// Reads no more of `dump` than its table of contents takes. Throws as TocReader does.
[[nodiscard]] Toc read_toc(StoredDump& dump);

}  // namespace pgbackup
