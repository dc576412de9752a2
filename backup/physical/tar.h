// Reads tar archives as PostgreSQL's BASE_BACKUP writes them: directories and regular files with
// plain relative names, and nothing else. There is no way to say anything that leads out of a
// directory: links, devices, absolute names and `..` are refused, and so are the extensions of tar,
// which the server never uses. Writes no files: tree_writer.h does.
// https://www.postgresql.org/docs/current/protocol-replication.html (BASE_BACKUP)
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html (ustar Interchange Format)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/codec/sink.h"

namespace pgbackup {

struct TarMember {
  std::string name;  ///< relative, without `.`, `..` or a slash at either end
  uint64_t bytes = 0;
  unsigned mode = 0;  ///< the permissions: at most 0777
  bool is_directory = false;
};

/// Receives the members of an archive in their order.
class TarVisitor {
 public:
  TarVisitor() = default;
  TarVisitor(const TarVisitor&) = delete;
  TarVisitor& operator=(const TarVisitor&) = delete;
  virtual ~TarVisitor() = default;

  /// Begins a member. What it throws ends the parse.
  virtual void begin(const TarMember& member) = 0;
  /// Takes the next bytes of the member that was begun.
  virtual void write(std::string_view bytes) = 0;
  /// Ends the member: all its bytes have come.
  virtual void end() = 0;
};

inline constexpr size_t kTarBlockBytes = 512;

/// Parses what is written to it. Throws `corrupt`, naming the member, for everything that
/// BASE_BACKUP does not write. finish() throws `corrupt` for an archive without its end, which is
/// two blocks of zeros. Takes no memory beyond one block.
class TarParser final : public Sink {
 public:
  /// The visitor must outlive the parser.
  explicit TarParser(TarVisitor& visitor) : visitor_(visitor) {}
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  void take_block();
  void begin_member();

  TarVisitor& visitor_;
  std::array<char, kTarBlockBytes> block_{};  ///< a header that is not complete yet
  size_t filled_ = 0;
  std::string name_;            ///< of the member that was begun last
  uint64_t contents_left_ = 0;  ///< of that member
  uint64_t padding_left_ = 0;   ///< behind its contents, up to the next block
  int end_blocks_ = 0;          ///< blocks of zeros that have come
};

}  // namespace pgbackup
