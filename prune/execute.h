// Carries out a plan and decides nothing, with one exception: a directory or prefix that was
// written to since the listing is left alone. Works in chunks of as many backups as the store
// deletes at once (1000 on S3, 1 in a directory): first all manifests of a chunk, then the data of
// the backups whose manifest is gone. A process that is killed leaves at most one chunk of orphaned
// objects, which later runs sweep. The write-ahead logs come last, oldest first, so that a base
// backup with a manifest never lacks its own: what a base backup needs that is still there goes in
// a later run.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/store/store.h"
#include "prune/plan.h"

namespace pgbackup {

struct Outcome {
  size_t removed = 0;        ///< backups deleted
  size_t swept = 0;          ///< backups without a manifest, and unfinished writes
  size_t wal_removed = 0;    ///< objects of write-ahead logs
  uint64_t freed_bytes = 0;  ///< deleted and swept; unfinished writes count as 0
  size_t failures = 0;
  std::optional<Error> first_failure = std::nullopt;
};

/// Deletes and sweeps what `plan` says, and logs every deletion. Counts a deletion that fails and
/// goes on with the others. Ends after three requests in a row that the store did not answer.
/// Throws `canceled` on a stop request, between requests.
[[nodiscard]] Outcome execute_plan(Store& store, const Plan& plan, Log& log,
                                   const std::stop_token& stop);

/// Counts `failures`, the errors that kept a backup from being examined or deleted in an earlier
/// step.
void add_failures(Outcome& outcome, const std::vector<Error>& failures);

/// Throws `failed` with the number of failures and the first of them in full. Does nothing when
/// there are none.
void throw_failures(const Outcome& outcome);

}  // namespace pgbackup
