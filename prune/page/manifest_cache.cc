#include "prune/page/manifest_cache.h"

#include <functional>
#include <utility>

#include "common/base/printable.h"

namespace pgbackup {
namespace {

/// Returns a number that is another one when objects of the backup were added, deleted or replaced
/// by others of other sizes.
size_t mark_of(const Backup& backup) {
  constexpr size_t kFactor = 1'000'003;
  size_t mark = backup.files.size();
  for (const BackupFile& file : backup.files) {
    mark = (mark * kFactor + std::hash<std::string>()(file.name)) * kFactor + file.bytes;
  }
  return mark;
}

}  // namespace

PageFacts facts_of(const Inspection& seen) {
  PageFacts facts{.damage = short_line(seen.damage), .backdating = seen.backdating};
  if (!seen.manifest) return facts;
  facts.finished = seen.manifest->finished;
  facts.next_due = seen.manifest->next_due;
  facts.locked_until = seen.manifest->locked_until;
  facts.uncompressed_bytes = seen.manifest->uncompressed_bytes();
  facts.server_version = seen.manifest->server_version;
  return facts;
}

void ManifestCache::note(const ObjectInfo& object) {
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] = entries_.try_emplace(object.key);
  Entry& entry = place->second;
  if (!is_new && (entry.bytes != object.bytes || entry.modified != object.modified)) {
    drop_text(entry);
    entry.facts.reset();
  }
  entry.bytes = object.bytes;
  entry.modified = object.modified;
  entry.is_noted = true;
}

void ManifestCache::forget_others() {
  const std::lock_guard lock(mutex_);
  for (auto place = entries_.begin(); place != entries_.end();) {
    if (!std::exchange(place->second.is_noted, false)) {
      drop_text(place->second);
      place = entries_.erase(place);
    } else {
      ++place;
    }
  }
}

std::optional<std::string> ManifestCache::text(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.text.empty()) return std::nullopt;
  return found->second.text;
}

void ManifestCache::keep_text(const std::string& key, std::string_view text) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || text.size() > kMostCachedText - text_bytes_) return;
  drop_text(found->second);
  found->second.text = text;
  text_bytes_ += text.size();
}

std::optional<PageFacts> ManifestCache::facts(const Backup& backup) const {
  const std::string key = backup.commit_key();
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.mark != mark_of(backup)) return std::nullopt;
  return found->second.facts;
}

void ManifestCache::keep_facts(const Backup& backup, PageFacts facts) {
  const std::string key = backup.commit_key();
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  found->second.facts = std::move(facts);
  found->second.mark = mark_of(backup);
}

void ManifestCache::drop_text(Entry& entry) {
  text_bytes_ -= entry.text.size();
  entry.text = std::string();
}

}  // namespace pgbackup
