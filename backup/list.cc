#include "backup/list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/units.h"
#include "common/catalog/damage.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/progress.h"

namespace pgbackup {
namespace {

std::vector<std::string> warnings_of(const ListedBackup& listed) {
  if (listed.manifest) return listed.manifest->warnings;
  if (listed.problem.empty() || listed.problem == listed.damage) return {};
  return {listed.problem};
}

std::string note(const ListedBackup& listed) {
  std::vector<std::string> notes = warnings_of(listed);
  if (listed.manifest && !listed.manifest->dump.selection.empty()) {
    notes.push_back(fmt::format("partial: pg_dump was given {}",
                                fmt::join(listed.manifest->dump.selection, " ")));
  }
  if (const auto found = listed.backup.verification(); found && found->is_passed) {
    notes.insert(notes.begin(), fmt::format("verified {} ({})", format_iso(found->time),
                                            depth_name(found->depth)));
  }
  if (!listed.failure.empty()) notes.insert(notes.begin(), "failed: " + listed.failure);
  if (listed.backup.held) notes.insert(notes.begin(), "held");
  if (listed.is_future) notes.insert(notes.begin(), "dated in the future");
  if (!listed.backdating.empty()) notes.insert(notes.begin(), "backdated: " + listed.backdating);
  if (!listed.damage.empty()) notes.insert(notes.begin(), "damaged: " + listed.damage);
  if (!listed.backup.is_ours()) {
    notes.push_back(fmt::format("of an older system ({})", layout_name(listed.backup.layout)));
  }
  return printable(fmt::format("{}", fmt::join(notes, "; ")));
}

/// Returns what the verification of a backup found to be wrong; "" where none has failed.
std::string failure_of(Store& store, const Backup& backup) {
  const std::optional<Verification> found = backup.verification();
  if (!found || found->is_passed) return "";
  const std::string at = fmt::format("verification of {}", format_iso(found->time));
  try {
    const std::string text =
        read_small_object(store, backup.key_of(found->file), kMaxVerificationBytes);
    return fmt::format("{}: {}", at, parse_verification_report(text).problem);
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::transient) throw error;
    return fmt::format("{}, whose report cannot be read: {}", at, error.message());
  }
}

ListedBackup describe(const Destination& destination, Backup backup) {
  ListedBackup listed{.backup = std::move(backup),
                      .manifest = {},
                      .problem = {},
                      .damage = {},
                      .failure = {},
                      .backdating = {},
                      .key = {},
                      .destination = destination.name()};
  Store& store = destination.store();
  listed.key = store.full_key(listed.backup.commit_key());
  try {
    listed.failure = failure_of(store, listed.backup);
    Inspection seen = inspect_backup(store, listed.backup);
    listed.damage = std::move(seen.damage);
    listed.backdating = std::move(seen.backdating);
    listed.manifest = std::move(seen.manifest);
    if (listed.manifest) {
      listed.key = store.full_key(
          listed.backup.key_of(listed.manifest->streams.front().objects.front().name));
    }
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::transient) throw error;
    listed.problem = error.message();
    if (error.kind() == ErrorKind::corrupt) listed.damage = listed.problem;
  }
  return listed;
}

}  // namespace

Listing list_backups(const Destinations& destinations, const Adoption& adoption,
                     const Clock& clock) {
  std::vector<ListedBackup> listed;
  std::map<Layout, size_t> not_adopted;
  std::vector<DestinationFailure> failures =
      for_each_destination(destinations, [&](const Destination& destination) {
        std::vector<ListedBackup> here;
        Catalog catalog = read_catalog(destination.store(), adoption);
        for (const auto& [layout, count] : catalog.not_adopted) not_adopted[layout] += count;
        for (Backup& backup : catalog.backups) {
          if (backup.complete) here.push_back(describe(destination, std::move(backup)));
        }
        std::move(here.begin(), here.end(), std::back_inserter(listed));
        if (catalog.unread) throw Error(*catalog.unread);
      });
  const UtcTime now = time_of(destinations, clock);
  for (ListedBackup& one : listed) one.is_future = is_from_future(one.backup, now);
  std::stable_sort(listed.begin(), listed.end(), [](const ListedBackup& a, const ListedBackup& b) {
    return is_listed_before(a.backup, b.backup);
  });
  return {std::move(listed), std::move(failures), std::move(not_adopted)};
}

std::string format_backup_table(const std::vector<ListedBackup>& backups) {
  if (backups.empty()) return "no backups yet\n";
  size_t width = std::string_view("DATABASE").size();
  size_t id_width = std::string_view("20261120T031500Z-9f3a1c2b").size();
  for (const ListedBackup& listed : backups) {
    width = std::max(width, group_title(listed.backup.group).size());
    id_width = std::max(id_width, listed.backup.id.size());
  }
  const bool has_targets = !backups.front().destination.empty();
  const auto column = [&](std::string_view destination) {
    return has_targets ? fmt::format("  {:<4}", destination) : std::string();
  };
  std::string table = fmt::format("{:<{}}  {:<{}}  {:<20}  {:>10}{}  NOTE\n", "DATABASE", width,
                                  "ID", id_width, "TIME", "SIZE", column("FROM"));
  for (const ListedBackup& listed : backups) {
    const Backup& backup = listed.backup;
    std::string line =
        fmt::format("{:<{}}  {:<{}}  {:<20}  {:>10}{}  {}", group_title(backup.group), width,
                    backup.id, id_width, format_iso(backup.time), format_bytes(backup.bytes),
                    column(listed.destination), note(listed));
    line.erase(line.find_last_not_of(' ') + 1);
    table += line + "\n";
  }
  return table;
}

std::string format_backup_json(const std::vector<ListedBackup>& backups) {
  std::string lines;
  for (const ListedBackup& listed : backups) {
    const Backup& backup = listed.backup;
    nlohmann::ordered_json line = {
        {"group", backup.group.name()},
        {"id", backup.id},
        {"time", format_iso(backup.time)},
        {"kind", kind_name(listed.manifest ? backup.group.kind() : GroupKind::database)},
        {"bytes", backup.bytes},
        {"key", listed.key}};
    if (!backup.is_ours()) line["layout"] = layout_name(backup.layout);
    if (listed.manifest && !listed.manifest->dump.selection.empty()) {
      line["part"] = listed.manifest->dump.selection;
    }
    if (const auto found = backup.verification(); found && found->is_passed) {
      line["verified"] = {{"at", format_iso(found->time)}, {"depth", depth_name(found->depth)}};
    }
    if (!listed.failure.empty()) line["failed"] = listed.failure;
    if (backup.held) line["held"] = true;
    if (listed.is_future) line["future"] = true;
    if (!listed.damage.empty()) line["damaged"] = listed.damage;
    if (!listed.backdating.empty()) line["backdated"] = listed.backdating;
    if (!listed.destination.empty()) line["from"] = listed.destination;
    const std::vector<std::string> warnings = warnings_of(listed);
    if (!warnings.empty()) line["warnings"] = warnings;
    lines += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return lines;
}

}  // namespace pgbackup
