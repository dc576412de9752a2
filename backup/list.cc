#include "backup/list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "backup/restore/at_time.h"
#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/units.h"
#include "common/catalog/damage.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/sealed.h"
#include "common/codec/age_recipients.h"
#include "common/codec/progress.h"

namespace pgbackup {
namespace {

std::vector<std::string> warnings_of(const ListedBackup& listed) {
  if (listed.manifest && !listed.manifest->is_private_known) {
    const uint64_t count = listed.manifest->sealed_warnings;
    if (count == 0) return {};
    return {fmt::format("{} warning{}, encrypted", count, count == 1 ? "" : "s")};
  }
  if (listed.manifest) return listed.manifest->warnings;
  if (listed.problem.empty() || listed.problem == listed.damage) return {};
  return {listed.problem};
}

std::string note(const ListedBackup& listed) {
  std::vector<std::string> notes = warnings_of(listed);
  if (listed.manifest && !listed.manifest->dump.selection.empty()) {
    notes.push_back(fmt::format("partial: pg_dump was given {}{}",
                                fmt::join(listed.manifest->dump.selection, " "),
                                listed.manifest->is_private_known ? "" : ", values encrypted"));
  }
  if (listed.manifest && listed.manifest->is_encrypted()) {
    notes.push_back("encrypted for " + short_recipients(listed.manifest->recipients));
  }
  if (const auto found = listed.backup.verification(); found && found->is_passed) {
    notes.insert(notes.begin(), fmt::format("verified {} ({})", format_iso(found->time),
                                            depth_name(found->depth)));
  }
  if (!listed.failure.empty()) notes.insert(notes.begin(), "failed: " + listed.failure);
  if (listed.backup.held) notes.insert(notes.begin(), "held");
  if (listed.is_future) notes.insert(notes.begin(), "dated in the future");
  if (!listed.backdating.empty()) notes.insert(notes.begin(), "backdated: " + listed.backdating);
  if (!listed.distrust.empty()) notes.insert(notes.begin(), "not signed: " + listed.distrust);
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

/// Opens the private part, where it is encrypted for one of the keys. A list does without.
void try_to_open(Store& store, ListedBackup& listed, const AgeKeys* keys) {
  if (keys == nullptr || !listed.manifest || !listed.damage.empty()) return;
  try {
    open_private(store, listed.backup, *listed.manifest, keys);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::denied) throw;
  }
}

ListedBackup describe(Store& store, const std::string& destination, Backup backup,
                      const AgeKeys* keys) {
  ListedBackup listed{.backup = std::move(backup),
                      .manifest = {},
                      .problem = {},
                      .damage = {},
                      .failure = {},
                      .backdating = {},
                      .distrust = {},
                      .key = {},
                      .destination = destination};
  listed.key = store.full_key(listed.backup.commit_key());
  try {
    listed.failure = failure_of(store, listed.backup);
    Inspection seen = inspect_backup(store, listed.backup);
    listed.damage = std::move(seen.damage);
    listed.backdating = std::move(seen.backdating);
    listed.distrust = std::move(seen.distrust);
    listed.manifest = std::move(seen.manifest);
    if (listed.manifest) {
      listed.key = store.full_key(
          listed.backup.key_of(listed.manifest->streams.front().objects.front().name));
      try_to_open(store, listed, keys);
    }
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::transient) throw error;
    listed.problem = error.message();
    if (error.kind() == ErrorKind::corrupt) listed.damage = listed.problem;
  }
  return listed;
}

bool is_wanted(const Backup& backup, const ListFilter& filter) {
  return backup.complete && (filter.database.empty() || backup.group.name() == filter.database) &&
         backup.id.starts_with(filter.id) && (!filter.since || backup.time >= *filter.since);
}

/// Returns what `filter` wants of `backups`, which are by group, then oldest first.
std::vector<Backup> choose(std::vector<Backup> backups, const ListFilter& filter) {
  std::erase_if(backups, [&](const Backup& backup) { return !is_wanted(backup, filter); });
  if (filter.newest == 0) return backups;
  std::vector<Backup> chosen;
  int of_group = 0;
  for (size_t i = backups.size(); i-- > 0;) {
    const bool is_first = i + 1 == backups.size() || backups[i + 1].group != backups[i].group;
    of_group = is_first ? 1 : of_group + 1;
    if (of_group <= filter.newest) chosen.push_back(backups[i]);
  }
  std::reverse(chosen.begin(), chosen.end());
  return chosen;
}

std::set<Group> groups_in(const std::vector<Backup>& backups) {
  std::set<Group> groups;
  for (const Backup& backup : backups) {
    if (backup.complete) groups.insert(backup.group);
  }
  return groups;
}

/// Returns the groups that are to have backups: those that are named, and those that the newest run
/// was to back up.
std::set<Group> wanted_groups(const std::vector<ListedBackup>& listed, const ListFilter& filter) {
  std::set<Group> groups(filter.wanted.begin(), filter.wanted.end());
  const ListedBackup* newest = nullptr;
  for (const ListedBackup& one : listed) {
    if (one.manifest && (newest == nullptr || newest->backup.id < one.backup.id)) newest = &one;
  }
  if (newest != nullptr) {
    groups.insert(newest->manifest->groups.begin(), newest->manifest->groups.end());
  }
  if (!filter.database.empty()) {
    std::erase_if(groups, [&](const Group& group) { return group.name() != filter.database; });
  }
  return groups;
}

std::vector<ListedBackup> describe_all(const Destination& destination, std::vector<Backup> backups,
                                       const ListReaders& readers) {
  std::vector<ListedBackup> listed(backups.size());
  read_in_parallel({.destination = destination,
                    .open = readers.open,
                    .count = backups.size(),
                    .unknown = backups.size()},
                   readers.stop, [&](Store& store, size_t i) {
                     listed[i] =
                         describe(store, destination.name(), std::move(backups[i]), readers.keys);
                   });
  return listed;
}

/// Returns the rows in columns, the numbers (AGE to TOOK) to the right. A column without anything
/// but its title is left out.
std::string format_columns(const std::vector<std::vector<std::string>>& rows) {
  constexpr size_t kFirstNumber = 3;
  constexpr size_t kLastNumber = 6;
  std::vector<size_t> widths(rows.front().size(), 0);
  for (size_t column = 0; column < widths.size(); ++column) {
    const bool is_used = std::any_of(rows.begin() + 1, rows.end(),
                                     [&](const auto& row) { return !row[column].empty(); });
    for (const auto& row : rows) {
      if (is_used) widths[column] = std::max(widths[column], row[column].size());
    }
  }
  const size_t last = widths.size() - 1;
  widths[last] = 1;  // NOTE is always there, and not filled up
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t column = 0; column < widths.size(); ++column) {
      if (widths[column] == 0) continue;
      const bool is_number = column >= kFirstNumber && column <= kLastNumber;
      line += is_number ? fmt::format("{:>{}}  ", row[column], widths[column])
                        : fmt::format("{:<{}}  ", row[column], widths[column]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

/// Returns how long a backup took: `95s`, `12m`.
std::string format_taken(const Manifest& manifest) {
  constexpr std::chrono::seconds kExact{120};
  const std::chrono::seconds taken = manifest.finished - manifest.started;
  return taken < kExact ? fmt::format("{}s", taken.count()) : format_age(taken);
}

/// Returns how many times smaller the stored bytes are: `3.2:1`.
std::string format_ratio(uint64_t uncompressed, uint64_t stored) {
  if (stored == 0 || uncompressed == 0) return "";
  return fmt::format("{:.1f}:1", static_cast<double>(uncompressed) / static_cast<double>(stored));
}

}  // namespace

std::vector<Option> list_options(ListRequest& request) {
  return {{.name = "--latest",
           .value = &request.latest,
           .help = "list: only the newest backup of each database",
           .verbs = {"list"}},
          {.name = "--limit",
           .value = Number{&request.newest, 1, 1'000'000},
           .help = "list: only so many of each database, the newest ones",
           .verbs = {"list"}},
          {.name = "--since",
           .value = &request.since,
           .help = "list: only those made since then: 2026-11-20, or with a time, as --at has it",
           .verbs = {"list"}}};
}

std::optional<UtcTime> parse_since(std::string_view text) {
  constexpr size_t kDateLength = std::string_view("2026-11-20").size();
  return parse_at_time(text.size() == kDateLength ? std::string(text) + " 00:00"
                                                  : std::string(text));
}

void check_list(const ListRequest& request, std::vector<std::string>& problems) {
  if (!request.since.empty() && !parse_since(request.since)) {
    problems.push_back(fmt::format(
        "--since: '{}' is no moment such as 2026-11-20 or '2026-11-20 03:15'", request.since));
  }
  if (request.latest && request.newest != 0) {
    problems.emplace_back("--latest and --limit are both given; keep one");
  }
}

Listing list_backups(const Destinations& destinations, const Adoption& adoption, const Clock& clock,
                     const ListFilter& filter, const ListReaders& readers) {
  std::vector<ListedBackup> listed;
  std::vector<NeverBackedUp> never;
  std::map<Layout, size_t> not_adopted;
  std::vector<DestinationFailure> failures =
      for_each_destination(destinations, [&](const Destination& destination) {
        Catalog catalog = read_catalog(destination.store(), adoption);
        for (const auto& [layout, count] : catalog.not_adopted) not_adopted[layout] += count;
        const std::set<Group> present = groups_in(catalog.backups);
        std::vector<ListedBackup> here =
            describe_all(destination, choose(std::move(catalog.backups), filter), readers);
        if (!catalog.unread) {
          for (const Group& group : wanted_groups(here, filter)) {
            if (!present.contains(group)) never.push_back({group, destination.name()});
          }
        }
        std::move(here.begin(), here.end(), std::back_inserter(listed));
        if (catalog.unread) throw Error(*catalog.unread);
      });
  const UtcTime now = time_of(destinations, clock);
  for (ListedBackup& one : listed) one.is_future = is_from_future(one.backup, now);
  std::stable_sort(listed.begin(), listed.end(), [](const ListedBackup& a, const ListedBackup& b) {
    return is_listed_before(a.backup, b.backup);
  });
  return {std::move(listed), std::move(failures), std::move(not_adopted), std::move(never)};
}

std::string format_backup_table(const std::vector<ListedBackup>& backups, UtcTime now,
                                const std::vector<NeverBackedUp>& never) {
  if (backups.empty() && never.empty()) return "no backups yet\n";
  std::vector<std::vector<std::string>> rows = {
      {"DATABASE", "ID", "TIME", "AGE", "SIZE", "RATIO", "TOOK", "FROM", "NOTE"}};
  for (const NeverBackedUp& one : never) {
    rows.push_back(
        {group_title(one.group), "never backed up", "", "", "", "", "", one.destination, ""});
  }
  for (const ListedBackup& listed : backups) {
    const Backup& backup = listed.backup;
    const auto& manifest = listed.manifest;
    rows.push_back(
        {group_title(backup.group), backup.id, format_iso(backup.time),
         format_age(now - backup.time), format_bytes(backup.bytes),
         manifest ? format_ratio(manifest->uncompressed_bytes(), manifest->stored_bytes()) : "",
         manifest ? format_taken(*manifest) : "", listed.destination, note(listed)});
  }
  return format_columns(rows);
}

std::string format_backup_json(const std::vector<ListedBackup>& backups,
                               const std::vector<NeverBackedUp>& never) {
  std::string lines;
  for (const NeverBackedUp& one : never) {
    nlohmann::ordered_json line = {
        {"group", one.group.name()}, {"kind", kind_name(one.group.kind())}, {"never", true}};
    if (!one.destination.empty()) line["from"] = one.destination;
    lines += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  for (const ListedBackup& listed : backups) {
    const Backup& backup = listed.backup;
    nlohmann::ordered_json line = {
        {"group", backup.group.name()},
        {"id", backup.id},
        {"time", format_iso(backup.time)},
        {"kind", kind_name(listed.manifest ? backup.group.kind() : GroupKind::database)},
        {"bytes", backup.bytes}};
    if (listed.manifest) {
      const Manifest& manifest = *listed.manifest;
      line["format"] = stream_format_name(manifest.streams.front().format);
      line["server"] = format_pg_version(manifest.server_version);
      line["seconds"] = (manifest.finished - manifest.started).count();
      line["uncompressed_bytes"] = manifest.uncompressed_bytes();
      if (manifest.is_encrypted()) line["recipients"] = manifest.recipients;
    }
    line["key"] = listed.key;
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
    if (!listed.distrust.empty()) line["not_signed"] = listed.distrust;
    if (!listed.destination.empty()) line["from"] = listed.destination;
    const std::vector<std::string> warnings = warnings_of(listed);
    if (!warnings.empty()) line["warnings"] = warnings;
    lines += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return lines;
}

std::string format_backup_details(const ListedBackup& listed, UtcTime now) {
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<12} {}\n", name, printable(value));
  };
  const Backup& backup = listed.backup;
  add("backup", backup.is_ours() ? backup.folder() : backup.id);
  add("in", listed.destination);
  add("database", group_title(backup.group));
  add("made", fmt::format("{} ({} ago)", format_iso(backup.time), format_age(now - backup.time)));
  add("stored", format_bytes(backup.bytes));
  if (listed.manifest) {
    const Manifest& manifest = *listed.manifest;
    const uint64_t uncompressed = manifest.uncompressed_bytes();
    add("uncompressed", fmt::format("{} {}", format_bytes(uncompressed),
                                    format_ratio(uncompressed, manifest.stored_bytes())));
    add("took", format_duration(manifest.finished - manifest.started));
    add("server", "PostgreSQL " + format_pg_version(manifest.server_version));
    add("made by", manifest.tool +
                       (manifest.client_version == 0
                            ? ""
                            : ", pg_dump " + format_pg_version(manifest.client_version)) +
                       (manifest.age_version.empty() ? "" : ", age " + manifest.age_version));
    for (const ManifestObject* const object : manifest.objects()) {
      add("object", fmt::format("{}  {}  SHA-256 {}", object->name, format_bytes(object->bytes),
                                object->sha256));
    }
    for (const std::string& recipient : manifest.recipients) add("opened by", recipient);
    add("next due", manifest.next_due ? format_iso(*manifest.next_due) : "");
    add("locked until", manifest.locked_until ? format_iso(*manifest.locked_until) : "");
  }
  add("note", note(listed));
  return text;
}

}  // namespace pgbackup
