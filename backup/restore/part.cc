#include "backup/restore/part.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "common/base/did_you_mean.h"
#include "common/base/error.h"

namespace pgbackup {
namespace {

template <size_t count>
bool is_one_of(const std::array<std::string_view, count>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Names what holds rows or shows them. It is never brought along just because it is needed.
constexpr std::array<std::string_view, 5> kRelations = {"TABLE", "FOREIGN TABLE", "VIEW",
                                                        "MATERIALIZED VIEW", "PROPERTY GRAPH"};

/// Names the other objects of their own: what is none of these belongs to another entry.
constexpr std::array<std::string_view, 37> kObjects = {"SCHEMA",
                                                       "SEQUENCE",
                                                       "TYPE",
                                                       "SHELL TYPE",
                                                       "DOMAIN",
                                                       "FUNCTION",
                                                       "PROCEDURE",
                                                       "AGGREGATE",
                                                       "OPERATOR",
                                                       "OPERATOR CLASS",
                                                       "OPERATOR FAMILY",
                                                       "COLLATION",
                                                       "CONVERSION",
                                                       "CAST",
                                                       "TRANSFORM",
                                                       "EXTENSION",
                                                       "PROCEDURAL LANGUAGE",
                                                       "ACCESS METHOD",
                                                       "TEXT SEARCH CONFIGURATION",
                                                       "TEXT SEARCH DICTIONARY",
                                                       "TEXT SEARCH PARSER",
                                                       "TEXT SEARCH TEMPLATE",
                                                       "FOREIGN DATA WRAPPER",
                                                       "SERVER",
                                                       "USER MAPPING",
                                                       "PUBLICATION",
                                                       "SUBSCRIPTION",
                                                       "EVENT TRIGGER",
                                                       "DEFAULT ACL",
                                                       "BLOB",
                                                       "BLOBS",
                                                       "BLOB METADATA",
                                                       "ENCODING",
                                                       "STDSTRINGS",
                                                       "SEARCHPATH",
                                                       "DATABASE",
                                                       "DATABASE PROPERTIES"};

/// Names what ties an object to another one. Without that one the link cannot be, and the object
/// is complete nevertheless.
constexpr std::array<std::string_view, 5> kLinks = {"FK CONSTRAINT", "TABLE ATTACH", "INDEX ATTACH",
                                                    "PUBLICATION TABLE",
                                                    "PUBLICATION TABLES IN SCHEMA"};

bool is_object(const TocEntry& entry) {
  return is_relation(entry) || is_one_of(kObjects, entry.kind);
}
bool is_link(const TocEntry& entry) { return is_one_of(kLinks, entry.kind); }
bool may_be_named(const TocEntry& entry) { return is_relation(entry) || entry.kind == "SEQUENCE"; }

/// Returns whether `name` is that of `of`, or that of what belongs to it: `orders own`.
bool is_named_after(std::string_view name, std::string_view of) {
  return name == of || (name.starts_with(of) && name.substr(of.size()).starts_with(' '));
}

/// Knows which entry belongs to which object.
class Ownership {
 public:
  explicit Ownership(const Toc& toc) : toc_(toc), owners_(toc.size(), kNone) {
    for (size_t i = 0; i < toc.size(); ++i) {
      by_id_.emplace(toc[i].id, i);
      if (may_be_named(toc[i])) by_name_.emplace(std::pair(toc[i].schema, toc[i].name), i);
    }
    for (size_t i = 0; i < toc.size(); ++i) {
      if (!is_object(toc[i])) owners_[i] = find_owner(i);
    }
  }

  static constexpr size_t kNone = static_cast<size_t>(-1);

  [[nodiscard]] size_t size() const { return toc_.size(); }
  [[nodiscard]] const TocEntry& entry(size_t i) const { return toc_[i]; }
  /// Returns what the entry belongs to directly, as a comment to a key; kNone for an object.
  [[nodiscard]] size_t owner(size_t i) const { return owners_[i]; }
  /// Returns the object that the entry is or belongs to. No chain is longer than the archive, even
  /// where a damaged one has a ring.
  [[nodiscard]] size_t root(size_t i) const {
    for (size_t steps = 0; owners_[i] != kNone && steps < 8; ++steps) i = owners_[i];
    return i;
  }
  /// Returns the indexes of the entries that the entry depends on and the archive holds.
  [[nodiscard]] std::vector<size_t> dependencies(size_t i) const {
    std::vector<size_t> found;
    for (const int id : toc_[i].depends_on) {
      const auto at = by_id_.find(id);
      if (at != by_id_.end() && at->second != i) found.push_back(at->second);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

 private:
  /// Takes the object after which the entry is named, then a table, then a schema, then
  /// anything.
  [[nodiscard]] size_t find_owner(size_t i) const {
    const TocEntry& entry = toc_[i];
    size_t best = kNone;
    std::pair<int, size_t> best_rank{0, 0};
    for (const size_t on : dependencies(i)) {
      const TocEntry& other = toc_[on];
      std::pair<int, size_t> rank{1, 0};
      if (other.schema == entry.schema && is_named_after(entry.name, other.name)) {
        rank = {4, other.name.size()};
      } else if (may_be_named(other)) {
        rank = {3, 0};
      } else if (other.kind == "SCHEMA") {
        rank = {2, 0};
      } else if (other.kind == "PUBLICATION") {
        continue;
      }
      if (rank > best_rank) {
        best = on;
        best_rank = rank;
      }
    }
    return best == kNone ? find_by_name(entry) : best;
  }

  [[nodiscard]] size_t find_by_name(const TocEntry& entry) const {
    if (entry.schema.empty()) return kNone;
    size_t end = entry.name.size();
    while (end != std::string::npos) {
      const auto at = by_name_.find(std::pair(entry.schema, entry.name.substr(0, end)));
      if (at != by_name_.end()) return at->second;
      end = end == 0 ? std::string::npos : entry.name.rfind(' ', end - 1);
    }
    return kNone;
  }

  const Toc& toc_;
  std::unordered_map<int, size_t> by_id_;
  std::map<std::pair<std::string, std::string>, size_t> by_name_;
  std::vector<size_t> owners_;
};

/// Chooses objects first, then what belongs to them.
class Chooser {
 public:
  Chooser(const Toc& toc, const ExistingObjects& existing, OnExisting on_existing)
      : all_(toc),
        existing_(existing),
        on_existing_(on_existing),
        chosen_(toc.size()),
        excluded_(toc.size()),
        followers_(toc.size()),
        members_(toc.size()),
        dropped_(toc.size()) {
    for (size_t i = 0; i < toc.size(); ++i) {
      members_[all_.root(i)].push_back(i);
      add_followers(i);
      if (toc[i].kind == "SCHEMA") schemas_.emplace(toc[i].name, i);
    }
  }

  void exclude(size_t object) { spread(object, excluded_); }
  void choose(size_t object) {
    if (!excluded_[object]) spread(object, chosen_);
  }

  /// Brings along what the chosen objects need and the target lacks.
  void bring_needed(Part& part) {
    while (!queue_.empty()) {
      const size_t object = queue_.back();
      queue_.pop_back();
      for (const size_t member : members_[object]) {
        if (!is_link(all_.entry(member))) bring_for(member, part);
      }
      const auto schema = schemas_.find(all_.entry(object).schema);
      if (schema != schemas_.end() && !is_there(schema->second)) choose(schema->second);
    }
  }

  void finish(Part& part) {
    for (size_t i = 0; i < all_.size(); ++i) judge_object(i, part);
    for (size_t i = 0; i < all_.size(); ++i) judge_link(i, part);
    std::vector<const TocEntry*> late;
    for (size_t i = 0; i < all_.size(); ++i) {
      if (!is_restored(i)) continue;
      // The server makes the keys of a table that is attached, so its own come first.
      const bool is_late = all_.entry(i).kind == "TABLE ATTACH" && !are_chosen(i);
      (is_late ? late : part.entries).push_back(&all_.entry(i));
    }
    part.entries.insert(part.entries.end(), late.begin(), late.end());
  }

 private:
  /// Notes which objects come with another one: sequences with the table that they are owned by,
  /// partitions and children with their parent. No other sequence depends on a table.
  void add_followers(size_t i) {
    const TocEntry& entry = all_.entry(i);
    const bool is_attach = entry.kind == "TABLE ATTACH";
    if (!is_attach && !entry.inherits && entry.kind != "SEQUENCE") return;
    const size_t follower = all_.root(i);
    for (const size_t on : all_.dependencies(i)) {
      if (on == follower || !is_relation(all_.entry(on))) continue;
      followers_[on].push_back(follower);
      if (is_attach) attached_.emplace(follower, on);
    }
  }

  void spread(size_t object, std::vector<bool>& marks) {
    std::vector<size_t> open = {object};
    while (!open.empty()) {
      const size_t next = open.back();
      open.pop_back();
      if (marks[next] || excluded_[next]) continue;
      marks[next] = true;
      if (&marks == &chosen_) queue_.push_back(next);
      open.insert(open.end(), followers_[next].begin(), followers_[next].end());
    }
  }

  [[nodiscard]] bool is_there(size_t object) const {
    return chosen_[object] || existing_.holds(all_.entry(object));
  }

  void bring_for(size_t i, Part& part) {
    for (const size_t on : all_.dependencies(i)) {
      const size_t needed = all_.root(on);
      if (needed == all_.root(i) || is_there(needed)) continue;
      if (attached_.contains(std::pair(all_.root(i), needed))) continue;
      if (is_relation(all_.entry(needed)) || excluded_[needed]) {
        part.missing.push_back(fmt::format("{} needs {}", entry_title(all_.entry(i)),
                                           entry_title(all_.entry(needed))));
      } else {
        choose(needed);
      }
    }
  }

  void judge_object(size_t i, Part& part) {
    const TocEntry& entry = all_.entry(i);
    const bool is_asked = chosen_[i] && all_.owner(i) == Ownership::kNone;
    if (!is_asked || on_existing_ == OnExisting::drop || !existing_.holds(entry)) return;
    if (entry.kind == "SCHEMA" || entry.kind == "EXTENSION") {
      dropped_[i] = true;  // it remains as it is
    } else {
      part.present.push_back(entry_title(entry));
    }
  }

  void judge_link(size_t i, Part& part) {
    const TocEntry& entry = all_.entry(i);
    if (!is_link(entry) || !chosen_[all_.root(i)]) return;
    if (entry.kind == "INDEX ATTACH") {  // attaching the table does it, too
      dropped_[i] = !are_chosen(i);
      return;
    }
    for (const size_t on : all_.dependencies(i)) {
      if (is_there(all_.root(on))) continue;
      dropped_[i] = true;
      part.left_out.push_back(
          fmt::format("{} is left out: {} is neither in this part nor in the "
                      "target",
                      entry_title(entry), entry_title(all_.entry(all_.root(on)))));
      return;
    }
  }

  [[nodiscard]] bool are_chosen(size_t i) const {
    const std::vector<size_t> on = all_.dependencies(i);
    return std::all_of(on.begin(), on.end(), [&](size_t one) { return chosen_[all_.root(one)]; });
  }

  [[nodiscard]] bool is_restored(size_t i) const {
    if (!chosen_[all_.root(i)]) return false;
    for (size_t steps = 0; i != Ownership::kNone && steps < 8; ++steps, i = all_.owner(i)) {
      if (dropped_[i]) return false;
    }
    return true;
  }

  Ownership all_;
  const ExistingObjects& existing_;
  OnExisting on_existing_;
  std::vector<bool> chosen_;    ///< of objects
  std::vector<bool> excluded_;  ///< of objects
  std::vector<std::vector<size_t>> followers_;
  std::vector<std::vector<size_t>> members_;  ///< what belongs to an object, itself included
  std::vector<bool> dropped_;                 ///< with what belongs to it
  std::map<std::string, size_t, std::less<>> schemas_;
  std::set<std::pair<size_t, size_t>> attached_;  ///< partition and its parent
  std::vector<size_t> queue_;                     ///< chosen, and needs not yet looked at
};

bool is_match(const TocEntry& entry, const ObjectName& name) {
  return name.name.matches(entry.name) && (!name.schema || name.schema->matches(entry.schema));
}

/// Returns the ids of the tables that `name` matches.
std::set<int> find_tables(const Toc& toc, const ObjectName& name, std::string_view flag) {
  std::set<int> found;
  std::set<std::string> schemas;
  std::vector<std::string> known;
  for (const TocEntry& entry : toc) {
    if (!may_be_named(entry)) continue;
    known.push_back(name.schema ? fmt::format("{}.{}", entry.schema, entry.name) : entry.name);
    if (!is_match(entry, name)) continue;
    found.insert(entry.id);
    schemas.insert(entry.schema);
  }
  if (found.empty()) {
    const std::string text =
        name.schema ? fmt::format("{}.{}", name.schema->text, name.name.text) : name.name.text;
    throw Error(ErrorKind::usage,
                fmt::format("{}: the backup has no table '{}'{}", flag, name.given,
                            did_you_mean(text, known)),
                "--list-contents shows what it has; case counts");
  }
  if (schemas.size() > 1 && !name.is_pattern()) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: there is a table '{}' in each of the schemas {}", flag, name.given,
                            fmt::join(schemas, ", ")),
                fmt::format("name one, as in {}.{}", *schemas.begin(), name.given));
  }
  return found;
}

/// Returns the ids of the schemas that `name` matches, and of what is in them.
std::set<int> find_schemas(const Toc& toc, const ObjectName& name) {
  std::set<int> found;
  std::set<std::string> known;
  for (const TocEntry& entry : toc) {
    const std::string& schema = entry.kind == "SCHEMA" ? entry.name : entry.schema;
    if (schema.empty()) continue;
    known.insert(schema);
    if (name.name.matches(schema)) found.insert(entry.id);
  }
  if (found.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("--schema: the backup has no schema '{}'{}", name.given,
                            did_you_mean(name.name.text, {known.begin(), known.end()})),
                "--list-contents shows what it has; case counts");
  }
  return found;
}

/// Returns the ids of what is wanted, without what comes along with it.
std::set<int> find_named(const Toc& toc, const PartNames& names) {
  std::set<int> found;
  for (const ObjectName& name : names.schemas) found.merge(find_schemas(toc, name));
  for (const ObjectName& name : names.tables) found.merge(find_tables(toc, name, "--table"));
  if (names.schemas.empty() && names.tables.empty()) {
    for (const TocEntry& entry : toc) found.insert(entry.id);
  }
  return found;
}

std::set<int> find_excluded(const Toc& toc, const PartNames& names) {
  std::set<int> found;
  for (const ObjectName& name : names.excluded) {
    found.merge(find_tables(toc, name, "--exclude-table"));
  }
  return found;
}

}  // namespace

bool is_relation(const TocEntry& entry) { return is_one_of(kRelations, entry.kind); }

std::string entry_title(const TocEntry& entry) {
  const std::string name =
      entry.schema.empty() ? entry.name : fmt::format("{}.{}", entry.schema, entry.name);
  return is_relation(entry) ? name : fmt::format("{} {}", entry.kind, name);
}

std::string object_key(std::string_view kind, std::string_view schema, std::string_view name) {
  if (is_one_of(kRelations, kind) || kind == "SEQUENCE") kind = "TABLE";
  if (kind == "DOMAIN" || kind == "SHELL TYPE") kind = "TYPE";
  if (kind == "PROCEDURE" || kind == "AGGREGATE") kind = "FUNCTION";
  if (kind != "TABLE" && !is_one_of(kObjects, kind)) return "";
  std::string key(kind);
  for (const std::string_view part : {schema, name}) key.append(1, '\0').append(part);
  return key;
}

bool ExistingObjects::holds(const TocEntry& entry) const {
  const std::string key = object_key(entry.kind, entry.schema, entry.name);
  return !key.empty() && keys_.contains(key);
}

void check_names(const Toc& toc, const PartNames& names) {
  static_cast<void>(find_named(toc, names));
  static_cast<void>(find_excluded(toc, names));
}

Part choose_part(const Toc& toc, const PartNames& names, const ExistingObjects& existing,
                 OnExisting on_existing) {
  const std::set<int> named = find_named(toc, names);
  const std::set<int> excluded = find_excluded(toc, names);
  Chooser chooser(toc, existing, on_existing);
  for (size_t i = 0; i < toc.size(); ++i) {
    if (excluded.contains(toc[i].id)) chooser.exclude(i);
  }
  for (size_t i = 0; i < toc.size(); ++i) {
    if (named.contains(toc[i].id)) chooser.choose(i);
  }
  Part part;
  chooser.bring_needed(part);
  chooser.finish(part);
  return part;
}

std::string format_use_list(const Part& part) {
  std::string list;
  for (const TocEntry* entry : part.entries) list += fmt::format("{};\n", entry->id);
  return list;
}

}  // namespace pgbackup
