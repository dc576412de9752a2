#include "prune/wal_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "common/catalog/damage.h"
#include "common/catalog/manifest.h"

namespace pgbackup {
namespace {

bool is_base(const Step& step) {
  return step.backup->group.kind() == GroupKind::cluster && step.backup->complete &&
         step.action != Action::sweep;
}

/// Adds what the manifest of a base backup says, or that it cannot be read.
void read_base(Store& store, const Plan& plan, size_t number, WalInput& input) {
  const Step& step = plan.steps[number];
  try {
    Inspection seen = inspect_backup(store, *step.backup);
    input.bases.push_back({.base = {.id = step.backup->id,
                                    .system_identifier = seen.manifest->system_identifier,
                                    .finished = seen.manifest->finished,
                                    .facts = std::move(seen.manifest->cluster)},
                           .step = number,
                           .is_damaged = !seen.damage.empty()});
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::transient) throw error;
    if (error.kind() != ErrorKind::not_found) {
      input.unreadable.push_back(error.hint().empty()
                                     ? error.message()
                                     : fmt::format("{}; {}", error.message(), error.hint()));
    } else if (step.action == Action::keep) {
      input.obstacle =
          fmt::format("the base backup {} has been deleted meanwhile", step.backup->id);
    }
  }
}

/// Reads all logs. Returns why they cannot be known.
std::optional<Error> read_logs(Store& store, WalInput& input, Log& log) {
  try {
    input.logs = read_stored_logs(store, "", log, FoldedPieces::listed);
    return std::nullopt;
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::transient) throw error;
    return error.within("the write-ahead logs cannot be listed");
  }
}

}  // namespace

std::vector<Error> read_wal(Store& store, const Catalog& catalog, Plan& plan, Log& log,
                            const std::stop_token& stop) {
  std::vector<Error> failures;
  if (!catalog.has_wal && std::none_of(plan.steps.begin(), plan.steps.end(), is_base)) return {};
  auto input = std::make_unique<WalInput>();
  // What cannot be listed may hold a base backup.
  if (catalog.unread) input->obstacle = "a part of the store cannot be listed";
  if (std::optional<Error> failure = read_logs(store, *input, log)) {
    log.warn("write-ahead logs are left alone", {{"cause", failure->message()}});
    input->obstacle = "the logs cannot be listed";
    failures.push_back(*std::move(failure));
  }
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (!is_base(plan.steps[i])) continue;
    if (stop.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
    read_base(store, plan, i, *input);
  }
  for (const PlannedBase& planned : input->bases) input->logs[planned.base.system_identifier];
  plan.wal_input = std::move(input);
  return failures;
}

}  // namespace pgbackup
