// Carries out a plan and decides nothing, except that a folder which has come to life since it was
// listed is left alone. Works in chunks of as many backups as the store removes at once (1000 on
// S3, 1 in a directory): first all their manifests, then the data of those whose manifest is gone.
// Killed anywhere, it leaves at most one chunk of folders without a manifest, which later runs
// sweep.
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
  size_t removed = 0;        ///< backups
  size_t swept = 0;          ///< folders and unfinished writes
  uint64_t freed_bytes = 0;  ///< of both; the size of unfinished writes is not known
  size_t failures = 0;
  std::optional<Error> first_failure = std::nullopt;
};

/// A removal that fails is counted and the others go on; three requests in a row that the store did
/// not answer end the run. Every removal is logged. Throws `canceled` on a stop request, between
/// requests.
[[nodiscard]] Outcome execute_plan(Store& store, const Plan& plan, Log& log,
                                   const std::stop_token& stop);

/// Those that kept a backup from being looked at or removed before it came to that.
void add_failures(Outcome& outcome, const std::vector<Error>& failures);

/// Throws `failed` with the number of failures and the first of them in full, if there are any.
void throw_failures(const Outcome& outcome);

}  // namespace pgbackup
