// Waits until a store holds the WAL that a base backup needs, whoever stores it.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "common/base/clock.h"
#include "common/catalog/wal.h"
#include "common/store/store.h"

namespace pgbackup {

/// WAL of one timeline, and how long it is waited for.
struct NeededWal {
  std::string system_id;
  Timeline timeline = 0;
  Lsn begin;
  Lsn end;
  uint64_t segment_bytes = kDefaultSegmentBytes;
  std::chrono::seconds patience{};  ///< how long nothing more of it may come
};

/// Waits until `store` holds all of `range`. Throws `failed` with the name of the first missing
/// segment when nothing more of it has come for that long, `canceled`, and what `check` throws,
/// which is called before each look: that who should store the WAL has given up.
void wait_for_wal(
    Store& store, const NeededWal& range, Clock& clock, const std::stop_token& stop,
    const std::function<void()>& check = [] {});

}  // namespace pgbackup
