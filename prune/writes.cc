#include "prune/writes.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "common/base/error.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/wal.h"

namespace pgbackup {
namespace {

/// Counts the writes for which the store does not say when they last received bytes.
struct Unknown {
  size_t count = 0;
  std::optional<Error> first_error{};
  bool is_unanswered =
      false;  ///< the store was unavailable: the other writes would wait as long for the same error
};

std::vector<UnfinishedWrite> list_ours(Store& store) {
  std::vector<UnfinishedWrite> ours;
  try {
    store.list_unfinished([&](const UnfinishedWrite& write) {
      if (parse_key(write.key) || parse_wal_key(write.key)) ours.push_back(write);
    });
  } catch (const PartialListing&) {
    return ours;  // the listing of the backups, which comes next, says the same
  }
  return ours;
}

/// Returns when the write last received bytes, `now` when that cannot be learned, or nullopt when
/// the write is gone.
std::optional<UtcTime> ask(Store& store, const UnfinishedWrite& write, UtcTime now,
                           Unknown& unknown) {
  try {
    if (!unknown.is_unanswered) return store.last_activity(write);
  } catch (...) {
    const Error error = current_error();
    if (error.kind() == ErrorKind::canceled) throw error;
    unknown.is_unanswered = is_retryable(error.kind());
    if (!unknown.first_error) unknown.first_error = error;
  }
  ++unknown.count;
  return now;
}

}  // namespace

std::vector<UnfinishedWrite> find_unfinished(Store& store, UtcTime now, Log& log) {
  std::vector<UnfinishedWrite> found;
  Unknown unknown;
  for (UnfinishedWrite& write : list_ours(store)) {
    const std::optional<UtcTime> newest = ask(store, write, now, unknown);
    if (!newest) continue;
    write.newest = *newest;
    found.push_back(std::move(write));
  }
  if (unknown.first_error) {
    log.warn(
        "unfinished uploads are left alone, since it cannot be told when they last received data",
        {{"uploads", unknown.count}, {"cause", unknown.first_error->message()}});
  }
  return found;
}

}  // namespace pgbackup
