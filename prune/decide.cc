#include "prune/decide.h"

#include <utility>

#include "prune/evidence.h"
#include "prune/locks.h"
#include "prune/wal_evidence.h"
#include "prune/wal_prune.h"
#include "prune/writes.h"

namespace pgbackup {

Look look(Store& store, const DecideBy& by, Log& log) {
  const std::vector<UnfinishedWrite> writes = find_unfinished(store, by.now, log);
  Catalog catalog = read_catalog(store, by.adoption);
  Plan plan = make_plan(std::move(catalog.backups), writes, by.rules, by.now);
  catalog.backups.clear();
  return {std::move(plan), std::move(catalog)};
}

std::vector<Error> decide(Store& store, Look& seen, Log& log, const std::stop_token& stop) {
  Plan& plan = seen.plan;
  const std::vector<Error> wal_failures = read_wal(store, seen.catalog, plan, log, stop);
  const std::vector<LockReading> readings = read_locks(store, plan, log, stop);
  apply_locks(plan, readings);
  keep_last_of_servers(plan);
  keep_ways_to_timelines(plan);
  guard_plan(store, plan, log, stop);
  settle_wal(plan);
  std::vector<Error> failures = lock_failures(readings);
  failures.insert(failures.end(), wal_failures.begin(), wal_failures.end());
  if (seen.catalog.unread) failures.push_back(*seen.catalog.unread);
  return failures;
}

}  // namespace pgbackup
