#include "backup/restore/part_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/error.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

constexpr std::array<std::pair<std::string_view, TocSection>, 3> kSections = {
    {{"pre-data", TocSection::pre_data},
     {"data", TocSection::data},
     {"post-data", TocSection::post_data}}};

std::vector<TocSection> parse_sections(const std::string& text) {
  std::vector<TocSection> sections;
  for (const Word& word : split_list(text)) {
    const size_t before = sections.size();
    for (const auto& [name, section] : kSections) {
      if (word.text == name) sections.push_back(section);
    }
    if (sections.size() == before) {
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' is not pre-data, data or post-data", word.text));
    }
  }
  return sections;
}

/// Adds what `parse` complains of.
template <class Parse>
void try_to(std::string_view flag, std::vector<std::string>& problems, const Parse& parse) {
  try {
    static_cast<void>(parse());
  } catch (const Error& error) {
    problems.push_back(fmt::format("{}: {}", flag, error.message()));
  }
}

}  // namespace

PartNames PartRequest::names() const {
  return {.schemas = parse_schema_names(schemas),
          .tables = parse_object_names(tables),
          .excluded = parse_object_names(excluded)};
}

bool PartRequest::is_whole() const {
  return names().is_whole() && !schema_only && !data_only && sections.empty();
}

bool PartRequest::restores(TocSection section) const {
  if (schema_only) return section != TocSection::data;
  if (data_only) return section == TocSection::data;
  if (sections.empty()) return true;
  const std::vector<TocSection> wanted = parse_sections(sections);
  return std::find(wanted.begin(), wanted.end(), section) != wanted.end();
}

std::vector<Option> part_options(PartRequest& request) {
  return {
      {.name = "--schema",
       .value = &request.schemas,
       .help = "restore: only these schemas, with what they need: names or patterns, in a list"},
      {.name = "--table",
       .value = &request.tables,
       .help = "restore: only these tables, views and sequences, with all that belongs to them"},
      {.name = "--exclude-table",
       .value = &request.excluded,
       .help = "restore: everything but these tables, views and sequences"},
      {.name = "--data-only",
       .value = &request.data_only,
       .help = "restore: rows without definitions, into tables that are empty"},
      {.name = "--section",
       .value = &request.sections,
       .help = "restore: only these of pre-data, data, post-data"},
      {.name = "--disable-triggers",
       .value = &request.disable_triggers,
       .help = "restore --data-only: without triggers and foreign keys meanwhile; a superuser may"},
      {.name = "--list-contents",
       .value = &request.list_contents,
       .help = "restore: print what the backup, or the part of it, holds; no database"},
  };
}

void check_part(const PartRequest& request, std::vector<std::string>& problems) {
  try_to("--schema", problems, [&] { return parse_schema_names(request.schemas); });
  try_to("--table", problems, [&] { return parse_object_names(request.tables); });
  try_to("--exclude-table", problems, [&] { return parse_object_names(request.excluded); });
  const size_t before = problems.size();
  try_to("--section", problems, [&] { return parse_sections(request.sections); });
  const int ways = (request.schema_only ? 1 : 0) + (request.data_only ? 1 : 0) +
                   (request.sections.empty() ? 0 : 1);
  if (ways > 1) {
    problems.emplace_back("--schema-only, --data-only and --section exclude each other; keep one");
  }
  if (problems.size() > before || !request.disable_triggers) return;
  if (request.restores(TocSection::pre_data) || !request.restores(TocSection::data)) {
    problems.emplace_back(
        "--disable-triggers is for rows that go into tables that exist: it needs --data-only");
  }
}

std::vector<std::string> part_flags(const PartRequest& request) {
  std::vector<std::string> flags;
  const auto add = [&](bool is_given, const char* flag) {
    if (is_given) flags.emplace_back(flag);
  };
  add(!request.schemas.empty(), "--schema");
  add(!request.tables.empty(), "--table");
  add(!request.excluded.empty(), "--exclude-table");
  add(request.schema_only, "--schema-only");
  add(request.data_only, "--data-only");
  add(!request.sections.empty(), "--section");
  add(request.disable_triggers, "--disable-triggers");
  add(request.list_contents, "--list-contents");
  return flags;
}

std::vector<std::string> section_options(const PartRequest& request) {
  std::vector<std::string> options;
  if (request.schema_only) options.emplace_back("--schema-only");
  if (request.data_only) options.emplace_back("--data-only");
  for (const Word& word : split_list(request.sections)) {
    options.push_back("--section=" + word.text);
  }
  if (request.disable_triggers) options.emplace_back("--disable-triggers");
  return options;
}

}  // namespace pgbackup
