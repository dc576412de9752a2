// Why a backup is kept, deleted or swept: a set of bits, since there may be millions. The texts for
// people are in reason_text.h.
#pragma once

#include <bitset>
#include <cstddef>

namespace pgbackup {

enum class Reason {
  // The policy keeps it.
  future,
  damaged,     ///< what its manifest names is not there
  backdated,   ///< the date in its id may be wrong
  not_signed,  ///< it is not signed, and was stored after the first signed one
  failed,      ///< its verification has failed
  held,
  within,
  last,
  hourly,
  daily,
  weekly,
  monthly,
  yearly,
  floor,
  verified,          ///< the newest verified one, where PRUNE_REQUIRE_VERIFIED is set
  last_of_server,    ///< the newest base backup of a server whose log goes on
  last_of_timeline,  ///< the newest base backup that leads to a timeline whose log goes on
  // The policy does not keep it, but it stays all the same.
  locked,
  unreadable,
  gone,
  frozen,
  // It is deleted unless a guard objects.
  bad_manifest,
  // Orphaned objects are swept.
  silent,
  silent_and_out,
  unfinished,
};

inline constexpr size_t kReasonCount = static_cast<size_t>(Reason::unfinished) + 1;

/// Holds the reasons of one step; an empty set means that no rule keeps the backup.
class Reasons {
 public:
  Reasons() = default;
  Reasons(Reason reason) { add(reason); }  // NOLINT(google-explicit-constructor)
  void add(Reason reason) { bits_.set(static_cast<size_t>(reason)); }
  [[nodiscard]] bool has(Reason reason) const { return bits_.test(static_cast<size_t>(reason)); }
  [[nodiscard]] bool empty() const { return bits_.none(); }
  friend bool operator==(const Reasons&, const Reasons&) = default;

 private:
  std::bitset<kReasonCount> bits_;
};

}  // namespace pgbackup
