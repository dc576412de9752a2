// The data directory that a restore writes, from an empty directory to one that a server can start
// in. Until finish() a marker tells that it is unfinished, and no server starts, since
// global/pg_control is missing: it is written under another name and renamed last of all.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/physical/recovery.h"
#include "backup/physical/restore_target.h"
#include "backup/physical/tree_writer.h"
#include "common/base/fd.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// Says how the server starts.
struct StartFiles {
  std::string settings;  ///< appended to postgresql.auto.conf
  Signal signal = Signal::recovery;
};

class RestoredDirectory {
 public:
  /// Makes the directories that are missing, and the marker with `story` in it. Throws what
  /// refuse_occupied() throws.
  RestoredDirectory(const std::filesystem::path& directory,
                    std::vector<TablespacePlace> tablespaces, std::string_view story);

  /// Returns the owner of what is written, where this process may choose one: that of the data
  /// directory. Unset for any user but root.
  [[nodiscard]] const std::optional<Owner>& owner() const { return owner_; }

  /// Returns where base.tar is written.
  [[nodiscard]] TreeRoot root() const;
  /// Returns where the archive of a tablespace is written.
  [[nodiscard]] TreeRoot tablespace_root(uint32_t oid) const;

  /// Begins a file of ours with mode 0600; the directory above it exists or is made. Throws when
  /// the file exists. The sink must not outlive this object.
  [[nodiscard]] std::unique_ptr<Sink> create(const std::string& name);
  /// Deletes a file that create() made.
  void remove(const std::string& name);
  /// Opens a file that create() made, from its start.
  [[nodiscard]] std::unique_ptr<Source> open(const std::string& name) const;

  /// Links the tablespaces, makes the recovery happen, writes everything through to the disk, and
  /// lets a server start. Called once, after everything has been written.
  void finish(const StartFiles& start);

 private:
  struct Tablespace {
    TablespacePlace place;
    Fd fd;
  };

  void own(int fd, unsigned mode, std::string_view path) const;
  void link_tablespaces();
  void prepare_start(const StartFiles& start);
  void append(const std::string& name, std::string_view text);
  void sync_all() const;

  std::string path_;
  Fd fd_;
  std::optional<Owner> owner_;
  std::vector<Tablespace> tablespaces_;
};

}  // namespace pgbackup
