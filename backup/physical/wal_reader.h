// Reads the write-ahead log of one server from one store, and judges it: by the first page of a
// segment, and by the sums of compression and encryption. Writes nothing: wal_archive.h does.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "backup/physical/wal_page.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/catalog/wal_listing.h"
#include "common/codec/age.h"
#include "common/codec/sink.h"
#include "common/store/store.h"

namespace pgbackup {

/// Judges the bytes of a file as they pass, and passes them on. write() and finish() throw
/// `corrupt`. finish() judges the whole and ends there: the next stage is the caller's to finish.
class WalFileCheck final : public Sink {
 public:
  WalFileCheck(Sink& next, const std::string& name, const std::string& system_id);
  void write(std::string_view bytes) override;
  void finish() override;
  /// Returns how many bytes of a segment have not passed yet; nullopt before its first page has.
  [[nodiscard]] std::optional<uint64_t> missing_bytes() const;

 private:
  Sink& next_;
  std::optional<SegmentCheck> pages_;
  uint64_t bytes_ = 0;
};

/// Writes the unpacked bytes of an object of the log to `sink` and finishes it. Throws `corrupt`
/// for what was not packed as the key says, and `denied` where no key opens what is encrypted.
void read_wal_object(Store& store, const std::string& key, const AgeKeys* keys, Sink& sink);

/// Returns what `read` finds damaged; an empty string when it finds nothing.
[[nodiscard]] std::string damage_in(const std::function<void()>& read);

/// Used by one thread. Names are those of any WalFileKind. Memory does not depend on the size of
/// segments.
class WalReader {
 public:
  /// Keeps references to all. Without `keys` nothing that is encrypted can be read. Warns once of
  /// copies that are passed over, and once of copies that differ; without `log` of neither.
  WalReader(Store& store, std::string system_id, const AgeKeys* keys = nullptr, Log* log = nullptr);

  /// Returns what is stored of a file; one listing.
  [[nodiscard]] StoredSegment find(std::string_view name);

  /// Returns whether nothing of `stored` is encrypted, or there are identities to try.
  [[nodiscard]] bool can_read(const StoredSegment& stored) const;

  /// Writes a file of which find() says that it `stored` is to `sink`, and does not finish `sink`.
  /// Passes over copies and pieces that are damaged or cannot be opened where others hold the same
  /// bytes. Where undamaged copies of a whole file differ, the one stored last counts. A segment
  /// that is stored in pieces is joined, of those stored last where there is a choice, and filled
  /// up with zeros to its full size.
  /// Returns false when it was filled up. Throws `not_found` when nothing is stored, or too little
  /// of the first page to know the size, `denied` where no key opens what is needed, and `corrupt`
  /// for what a WalArchive has not written.
  bool fetch(const std::string& name, const StoredSegment& stored, Sink& sink);

  /// Reads a file and judges it as fetch() does.
  void check(const std::string& name);

 private:
  [[nodiscard]] bool is_passed_over(const WalObject& object, const std::function<void()>& read,
                                    std::optional<Error>& failure) const;
  [[nodiscard]] const WalObject& choose(const std::string& name, const StoredSegment& stored);
  [[nodiscard]] std::string read_piece(const std::string& name, const WalPiece& piece);
  bool join_pieces(const std::string& name, const StoredSegment& stored, Sink& sink);
  void warn_of_failure(const std::string& name, const Error& failure);
  void warn_of_difference(const std::string& name, const WalObject& chosen, const WalObject& other);

  Store& store_;
  std::string system_id_;
  const AgeKeys* keys_;
  Log* log_;
  bool is_warned_of_failure_ = false;
  bool is_warned_of_difference_ = false;
};

}  // namespace pgbackup
