#include "common/catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "common/base/due.h"
#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/wal.h"

namespace pgbackup {

namespace {

/// The longest time from the start of a run, which the id tells, to the manifest of any of its
/// backups.
constexpr std::chrono::hours kInTime{24};

/// The time that copying a bucket may take: its newest backups arrive in time, and others for days
/// after them.
constexpr std::chrono::days kCopyTime{7};

bool is_in_time(const Backup& backup) { return backup.committed <= backup.time + kInTime; }

/// Marks backups that were stored late. `group` holds the backups of one group, oldest first. Of
/// two in a row the older one is stored first, also where a store is copied and where older systems
/// write.
void mark_stored_late(std::span<Backup> group) {
  std::optional<UtcTime> first_in_time;
  for (const Backup& backup : group) {
    if (!backup.is_ours() || !backup.complete || !is_in_time(backup)) continue;
    first_in_time = std::min(first_in_time.value_or(backup.committed), backup.committed);
  }
  std::optional<UtcTime> first_of_older;
  for (Backup& backup : group) {
    if (!backup.complete) continue;
    if (!is_in_time(backup)) {
      const bool follows_older = first_of_older && *first_of_older < backup.committed;
      const bool follows_any =
          backup.is_ours() && first_in_time && *first_in_time + kCopyTime < backup.committed;
      backup.is_stored_late = follows_older || follows_any;
    } else if (backup.is_ours()) {
      first_of_older = std::min(first_of_older.value_or(backup.committed), backup.committed);
    }
  }
}

/// Gathers the objects of each backup from a listing in any order. Where the listing is sorted, as
/// S3's is, most objects belong to the directory of the one before.
class Gathering {
 public:
  void add_ours(BackupKey key, const ObjectInfo& object) {
    Backup& backup = backup_of(std::move(key.group), std::move(key.id));
    backup.time = key.time;
    if (key.file == kManifestName) {
      backup.complete = true;
      backup.committed = object.modified;
    }
    backup.held = backup.held || key.file == kHoldName;
    std::optional<Verification> found = parse_verification(key.file);
    // One from the future would stand for ever.
    if (found && found->time <= object.modified + kClockStep) {
      backup.verifications.push_back(*std::move(found));
    }
    add_object(backup, std::move(key.file), object);
  }

  void add_old(OldKey key, const ObjectInfo& object) {
    Backup& backup = backup_of(Group::database(std::move(key.database)), std::move(key.data_key));
    backup.time = key.time;
    backup.layout = key.layout;
    backup.complete = true;
    if (object.key == backup.id) backup.committed = object.modified;
    add_object(backup, object.key, object);
  }

  std::vector<Backup> take() {
    std::sort(backups_.begin(), backups_.end(), is_listed_before);
    size_t kept = 0;
    for (Backup& backup : backups_) {
      if (kept > 0 && is_same(backups_[kept - 1], backup)) {
        absorb(backups_[kept - 1], backup);
      } else if (Backup& place = backups_[kept++]; &place != &backup) {
        place = std::move(backup);
      }
    }
    backups_.resize(kept);
    for (Backup& backup : backups_) {
      std::sort(backup.files.begin(), backup.files.end());
      std::sort(backup.verifications.begin(), backup.verifications.end());
    }
    for (std::span<Backup> rest(backups_); !rest.empty();) {
      const auto end = std::find_if(rest.begin(), rest.end(), [&](const Backup& backup) {
        return backup.group != rest.front().group;
      });
      const auto count = static_cast<size_t>(end - rest.begin());
      mark_stored_late(rest.first(count));
      rest = rest.subspan(count);
    }
    return std::move(backups_);
  }

 private:
  Backup& backup_of(Group group, std::string id) {
    if (backups_.empty() || backups_.back().id != id || backups_.back().group != group) {
      Backup& backup = backups_.emplace_back();
      backup.group = std::move(group);
      backup.id = std::move(id);
    }
    return backups_.back();
  }

  void add_object(Backup& backup, std::string file, const ObjectInfo& object) {
    if (++objects_ > kMostObjects) {
      throw Error(
          ErrorKind::failed,
          fmt::format("the store lists more than {} objects of backups", kMostObjects),
          "give each server a prefix of its own; if there are fewer, the store repeats them");
    }
    backup.bytes += object.bytes;
    backup.newest = std::max(backup.newest, object.modified);
    backup.files.push_back({std::move(file), object.bytes});
  }

  static bool is_same(const Backup& a, const Backup& b) {
    return a.id == b.id && a.group == b.group;
  }

  static void absorb(Backup& backup, Backup& other) {
    backup.complete = backup.complete || other.complete;
    backup.held = backup.held || other.held;
    backup.bytes += other.bytes;
    backup.newest = std::max(backup.newest, other.newest);
    backup.committed = std::max(backup.committed, other.committed);
    std::move(other.files.begin(), other.files.end(), std::back_inserter(backup.files));
    std::move(other.verifications.begin(), other.verifications.end(),
              std::back_inserter(backup.verifications));
  }

  std::vector<Backup> backups_;
  size_t objects_ = 0;
};

/// Reads a manifest. One that is too large for this version is not damaged when it says that a
/// newer one wrote it.
std::string read_manifest_text(Store& store, const std::string& key) {
  try {
    return read_small_object(store, key);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt) throw;
    std::array<char, 256> start{};
    refuse_newer({start.data(), store.open(key)->read(start)});
    throw;
  }
}

/// Returns why the manifest `text` is not signed by a trusted key; empty where it is, or need not
/// be.
std::string distrust_of(Store& store, const Backup& backup, std::string_view text) {
  if (!store.signatures().are_wanted()) return "";
  try {
    const std::string signature =
        read_small_object(store, backup.key_of(kSignatureName), kSignatureBytes);
    if (store.signatures().accept(text, signature)) return "";
    return fmt::format("{} is the signature of another manifest, or by another key",
                       kSignatureName);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return fmt::format("{} is missing", kSignatureName);
    if (error.kind() == ErrorKind::corrupt)
      return fmt::format("{} is no signature", kSignatureName);
    throw;
  }
}

}  // namespace

std::string Backup::folder() const { return is_ours() ? backup_folder(group, id) : id; }

std::string Backup::key_of(std::string_view file) const {
  return is_ours() ? fmt::format("{}/{}", folder(), file) : std::string(file);
}

std::string Backup::commit_key() const { return is_ours() ? key_of(kManifestName) : id; }

bool is_from_future(const Backup& backup, UtcTime now) { return backup.time > now + kClockStep; }

bool is_listed_before(const Backup& a, const Backup& b) {
  return std::tie(a.group, a.time, a.id) < std::tie(b.group, b.time, b.id);
}

Catalog read_catalog(Store& store, const Adoption& adoption) {
  Gathering gathering;
  Catalog catalog;
  const std::string logs = wal_prefix("");
  const auto visit = [&](const ObjectInfo& object) {
    if (std::optional<BackupKey> key = parse_key(object.key)) {
      gathering.add_ours(*std::move(key), object);
    } else if (std::optional<OldKey> old = parse_old_key(object.key)) {
      if (!adoption.layouts.contains(old->layout)) {
        ++catalog.not_adopted[old->layout];
        return;
      }
      if (object.bytes == 0) return;
      if (old->database.empty()) old->database = adoption.database;
      gathering.add_old(*std::move(old), object);
    } else {
      catalog.has_wal = catalog.has_wal || object.key.starts_with(logs);
    }
  };
  try {
    store.list("", visit);
  } catch (const PartialListing& error) {
    catalog.unread = error;
  }
  catalog.backups = gathering.take();
  return catalog;
}

std::vector<Backup> read_catalog(Store& store, const Group& group) {
  Gathering gathering;
  const std::string prefix = group.is_named() ? encode_group(group) + "/" : "";
  store.list(prefix, [&](const ObjectInfo& object) {
    std::optional<BackupKey> key = parse_key(object.key);
    if (key) gathering.add_ours(*std::move(key), object);
  });
  return gathering.take();
}

Backup look_again(Store& store, const Backup& backup) {
  Gathering gathering;
  store.list(backup.is_ours() ? backup.folder() + "/" : backup.id, [&](const ObjectInfo& object) {
    if (std::optional<BackupKey> key = parse_key(object.key)) {
      gathering.add_ours(*std::move(key), object);
    } else if (std::optional<OldKey> old = parse_old_key(object.key)) {
      if (old->data_key == backup.id && object.bytes > 0) {
        gathering.add_old(*std::move(old), object);
      }
    }
  });
  std::vector<Backup> found = gathering.take();
  if (!found.empty() && found.front().layout == backup.layout) {
    found.front().group = backup.group;
    found.front().is_stored_late = backup.is_stored_late;
    return std::move(found.front());
  }
  Backup gone = backup;
  gone.complete = false;
  gone.bytes = 0;
  gone.files.clear();
  gone.verifications.clear();
  return gone;
}

JudgedManifest judge_manifest(Store& store, const Backup& backup) {
  const std::string key = backup.key_of(kManifestName);
  return with_context(store.location(key), [&] {
    const std::string text = read_manifest_text(store, key);
    JudgedManifest judged{.manifest = parse_manifest(text),
                          .distrust = distrust_of(store, backup, text)};
    const Group& group = judged.manifest.group;
    if (group.name() != as_utf8(backup.group.name()) || judged.manifest.id != backup.id) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("it is the manifest of {} {}, not of {} {}", printable(group.name()),
                              printable(judged.manifest.id), backup.group.name(), backup.id));
    }
    if (group.kind() != backup.group.kind()) {
      throw Error(ErrorKind::corrupt, fmt::format("its kind is {}", kind_name(group.kind())));
    }
    return judged;
  });
}

std::string distrust_of_manifest(Store& store, const Backup& backup) {
  if (!store.signatures().are_wanted()) return "";
  return distrust_of(store, backup, read_manifest_text(store, backup.key_of(kManifestName)));
}

Manifest read_manifest(Store& store, const Backup& backup) {
  JudgedManifest judged = judge_manifest(store, backup);
  if (!judged.distrust.empty()) {
    throw not_signed(store.location(backup.folder()), judged.distrust);
  }
  return std::move(judged.manifest);
}

std::string distrust_of_older(const Store& store) {
  return store.signatures().are_wanted() ? "backups of older systems are not signed" : "";
}

Error not_signed(std::string_view place, std::string_view distrust) {
  return {ErrorKind::conflict,
          fmt::format("{} is not signed as BACKUP_VERIFY_KEY wants: {}", place, distrust),
          "anyone who may write into the store can have put it there; if you know that nobody did, "
          "run this once without BACKUP_VERIFY_KEY"};
}

}  // namespace pgbackup
