// Backups of any age in a directory store, and everything that pg-prune's tests ask of it.
#pragma once

#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "common/catalog/catalog.h"
#include "common/catalog/key_grammar.h"
#include "common/store/dir_store.h"
#include "prune/plan.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manifests.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_log.h"
#include "tests/support/unfinished.h"

namespace pgbackup {

class PruneFixture {
 public:
  static constexpr std::chrono::hours kDay{24};

  TemporaryFolder folder;
  const UtcTime now = *parse_iso("2026-11-20T12:00:00Z");
  FakeClock clock{now};
  DirStore store{folder.path(), clock};
  TestLog log{clock};
  Rules rules{.retention = {.max_age = std::chrono::days(30), .min_backups = 1},
              .sweep_after = std::chrono::days(7)};

  /// An id of that age; equal arguments give equal ids.
  [[nodiscard]] std::string id(std::chrono::seconds age, unsigned random = 0) const {
    return fmt::format("{}-{:08x}", format_basic(now - age), random);
  }
  /// An object as old as `age`.
  void add_object(const std::string& key, std::chrono::seconds age,
                  std::string_view bytes = "data") const {
    const std::filesystem::path file = folder.write(key, bytes);
    std::filesystem::last_write_time(file, std::chrono::file_clock::from_sys(now - age));
  }
  /// Data without a manifest, begun `began` and last written to `newest` ago.
  std::string add_folder(const std::string& group, std::chrono::seconds began,
                         std::chrono::seconds newest, unsigned random = 0) const {
    const std::string name = backup_folder(db(group), id(began, random));
    add_object(name + "/" + data_name(db(group)), newest);
    return name;
  }
  /// A complete backup as pg-backup leaves it in a directory.
  std::string add_backup(const std::string& group, std::chrono::seconds age,
                         unsigned random = 0) const {
    const std::string name = add_folder(group, age, age, random);
    add_object(name + "/SHA256SUMS", age, "sums");
    add_object(name + "/manifest.json", age, format_manifest(manifest_of(group, id(age, random))));
    return name;
  }
  /// One that can be read, and that says nothing about when the next backup is due.
  [[nodiscard]] static Manifest manifest_of(const std::string& group, const std::string& id) {
    return make_manifest(db(group), id);
  }

  [[nodiscard]] Plan plan() {
    const std::vector<UnfinishedWrite> writes = unfinished_of(store);
    return make_plan(read_catalog(store), writes, rules, now);
  }
  /// Every file, also those that are not ours.
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
      if (!entry.is_directory()) names.insert(entry.path().lexically_relative(folder.path()));
    }
    return names;
  }
  [[nodiscard]] uint64_t bytes_of(const std::set<std::string>& names) const {
    uint64_t bytes = 0;
    for (const std::string& name : names) bytes += std::filesystem::file_size(folder.path() / name);
    return bytes;
  }
  /// The first invariant: what has a manifest has its data.
  [[nodiscard]] bool every_listed_backup_is_whole() {
    for (const Backup& backup : read_catalog(store)) {
      if (backup.complete && backup.files.size() != 3) return false;
    }
    return true;
  }
};

}  // namespace pgbackup
