#include "prune/execute.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/catalog/key_grammar.h"
#include "common/catalog/old_layouts.h"
#include "prune/reason_text.h"
#include "prune/wal_prune.h"

namespace pgbackup {
namespace {

/// Ends the run after so many unanswered requests in a row: each has been repeated for minutes, so
/// the store is unavailable and the rest would take as long.
constexpr int kMaxUnanswered = 3;

/// Limits a batch of sweeps: between the look at a prefix and its deletion others are looked at,
/// and that time must stay short.
constexpr size_t kMaxSweptAtOnce = 100;

using Steps = std::vector<const Step*>;

enum class Kind { backup, folder, write };

Kind kind_of(const Step& step) {
  if (step.write != nullptr) return Kind::write;
  return step.action == Action::remove ? Kind::backup : Kind::folder;
}

Steps steps_of(const Plan& plan, Kind kind) {
  Steps steps;
  for (const Step& step : plan.steps) {
    if (step.action != Action::keep && kind_of(step) == kind) steps.push_back(&step);
  }
  return steps;
}

/// Returns whether `file` is deleted first: the manifest, so that a crash leaves no listed backup
/// that cannot be restored. In a backup of an older system the checksum is first, so that one
/// without its file is always a sign of damage.
bool is_first(const Backup& backup, const BackupFile& file) {
  return (backup.key_of(file.name) == backup.commit_key()) == backup.is_ours();
}

std::vector<std::string> keys_of(const Backup& backup, bool first) {
  std::vector<std::string> keys;
  for (const BackupFile& file : backup.files) {
    if (is_first(backup, file) == first) keys.push_back(backup.key_of(file.name));
  }
  return keys;
}

std::vector<std::string> first_of(const Backup& backup) { return keys_of(backup, true); }
std::vector<std::string> rest_of(const Backup& backup) { return keys_of(backup, false); }

bool is_any_of(const std::vector<std::string>& keys, const std::set<std::string>& left) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const std::string& key) { return left.contains(key); });
}

class Execution {
 public:
  Execution(Store& store, const Plan& plan, Log& log, const std::stop_token& stop)
      : store_(store), plan_(plan), log_(log), stop_(stop) {}

  Outcome run() {
    in_chunks(steps_of(plan_, Kind::backup), store_.removal_batch(),
              [&](std::span<const Step* const> chunk) { remove_backups(chunk); });
    in_chunks(steps_of(plan_, Kind::folder), std::min(store_.removal_batch(), kMaxSweptAtOnce),
              [&](std::span<const Step* const> chunk) { sweep_folders(chunk); });
    for (const Step* step : steps_of(plan_, Kind::write)) sweep_write(*step);
    for (const ServerWalPlan& server : wal_to_remove()) remove_wal(server);
    if (is_cut_short_) log_.warn("the store does not answer: the rest is left for the next run");
    return std::move(outcome_);
  }

 private:
  template <class Item, class Work>
  static void in_chunks(const std::vector<Item>& items, size_t most, const Work& work) {
    std::span<const Item> rest(items);
    while (!rest.empty()) {
      const size_t count = std::min(most, rest.size());
      work(rest.first(count));
      rest = rest.subspan(count);
    }
  }

  void remove_backups(std::span<const Step* const> chunk) {
    const Steps free = not_held(chunk);
    std::vector<std::string> keys;
    for (const Step* step : free) {
      const std::vector<std::string> first = first_of(*step->backup);
      keys.insert(keys.end(), first.begin(), first.end());
    }
    const std::set<std::string> left = remove_keys(keys);
    Steps gone;
    std::copy_if(free.begin(), free.end(), std::back_inserter(gone),
                 [&](const Step* step) { return !is_any_of(first_of(*step->backup), left); });
    note_spared(chunk, gone);
    remove_data(gone);
  }

  /// Returns the steps whose backup is not held. The listing is from a moment ago: a hold may have
  /// been added since.
  Steps not_held(std::span<const Step* const> chunk) {
    Steps free;
    std::optional<std::set<std::string>> held;
    const Backup* last = nullptr;
    for (const Step* step : chunk) {
      const Backup& backup = *step->backup;
      const bool is_alone = chunk.size() == 1;
      if (last == nullptr || last->group != backup.group) held = read_holds(backup, is_alone);
      last = &backup;
      if (held && !held->contains(backup.id)) free.push_back(step);
      if (!held || !held->contains(backup.id)) continue;
      log_.info("left alone: held since it was listed",
                {{"database", backup.group.name()}, {"run", backup.id}});
    }
    return free;
  }

  /// Returns the ids in the backup's group that are held now, or nullopt when they cannot be read.
  std::optional<std::set<std::string>> read_holds(const Backup& backup, bool only_this) {
    std::set<std::string> held;
    const std::string folder = encode_group(backup.group) + "/";
    const bool is_known = attempt(folder, [&] {
      store_.list(only_this ? backup.folder() : folder, [&](const ObjectInfo& object) {
        std::optional<BackupKey> key = parse_key(object.key);
        if (key && key->file == kHoldName) held.insert(std::move(key->id));
      });
    });
    return is_known ? std::optional(std::move(held)) : std::nullopt;
  }

  void sweep_folders(std::span<const Step* const> chunk) {
    Steps abandoned;
    std::copy_if(chunk.begin(), chunk.end(), std::back_inserter(abandoned),
                 [&](const Step* step) { return is_still_abandoned(*step); });
    note_spared(chunk, abandoned);
    remove_data(abandoned);
  }

  /// Notes the steps of `chunk` that are not carried out.
  void note_spared(std::span<const Step* const> chunk, const Steps& done) {
    std::copy_if(chunk.begin(), chunk.end(), std::back_inserter(spared_), [&](const Step* step) {
      return std::find(done.begin(), done.end(), step) == done.end();
    });
  }

  /// Returns the plan of the write-ahead logs, for which a base backup that was spared counts as
  /// one that stays.
  WalPlan wal_to_remove() const { return spared_.empty() ? plan_.wal : plan_wal(plan_, spared_); }

  void remove_wal(const ServerWalPlan& server) {
    size_t removed = 0;
    uint64_t bytes = 0;
    in_chunks(server.removed, store_.removal_batch(), [&](std::span<const WalObject* const> chunk) {
      std::vector<std::string> keys;
      for (const WalObject* const object : chunk) keys.push_back(object->key);
      const std::set<std::string> left = remove_keys(keys);
      for (const WalObject* const object : chunk) {
        if (left.contains(object->key)) continue;
        ++removed;
        bytes += object->bytes;
      }
    });
    if (removed == 0) return;
    outcome_.wal_removed += removed;
    outcome_.freed_bytes += bytes;
    log_.info(
        "deleted write-ahead log",
        {{"server", server.system_identifier}, {"objects", removed}, {"bytes", LogBytes{bytes}}});
  }

  void sweep_write(const Step& step) {
    if (!attempt(step.write->key, [&] { store_.remove_unfinished(*step.write); })) return;
    unanswered_ = 0;
    count(step);
  }

  /// Returns whether nothing was written since the listing. A writer that has written since then is
  /// still alive.
  bool is_still_abandoned(const Step& step) {
    bool alive = false;
    const std::string folder = step.backup->folder() + (step.backup->is_ours() ? "/" : "");
    const bool listed = attempt(folder, [&] {
      store_.list(folder, [&](const ObjectInfo& object) {
        if (!parse_key(object.key) && !parse_old_key(object.key)) return;
        alive = alive || object.key == step.backup->commit_key() ||
                object.modified > step.backup->newest;
      });
    });
    if (alive) {
      log_.info("left alone: written to since it was listed",
                {{"database", step.backup->group.name()}, {"run", step.backup->id}});
    }
    return listed && !alive;
  }

  /// Deletes what remains after the manifests are gone, and counts the backups of which nothing is
  /// left.
  void remove_data(const Steps& steps) {
    std::vector<std::string> keys;
    for (const Step* step : steps) {
      const std::vector<std::string> data = rest_of(*step->backup);
      keys.insert(keys.end(), data.begin(), data.end());
    }
    const std::set<std::string> left = remove_keys(keys);
    for (const Step* step : steps) {
      if (!is_any_of(rest_of(*step->backup), left)) count(*step);
    }
  }

  /// Returns the keys that still exist.
  std::set<std::string> remove_keys(std::span<const std::string> keys) {
    std::set<std::string> left;
    while (!keys.empty()) {
      const auto batch = keys.first(std::min(store_.removal_batch(), keys.size()));
      keys = keys.subspan(batch.size());
      if (!may_go_on()) {
        left.insert(batch.begin(), batch.end());
        continue;
      }
      std::vector<RemovalFailure> failures = store_.remove_all(batch);
      const bool is_unanswered =
          failures.size() == batch.size() &&
          std::all_of(failures.begin(), failures.end(), [](const RemovalFailure& failure) {
            return failure.error.kind() == ErrorKind::transient;
          });
      unanswered_ = is_unanswered ? unanswered_ + 1 : 0;
      for (const RemovalFailure& failure : failures) left.insert(failure.key);
      note_locks(failures);
      std::erase_if(failures, [](const RemovalFailure& failure) { return !failure.lock.empty(); });
      note_failures(failures);
    }
    return left;
  }

  /// Runs `call` and notes a failure; returns whether it succeeded. A listing that is answered does
  /// not show that deletions are, so success does not reset `unanswered_`.
  template <class Call>
  bool attempt(const std::string& key, const Call& call) {
    if (!may_go_on()) return false;
    try {
      call();
      return true;
    } catch (...) {
      const Error error = current_failure();
      if (error.kind() == ErrorKind::transient) ++unanswered_;
      note_failure(error.within(fmt::format("cannot delete {}", store_.location(key))));
      return false;
    }
  }

  /// Returns whether the run may go on; called before each request. Throws `canceled`.
  bool may_go_on() {
    if (stop_.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
    is_cut_short_ = is_cut_short_ || unanswered_ >= kMaxUnanswered;
    return !is_cut_short_;
  }

  /// Logs which locked objects the store keeps: one line for each time at which locks end.
  void note_locks(std::span<const RemovalFailure> failures) {
    std::map<std::string, std::vector<std::string>> locked;
    for (const RemovalFailure& failure : failures) {
      if (!failure.lock.empty()) locked[failure.lock].push_back(failure.key);
    }
    for (const auto& [lock, keys] : locked) {
      log_.info(
          "kept, because the store has locked it",
          {{"object", store_.location(keys.front())}, {"objects", keys.size()}, {"lock", lock}});
    }
  }

  /// Logs one line for each cause: a batch that got no answer has the same cause for all its
  /// objects.
  void note_failures(std::span<const RemovalFailure> failures) {
    while (!failures.empty()) {
      const RemovalFailure& first = failures.front();
      const auto other = std::find_if(failures.begin(), failures.end(), [&](const auto& failure) {
        return failure.error.message() != first.error.message();
      });
      const auto count = static_cast<size_t>(other - failures.begin());
      const std::string more = count == 1 ? "" : fmt::format(" and {} more objects", count - 1);
      note_failure(
          first.error.within(fmt::format("cannot delete {}{}", store_.location(first.key), more)));
      outcome_.failures += count - 1;
      failures = failures.subspan(count);
    }
  }

  void note_failure(const Error& error) {
    log_.warn("a deletion failed", {{"cause", error.message()}});
    ++outcome_.failures;
    if (!outcome_.first_failure) outcome_.first_failure = error;
  }

  void count(const Step& step) {
    ++(step.action == Action::remove ? outcome_.removed : outcome_.swept);
    outcome_.freed_bytes += step.backup->bytes;
    log_.info(step.action == Action::remove ? "deleted" : "swept",
              {{"database", step.backup->group.name()},
               {"run", step.backup->id},
               {"reason", reason_line(step, plan_.rules)}});
  }

  Store& store_;
  const Plan& plan_;
  Log& log_;
  const std::stop_token& stop_;
  Outcome outcome_;
  Steps spared_;        // not carried out, so that their backup may still be there
  int unanswered_ = 0;  // requests without an answer since the last deletion that was answered
  bool is_cut_short_ = false;
};

}  // namespace

Outcome execute_plan(Store& store, const Plan& plan, Log& log, const std::stop_token& stop) {
  return Execution(store, plan, log, stop).run();
}

void add_failures(Outcome& outcome, const std::vector<Error>& failures) {
  outcome.failures += failures.size();
  if (!outcome.first_failure && !failures.empty()) outcome.first_failure = failures.front();
}

void throw_failures(const Outcome& outcome) {
  if (outcome.failures == 0) return;
  throw Error(ErrorKind::failed,
              outcome.failures == 1 ? outcome.first_failure->message()
                                    : fmt::format("{} failures; the first: {}", outcome.failures,
                                                  outcome.first_failure->message()),
              outcome.first_failure->hint());
}

}  // namespace pgbackup
