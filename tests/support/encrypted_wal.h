// Encrypted write-ahead logs in a memory store, and both sides' keys.
#pragma once

#include <string>
#include <vector>

#include "backup/physical/wal_archive.h"
#include "tests/support/age_keys.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fetched_wal.h"
#include "tests/support/memory_store.h"
#include "tests/support/test_log.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {

/// Segments have 1 MiB.
struct EncryptedWalFixture {
  static constexpr uint64_t kSize = kLeastSegmentBytes;
  const std::string system = "7434812345678901234";
  const std::string name = "000000010000000000000050";
  const std::string segment = make_segment(name);

  const NoBrokenPipe no_broken_pipe;
  const AgeKeys recipients = age_keys(kRecipient);  ///< all that a program has that makes backups
  const AgeKeys identity = age_keys("", kIdentity);
  const AgeKeys other_identity = age_keys("", kOtherIdentity);
  FakeClock clock;
  MemoryStore store{clock};
  TestLog log{clock};
  WalArchive archive{store, system, kEncrypted, {.zstd_threads = 1, .keys = &recipients}};
  WalArchive plain{store, system, {}, {.zstd_threads = 1}};

  /// Returns the bytes [begin, end) of the segment.
  [[nodiscard]] std::string_view part(size_t begin, size_t end) const {
    return std::string_view(segment).substr(begin, end - begin);
  }
  /// Returns the first `reach` bytes of the segment, filled up with zeros.
  [[nodiscard]] std::string filled(size_t reach) const {
    std::string bytes = segment.substr(0, reach);
    bytes.resize(segment.size());
    return bytes;
  }
  [[nodiscard]] FetchedWal fetch(const AgeKeys* keys) {
    return fetch_wal_file(store, system, name, keys, &log.log());
  }
  [[nodiscard]] FetchedWal fetch() { return fetch(&identity); }
  /// Returns the keys of all objects, the one that was stored first at the front.
  [[nodiscard]] std::vector<std::string> keys_by_age() const {
    std::vector<std::string> keys;
    for (const auto& [key, object] : store.objects) keys.push_back(key);
    std::stable_sort(keys.begin(), keys.end(), [&](const auto& a, const auto& b) {
      return store.objects.at(a).modified < store.objects.at(b).modified;
    });
    return keys;
  }
  /// Returns how often the log says `part`.
  [[nodiscard]] size_t count_in_log(std::string_view part) const {
    size_t count = 0;
    const std::string text = log.text();
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
      ++count;
    }
    return count;
  }
  /// Lets the store's clock go on, so that what is stored next is newer.
  void later() { clock.advance(std::chrono::seconds(1)); }
};

inline constexpr const char* kPassedOver = "a stored copy of WAL is passed over";
inline constexpr const char* kDiffer =
    "stored copies of WAL differ, and the one stored last counts";

}  // namespace pgbackup
