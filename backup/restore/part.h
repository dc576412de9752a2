// Which entries of an archive make up a part of a database, so that the part has no less protection
// than the original: with a table come its keys, indexes, policies, privileges, triggers,
// sequences and children. Decides only: reads no archive and asks no server.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backup/restore/object_name.h"
#include "backup/restore/toc.h"

namespace pgbackup {

/// Says what is wanted. Without schemas and tables everything is.
struct PartNames {
  std::vector<ObjectName> schemas{};
  std::vector<ObjectName> tables{};    ///< tables, views and sequences
  std::vector<ObjectName> excluded{};  ///< the same, to be left out

  [[nodiscard]] bool is_whole() const {
    return schemas.empty() && tables.empty() && excluded.empty();
  }
};

/// Returns by which key an object is known to ExistingObjects; "" for what is not an object of its
/// own. `kind` is pg_dump's word. Tables, views and sequences share a kind, and so do types and
/// domains, and functions and procedures.
[[nodiscard]] std::string object_key(std::string_view kind, std::string_view schema,
                                     std::string_view name);

/// Holds what the target has already, by object_key().
class ExistingObjects {
 public:
  void add(std::string key) { keys_.insert(std::move(key)); }
  [[nodiscard]] bool holds(const TocEntry& entry) const;

 private:
  std::set<std::string, std::less<>> keys_;
};

/// Says what happens to what the target has already.
enum class OnExisting {
  keep,  ///< it is used as it is
  drop,  ///< what is wanted is dropped and comes back
};

struct Part {
  /// Holds entries of the Toc in the order in which they are to be restored.
  std::vector<const TocEntry*> entries{};
  std::vector<std::string> present{};   ///< what is wanted and exists already
  std::vector<std::string> missing{};   ///< `VIEW public.v needs public.t`, which is nowhere
  std::vector<std::string> left_out{};  ///< sentences on links to what is nowhere
};

/// Throws `usage` for a name that matches nothing in `toc`, or tables of several schemas.
void check_names(const Toc& toc, const PartNames& names);

/// Returns the part that `names` makes. Throws as check_names() does. Entries with unknown kinds
/// belong to the object that they depend on.
[[nodiscard]] Part choose_part(const Toc& toc, const PartNames& names,
                               const ExistingObjects& existing,
                               OnExisting on_existing = OnExisting::keep);

/// Returns `public.orders`, `FUNCTION public.f(integer)`, `POLICY public.orders own`.
[[nodiscard]] std::string entry_title(const TocEntry& entry);

/// Returns whether the entry is a table, view or the like.
[[nodiscard]] bool is_relation(const TocEntry& entry);

/// Returns the list of pg_restore's --use-list.
[[nodiscard]] std::string format_use_list(const Part& part);

}  // namespace pgbackup
