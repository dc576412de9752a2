// Looks at a base backup while it is taken, for what the server itself can get wrong: before its
// releases of November 2026 it can send a file in the middle of being replaced, and reports success
// all the same. Such a backup must be taken again. What was stored is checked by file_list.h when
// it is restored.
// https://www.postgresql.org/docs/release/15.20/
#pragma once

#include <string>
#include <string_view>

#include "backup/physical/tar.h"
#include "common/base/error.h"

namespace pgbackup {

/// The name of the file without which no server starts. It is the last member of base.tar, with a
/// CRC-32C of its own at its end.
inline constexpr std::string_view kControlFile = "global/pg_control";

/// Says that the server sent a file in the middle of its replacement; `transient`.
class TornFile final : public Error {
 public:
  using Error::Error;
};

/// Looks at the members of base.tar. Throws TornFile for a torn file: a control file whose
/// checksum is wrong, or zeros in a configuration file.
class BaseCheck final : public TarVisitor {
 public:
  void begin(const TarMember& member) override;
  void write(std::string_view bytes) override;
  void end() override;

  /// Throws TornFile unless the control file has come, and come last. Called at the end of the
  /// archive.
  void require_complete() const;
  /// Returns the bytes of the control file. Called after require_complete().
  [[nodiscard]] const std::string& control_file() const { return control_; }

 private:
  enum class Member { other, text, control };

  std::string name_;
  Member member_ = Member::other;
  std::string control_;  ///< the bytes of the control file
};

/// Throws TornFile for bytes that are not those of a whole control file, of any version: their
/// last word that is not zero must be the CRC-32C of all bytes before it.
void check_control_file(std::string_view bytes);

}  // namespace pgbackup
