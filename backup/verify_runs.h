// The verifications of one process, by the verb or by VERIFY_SCHEDULE: which backups are verified,
// and what is stored and said of them. A failure does not stop the rest. One backup is verified in
// backup/verify.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backup/config.h"
#include "backup/program.h"
#include "backup/verify/read_check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/catalog.h"
#include "common/service/run_state.h"
#include "common/store/destinations.h"

namespace pgbackup {

class VerifyRuns {
 public:
  /// Keeps references to all arguments, which must outlive the object. `config` is that of this
  /// thread; the keys are those of `program`.
  VerifyRuns(const BackupConfig& config, Program& program, RunStates& states);

  /// Verifies the backup `given`, as backup_name.h has it, or the newest of each group, or all
  /// (--all), in each destination. Throws what failed, and `not_found` where there is no such
  /// backup.
  void once(std::string_view given);

  /// Returns when the group that has gone the longest without was verified; nullopt where one never
  /// was.
  [[nodiscard]] std::optional<UtcTime> newest();
  /// Makes the daemon's run: one backup of each group that has none verified in the present period,
  /// the newest that never was, else the one that was verified the longest ago. Waits while backups
  /// are made. Throws what failed, and also `corrupt` while the newest verified backup of a group
  /// is bad.
  void run();

 private:
  using Work = std::function<void(const Destination&, UtcTime now)>;

  [[nodiscard]] std::string complete_name(std::string_view given);
  void for_each(const Work& work);
  void run_in(const Destination& destination, UtcTime now);
  void verify(const Destination& destination, const Backup& backup);
  void verify_noting(const Destination& destination, const Backup& backup);
  [[nodiscard]] std::optional<Error> check_twice(Store& store, const Backup& backup,
                                                 VerificationReport& report, VerifyDepth& depth);
  void check(Store& store, const Backup& backup, VerificationReport& report, VerifyDepth& depth);
  void check_by(Store& store, const Backup& backup, VerificationReport& report, VerifyDepth& depth,
                const std::stop_token& stop);
  [[nodiscard]] std::optional<UtcTime> due_after(UtcTime began) const;
  void wait_for_backups();
  void throw_failures();

  const BackupConfig& config_;
  Program& program_;
  RunStates& states_;
  Clock& clock_;
  Log& log_;
  const std::stop_token& stop_;
  std::set<std::string> refused_;  ///< places of backups that are not signed
  // State of the present run
  std::vector<std::pair<std::string, Error>> failures_;  ///< backups and their errors
  size_t verified_ = 0;
};

}  // namespace pgbackup
