#include "prune/execute.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

/// Each has been repeated for minutes: the store is away, and the rest would take as long.
constexpr int kMaxUnanswered = 3;

class Execution {
 public:
  Execution(Store& store, Log& log, const std::stop_token& stop)
      : store_(store), log_(log), stop_(stop) {}

  Outcome run(const Plan& plan) {
    for (const Step& step : plan.steps) {
      if (step.action == Action::keep) continue;
      if (unanswered_ >= kMaxUnanswered) {
        log_.warn("the store does not answer: the rest is left for the next run");
        break;
      }
      if (run_step(step)) count(step);
    }
    return std::move(outcome_);
  }

 private:
  /// True when nothing of it is left.
  bool run_step(const Step& step) {
    if (step.write) {
      return attempt(step.write->key, [&] { store_.remove_unfinished(*step.write); });
    }
    if (step.action == Action::sweep) return is_still_abandoned(step) && remove_data(step.backup);
    // Without this order a crash would leave a listed backup that cannot be restored.
    return remove_object(step.backup.key_of(kManifestName)) && remove_data(step.backup);
  }

  /// The listing is from a moment ago. A writer that has written since then still lives.
  bool is_still_abandoned(const Step& step) {
    bool alive = false;
    const std::string folder = step.backup.folder() + "/";
    const bool listed = attempt(folder, [&] {
      store_.list(folder, [&](const ObjectInfo& object) {
        const std::optional<BackupKey> key = parse_key(object.key);
        if (!key) return;
        alive = alive || key->file == kManifestName || object.modified > step.backup.newest;
      });
    });
    if (alive) {
      log_.info("left alone: written to since it was listed",
                {{"group", step.backup.group}, {"id", step.backup.id}});
    }
    return listed && !alive;
  }

  bool remove_data(const Backup& backup) {
    bool done = true;
    for (const std::string& file : backup.files) {
      if (file != kManifestName) done = remove_object(backup.key_of(file)) && done;
    }
    return done;
  }

  bool remove_object(const std::string& key) {
    return attempt(key, [&] { store_.remove(key); });
  }

  template <class Call>
  bool attempt(const std::string& key, const Call& call) {
    if (stop_.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
    try {
      call();
      unanswered_ = 0;
      return true;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::canceled) throw;
      unanswered_ = error.kind() == ErrorKind::transient ? unanswered_ + 1 : 0;
      note_failure(error.within(fmt::format("cannot remove {}", store_.location(key))));
      return false;
    }
  }

  void note_failure(const Error& error) {
    log_.warn(error.message());
    ++outcome_.failures;
    if (!outcome_.first_failure) outcome_.first_failure = error;
  }

  void count(const Step& step) {
    ++(step.action == Action::remove ? outcome_.removed : outcome_.swept);
    outcome_.freed_bytes += step.backup.bytes;
    log_.info(step.action == Action::remove ? "removed" : "swept",
              {{"group", step.backup.group},
               {"id", step.backup.id},
               {"reason", fmt::format("{}", fmt::join(step.reasons, "; "))}});
  }

  Store& store_;
  Log& log_;
  const std::stop_token& stop_;
  Outcome outcome_;
  int unanswered_ = 0;
};

}  // namespace

Outcome execute_plan(Store& store, const Plan& plan, Log& log, const std::stop_token& stop) {
  return Execution(store, log, stop).run(plan);
}

void throw_failures(const Outcome& outcome) {
  if (outcome.failures == 0) return;
  throw Error(ErrorKind::failed,
              outcome.failures == 1
                  ? outcome.first_failure->message()
                  : fmt::format("{} removals failed; the first: {}", outcome.failures,
                                outcome.first_failure->message()),
              outcome.first_failure->hint());
}

}  // namespace pgbackup
