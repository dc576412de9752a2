#include "backup/restore/target_part.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "backup/restore/existing_objects.h"
#include "common/base/error.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

/// Names no more of `items` than a person reads.
std::string enumerate(const std::vector<std::string>& items) {
  constexpr size_t kMost = 20;
  if (items.size() <= kMost) return fmt::format("{}", fmt::join(items, ", "));
  return fmt::format("{} and {} more", fmt::join(items.begin(), items.begin() + kMost, ", "),
                     items.size() - kMost);
}

void refuse_present(const Part& part) {
  if (part.present.empty()) return;
  throw Error(ErrorKind::conflict,
              fmt::format("the target has already: {}", enumerate(part.present)),
              "let --clean drop and replace them, leave them out with --exclude-table, or restore "
              "into another database (--target-database NAME --create)");
}

void refuse_missing(const Part& part) {
  if (part.missing.empty()) return;
  throw Error(ErrorKind::conflict,
              fmt::format("what the part needs is neither in it nor in the target: {}",
                          enumerate(part.missing)),
              "name these tables with --table, too, or leave out what needs them");
}

}  // namespace

int64_t TargetPart::tables() const {
  std::vector<std::string> names;
  for (const TocEntry* entry : part.entries) {
    if (entry->kind != "TABLE" && entry->kind != "TABLE DATA") continue;
    names.push_back(fmt::format("{}.{}", entry->schema, entry->name));
  }
  std::sort(names.begin(), names.end());
  return std::unique(names.begin(), names.end()) - names.begin();
}

TargetPart choose_target_part(const Toc& toc, const RestoreRequest& request, PgConnection* target,
                              Log& log) {
  const ExistingObjects existing = target == nullptr ? ExistingObjects() : list_existing(*target);
  const auto restores = [&](TocSection section) { return request.part.restores(section); };
  Part part = choose_part(toc, request.part.names(), existing,
                          request.clean ? OnExisting::drop : OnExisting::keep);
  if (restores(TocSection::pre_data)) {
    refuse_present(part);
    refuse_missing(part);
  } else if (restores(TocSection::data) && target != nullptr) {
    refuse_unfit_tables(*target, part, existing);
  }
  if (restores(TocSection::post_data)) {
    for (const std::string& text : part.left_out) log.warn("left out", {{"what", text}});
  }
  Fd list = make_memory_file("list", format_use_list(part));
  return {.part = std::move(part), .use_list = std::move(list)};
}

std::string format_contents(const Toc& toc, const PartRequest& request) {
  const Part part = choose_part(toc, request.names(), {});
  std::string text;
  for (const TocEntry* entry : part.entries) {
    if (entry->section != TocSection::none && !request.restores(entry->section)) continue;
    const std::string name =
        entry->schema.empty() ? entry->name : fmt::format("{}.{}", entry->schema, entry->name);
    text += fmt::format("{:<20}  {:<40}  {}\n", entry->kind, as_utf8(printable(name)),
                        as_utf8(printable(entry->owner)));
  }
  return text;
}

}  // namespace pgbackup
