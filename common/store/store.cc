#include "common/store/store.h"

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/codec/digest.h"

namespace pgbackup {
namespace {

std::string sums_text(std::string_view manifest, const std::vector<StoredObject>& objects) {
  std::string text;
  for (const StoredObject& object : objects) {
    text += fmt::format("{}  {}\n", object.sha256, object.key.substr(object.key.rfind('/') + 1));
  }
  return text + fmt::format("{}  {}\n", sha256_hex(manifest), kManifestName);
}

}  // namespace

void Store::commit(const std::string& folder, std::string_view manifest,
                   const std::vector<StoredObject>& objects) {
  put(fmt::format("{}/{}", folder, kSumsName), sums_text(manifest, objects));
  if (const std::optional<SigningKey>& key = signatures().key) {
    put(fmt::format("{}/{}", folder, kSignatureName), key->sign(manifest));
  }
  put(fmt::format("{}/{}", folder, kManifestName), manifest);
}

std::vector<RemovalFailure> Store::remove_all(std::span<const std::string> keys) {
  std::vector<RemovalFailure> failures;
  for (const std::string& key : keys) {
    try {
      remove(key);
    } catch (...) {
      failures.push_back({.key = key, .error = current_failure()});
    }
  }
  return failures;
}

std::string read_small_object(Store& store, const std::string& key, size_t max_bytes) {
  const std::unique_ptr<Source> source = store.open(key);
  std::string all;
  std::vector<char> buffer(size_t{64} << 10U);
  while (const size_t got = source->read(buffer)) {
    all.append(buffer.data(), got);
    if (all.size() > max_bytes) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{} is larger than {} bytes", store.location(key), max_bytes));
    }
  }
  return all;
}

bool is_listed(Store& store, const std::string& key) {
  bool found = false;
  store.list(key, [&](const ObjectInfo& object) { found = found || object.key == key; });
  return found;
}

}  // namespace pgbackup
