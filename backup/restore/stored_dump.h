// What a restore is made from: a dump in a store, streamed and checked on its way. Ours is an
// archive with a manifest (archive.h); an older system's file is examined first (adopted_dump.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/catalog.h"
#include "common/catalog/manifest.h"
#include "common/catalog/stored_stream.h"
#include "common/codec/sink.h"

namespace pgbackup {

class StoredDump {
 public:
  StoredDump() = default;
  StoredDump(const StoredDump&) = delete;
  StoredDump& operator=(const StoredDump&) = delete;
  virtual ~StoredDump() = default;

  [[nodiscard]] virtual const Backup& backup() const = 0;
  [[nodiscard]] virtual StreamFormat format() const = 0;
  /// Returns the least version of pg_restore that can read the dump, as server_version_num; 0: any.
  [[nodiscard]] virtual int client_version() const = 0;
  /// Returns the version of the server that was dumped, as server_version_num; 0: not known.
  [[nodiscard]] virtual int server_version() const = 0;
  /// Returns how many tables were dumped; nullopt: not known.
  [[nodiscard]] virtual std::optional<int64_t> tables() const = 0;
  /// Returns the size of what pg_dump wrote; nullopt: not known.
  [[nodiscard]] virtual std::optional<uint64_t> bytes() const = 0;
  /// Returns the properties of the database that was dumped; nullptr: not known.
  [[nodiscard]] virtual const DatabaseProperties* properties() const = 0;

  /// Streams what pg_dump wrote into `sink`, finishes `sink` and returns the number of bytes.
  /// Throws `corrupt` naming the object when bytes are not what they should be; `sink` then has not
  /// received the end and is not finished.
  virtual uint64_t copy(Sink& sink, Clock& clock, Log& log) = 0;
  /// Streams what pg_dump wrote from its start, unchecked, until `enough` returns true after a
  /// write: for an archive's table of contents. Does not always finish `sink`.
  virtual void copy_head(Sink& sink, const std::function<bool()>& enough) = 0;
};

}  // namespace pgbackup
