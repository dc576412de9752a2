// What happened in one run, for those who watch from outside: plain data, made from RunStates after
// the run, and the words for it. Knows no receiver.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/utc_time.h"
#include "common/catalog/group.h"
#include "common/service/run_state.h"

namespace pgbackup {

/// Names a group that was left untouched because a guard objects, and says why.
struct Refusal {
  std::string guard;  ///< `stalled`
  Group group;        ///< unnamed where the guard objects to the whole run
  std::string destination;
  std::string sentence;
};

struct RunReport {
  std::string program{};   ///< `pg-backup`
  std::string instance{};  ///< where the program runs: the name of the host, unless set
  std::string job{};       ///< the noun of the job: `backup`
  UtcTime started{};
  UtcTime ended{};
  std::chrono::seconds taken{0};   ///< by a clock that nobody sets
  bool is_idle = false;            ///< there was nothing to do
  std::optional<Error> error{};    ///< absent after a run that was good as a whole
  std::vector<RunState> states{};  ///< of this job, after the run
  std::vector<Refusal> refused{};
  std::vector<Work> late{};  ///< was overdue when the first run of the process began
  std::string last_lines{};  ///< of the log, after a run that failed

  [[nodiscard]] bool is_good() const { return !error.has_value(); }
  /// Returns whether guards refused, and nothing else went wrong.
  [[nodiscard]] bool is_refused() const { return error && error->kind() == ErrorKind::conflict; }
};

/// Names something that is wrong after a run.
struct Trouble {
  Work work;
  std::string guard{};  ///< that objects; empty for a failure
  std::string text{};   ///< the error, or the sentence of the guard
  int failures = 0;     ///< in a row; 0 for a refusal
  std::optional<UtcTime> last_success{};

  /// Returns what tells one trouble from another: `app (s3)`, `app (s3): stalled`.
  [[nodiscard]] std::string name(const std::string& job) const;
};

/// Returns what is wrong after the run: nothing after a good one, and at least one entry otherwise.
[[nodiscard]] std::vector<Trouble> troubles_of(const RunReport& report);

/// Returns the text; where it is longer than `most` bytes, its beginning of at most `most` bytes,
/// cut between two characters of UTF-8, and `...`.
[[nodiscard]] std::string clipped(std::string_view text, size_t most);

/// Returns one line: `pg-backup on db1: the backup failed: connection refused`.
[[nodiscard]] std::string headline(const RunReport& report);

/// Returns the headline and a line for each trouble, kMostTroubles at most.
[[nodiscard]] std::string describe(const RunReport& report);

/// Limits what a report lists: more says no more, and receivers refuse long messages.
inline constexpr size_t kMostTroubles = 50;
/// Limits the text of one error within a report.
inline constexpr size_t kMostErrorBytes = 1000;

}  // namespace pgbackup
