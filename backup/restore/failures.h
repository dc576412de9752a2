// The statements that failed in a restore that goes on, as pg_restore tells them on stderr: however
// many there are, a bounded number is kept, and all are counted.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/log.h"

namespace pgbackup {

class RestoreFailures {
 public:
  static constexpr size_t kKept = 50;

  /// Takes the next bytes of stderr, cut anywhere.
  void add(std::string_view text);

  [[nodiscard]] size_t count() const { return count_; }
  /// Returns the first kKept failures, one line each: the server's message, and the first line of
  /// the statement, never its data.
  [[nodiscard]] const std::vector<std::string>& first() const { return first_; }
  /// Returns whether pg_restore has come to its end and counted what it left out.
  [[nodiscard]] bool is_counted() const { return is_counted_; }

 private:
  void add_line(std::string_view line);
  void add_failure(std::string_view message);

  std::string line_;  ///< the start of a line that has not ended
  std::vector<std::string> first_;
  size_t count_ = 0;
  bool is_counted_ = false;
};

/// Logs which statements failed, and returns a failure even though all others were executed;
/// nullopt where none failed.
[[nodiscard]] std::optional<Error> describe_failures(const RestoreFailures& failures, Log& log);

}  // namespace pgbackup
