#include "prune/page/cached_store.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"
#include "common/codec/bytes_source.h"

namespace pgbackup {
namespace {

bool is_manifest(std::string_view key) {
  return key.ends_with(kManifestName) &&
         key.substr(0, key.size() - kManifestName.size()).ends_with('/');
}

[[noreturn]] void refuse(std::string_view key) {
  throw Error(ErrorKind::failed, fmt::format("a page must not change {}", key));
}

/// Owns the bytes that it reads.
class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)), bytes_(text_) {}
  size_t read(std::span<char> buffer) override { return bytes_.read(buffer); }

 private:
  std::string text_;
  BytesSource bytes_;
};

}  // namespace

std::unique_ptr<Source> CachedStore::open(const std::string& key) {
  if (!is_manifest(key)) return store_.open(key);
  std::optional<std::string> text = cache_.text(key);
  if (!text) {
    text = read_small_object(store_, key);
    cache_.keep_text(key, *text);
  }
  return std::make_unique<TextSource>(*std::move(text));
}

void CachedStore::list(std::string_view prefix,
                       const std::function<void(const ObjectInfo&)>& visit) {
  store_.list(prefix, [&](const ObjectInfo& object) {
    if (is_manifest(object.key)) cache_.note(object);
    visit(object);
  });
}

std::unique_ptr<ObjectWriter> CachedStore::create(const std::string& key) { refuse(key); }
void CachedStore::put(const std::string& key, std::string_view /*bytes*/) { refuse(key); }
void CachedStore::remove(const std::string& key) { refuse(key); }
void CachedStore::remove_unfinished(const UnfinishedWrite& write) { refuse(write.key); }

}  // namespace pgbackup
