// What a recovery gets of a stored write-ahead log.
#pragma once

#include <string>

#include "backup/physical/wal_reader.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"

namespace pgbackup {

/// Holds what WalReader::fetch() writes, and whether it was complete.
struct FetchedWal {
  std::string bytes;
  bool is_complete = false;
};

[[nodiscard]] inline FetchedWal fetch_wal_file(Store& store, const std::string& system_id,
                                               const std::string& name,
                                               const AgeKeys* keys = nullptr, Log* log = nullptr) {
  WalReader reader(store, system_id, keys, log);
  StringSink sink;
  const bool is_complete = reader.fetch(name, reader.find(name), sink);
  CHECK_FALSE(sink.finished);
  return {std::move(sink.bytes), is_complete};
}

}  // namespace pgbackup
