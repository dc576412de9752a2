// What the verb `check` finds out, as data: one thing that was looked at, how it stands, and what
// to do about it. Pure. Whoever looks is elsewhere: store_check.h, backups_check.h and the
// programs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace pgbackup {

enum class FindingLevel {
  ok,
  unknown,    ///< not told to these credentials; no fault
  attention,  ///< somebody should do something
  failed,     ///< could not be checked
};

struct Finding {
  FindingLevel level = FindingLevel::ok;
  std::string area;       ///< heading that it stands under: `PostgreSQL`, `s3://bucket/prefix/`
  std::string subject;    ///< `database app`, `permission to delete`
  std::string sentence;   ///< without a period
  std::string advice{};   ///< what to do; perhaps several lines, such as statements of SQL
  bool is_fatal = false;  ///< the next backup, or the next pruning, would fail of it
};

using Findings = std::vector<Finding>;

/// Returns the name of a level as text and JSON have it: `could not check` is `failed`.
[[nodiscard]] std::string_view finding_level_name(FindingLevel level);

/// Returns the finding that `error` makes, with its hint as the advice; it is fatal.
[[nodiscard]] Finding finding_of(const Error& error, FindingLevel level, std::string area,
                                 std::string subject);

/// Appends `more`.
void append_findings(Findings& findings, Findings more);

/// Returns 1 when something could not be checked, else 3 when something needs attention, else 0.
[[nodiscard]] int exit_code_of(const Findings& findings);

/// Returns a line per finding below the headings of the areas, each with its advice, and a sentence
/// at the end. Control characters are replaced.
[[nodiscard]] std::string format_findings_text(const Findings& findings);
/// Returns a line per finding: `{level, area, subject, sentence}`, `advice` where there is one, and
/// `"fatal": true`.
[[nodiscard]] std::string format_findings_json(const Findings& findings);

/// Returns what the next run would fail of, in one line: the first such finding, and how many more
/// there are. Returns an empty string when there is none.
[[nodiscard]] std::string fatal_summary(const Findings& findings);

}  // namespace pgbackup
