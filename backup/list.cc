#include "backup/list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "backup/restore/at_time.h"
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

ListedBackup describe(const Destination& destination, Backup backup) {
  ListedBackup listed{.backup = std::move(backup),
                      .manifest = {},
                      .problem = {},
                      .damage = {},
                      .failure = {},
                      .backdating = {},
                      .distrust = {},
                      .key = {},
                      .destination = destination.name()};
  Store& store = destination.store();
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
                     const ListFilter& filter) {
  std::vector<ListedBackup> listed;
  std::map<Layout, size_t> not_adopted;
  std::vector<DestinationFailure> failures =
      for_each_destination(destinations, [&](const Destination& destination) {
        std::vector<ListedBackup> here;
        Catalog catalog = read_catalog(destination.store(), adoption);
        for (const auto& [layout, count] : catalog.not_adopted) not_adopted[layout] += count;
        for (Backup& backup : choose(std::move(catalog.backups), filter)) {
          here.push_back(describe(destination, std::move(backup)));
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
        {"bytes", backup.bytes}};
    if (listed.manifest) {
      const Manifest& manifest = *listed.manifest;
      line["format"] = stream_format_name(manifest.streams.front().format);
      line["server"] = format_pg_version(manifest.server_version);
      line["seconds"] = (manifest.finished - manifest.started).count();
      line["uncompressed_bytes"] = manifest.uncompressed_bytes();
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
    add("made by",
        manifest.tool + (manifest.client_version == 0
                             ? ""
                             : ", pg_dump " + format_pg_version(manifest.client_version)));
    for (const ManifestStream& stream : manifest.streams) {
      for (const ManifestObject& object : stream.objects) {
        add("object", fmt::format("{}  {}  SHA-256 {}", object.name, format_bytes(object.bytes),
                                  object.sha256));
      }
    }
    add("next due", manifest.next_due ? format_iso(*manifest.next_due) : "");
    add("locked until", manifest.locked_until ? format_iso(*manifest.locked_until) : "");
  }
  add("note", note(listed));
  return text;
}

}  // namespace pgbackup
