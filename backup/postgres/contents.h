// What a database holds: how many tables, sequences and large objects, which extensions, and the
// rows of its tables. Read under the snapshot of a dump, and again after a restore; the comparison
// is pure. Only reads.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "backup/postgres/connection.h"
#include "common/catalog/dump_contents.h"

namespace pgbackup {

/// Says which tables are counted.
enum class CountRows {
  none,   ///< nothing is noted at all
  cheap,  ///< tables of 1 MiB at most
  full,   ///< all
};

/// Returns everything but the rows. Leaves the roles out where there are more than kMostRoles.
[[nodiscard]] DumpContents read_contents(PgConnection& connection);

/// Counts the rows of tables, and adds them to `contents`, not sorted, until `goes_on` returns
/// false. What is beyond the limits of dump_contents.h is summed up where all are counted, and left
/// out otherwise.
void count_rows(PgConnection& connection, CountRows which, const std::function<bool()>& goes_on,
                DumpContents& contents);

/// Counts the rows of the tables in `noted`, or of all where it sums up further ones. Tables that
/// are not there are left out.
[[nodiscard]] DumpContents read_contents_like(PgConnection& connection, const DumpContents& noted);

/// Returns how `restored` differs from what was noted, one sentence each, kMostDifferences at most.
[[nodiscard]] std::vector<std::string> compare_contents(const DumpContents& noted,
                                                        const DumpContents& restored);
inline constexpr size_t kMostDifferences = 10;

/// Returns `12 tables, 3 sequences, 1 extension, 0 large objects, the rows of 10 tables`.
[[nodiscard]] std::string describe_contents(const DumpContents& contents);

}  // namespace pgbackup
