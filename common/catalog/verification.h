// What a verification of a backup found: an object beside the manifest whose name alone says when
// it was, how deep it went and how it ended, so that a listing tells which backups count. What the
// object holds is for people. Verifies nothing: pg-backup does.
//
//   verified-20261130T022337Z-9f3a1c2b-restore-passed.json
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/group.h"

namespace pgbackup {

/// Says how deep a verification goes. Each depth includes the ones before it.
enum class VerifyDepth : uint8_t {
  stored,   ///< every object has its size and its SHA-256
  archive,  ///< unpacked, and read to its end
  restore,  ///< restored, and compared with what was dumped
};

/// Returns `stored`, `archive` or `restore`.
[[nodiscard]] std::string_view depth_name(VerifyDepth depth);

/// Orders by time.
struct Verification {
  UtcTime time;
  VerifyDepth depth = VerifyDepth::stored;
  bool is_passed = false;
  std::string file{};  ///< the name of its object

  friend auto operator<=>(const Verification&, const Verification&) = default;
};

/// Returns a verification of a new name.
[[nodiscard]] Verification make_verification(UtcTime now, VerifyDepth depth, bool is_passed);
/// Returns what the name of an object says; nullopt for a name that make_verification() cannot have
/// made.
[[nodiscard]] std::optional<Verification> parse_verification(std::string_view file);

/// Returns the verification that counts: the newest, but a failure stands until a later one goes as
/// deep. `all` is sorted.
[[nodiscard]] std::optional<Verification> standing_verification(std::span<const Verification> all);

/// Holds what the object says beyond its name.
struct VerificationReport {
  Group group{};
  std::string id{};
  std::string problem{};  ///< why it failed; empty: it has passed
  std::string tool{};     ///< `pg-backup 0.2.0`
  uint64_t bytes = 0;     ///< that were read from the store
  std::chrono::seconds taken{0};
  std::vector<std::string> notes{};  ///< what was compared, and what could not be
};

/// Returns the report of an encrypted backup for readers without a key: without what reading or
/// restoring the data has shown, such as names of tables and numbers of rows.
[[nodiscard]] VerificationReport without_private(VerificationReport report, VerifyDepth depth);

/// Limits the size of the object.
inline constexpr size_t kMaxVerificationBytes = size_t{64} << 10U;

/// Returns indented JSON of at most kMaxVerificationBytes.
[[nodiscard]] std::string format_verification(const Verification& verification,
                                              const VerificationReport& report);
/// Parses what format_verification() returns. Throws `corrupt` for anything else.
[[nodiscard]] VerificationReport parse_verification_report(std::string_view text);

}  // namespace pgbackup
