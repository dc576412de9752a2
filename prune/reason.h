// Why a backup stays, goes or is swept: a set of bits for each of millions, a text for people.
#pragma once

#include <bitset>
#include <cstddef>

namespace pgbackup {

enum class Reason {
  // The policy keeps it.
  future,
  damaged,    ///< what its manifest names is not there
  backdated,  ///< it may not be of its date
  held,
  within,
  last,
  hourly,
  daily,
  weekly,
  monthly,
  yearly,
  floor,
  // The policy does not, but it stays all the same.
  locked,
  unreadable,
  gone,
  frozen,
  // It goes unless a guard objects.
  bad_manifest,
  // A leftover goes.
  silent,
  silent_and_out,
  unfinished,
};

inline constexpr size_t kReasonCount = static_cast<size_t>(Reason::unfinished) + 1;

/// None: no rule keeps it.
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
