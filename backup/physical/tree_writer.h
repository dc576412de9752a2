// Writes the members of an archive below one directory. Every file and directory is opened relative
// to the directory above it, following no link, so that nothing can be written anywhere else. Knows
// neither stores nor what the files mean: restored_directory.h does.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "backup/physical/file_record.h"
#include "backup/physical/tar.h"
#include "common/base/fd.h"
#include "common/codec/digest.h"

namespace pgbackup {

// The flags of openat(2) below a directory that a restore writes: no link is ever followed.
inline constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
inline constexpr int kCreateFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

struct Owner {
  uid_t user = 0;
  gid_t group = 0;
};

/// Names a directory that is restored into.
struct TreeRoot {
  int fd = -1;            ///< of the directory
  std::string path;       ///< for messages
  std::string listed_as;  ///< what its files begin with in the list: nothing, or `pg_tblspc/16384/`
  std::optional<Owner> owner{};  ///< of everything that is written; unset: the user of this process
};

/// Writes one archive, and compares each file with the list. Throws `corrupt` for a file that is
/// not as listed, or that cannot be where it is: twice, below a file, in no directory. Errors of
/// the file system are `failed` or `denied`.
class TreeWriter final : public TarVisitor {
 public:
  /// The descriptor of `root` and the record must outlive the writer.
  TreeWriter(TreeRoot root, FileRecord& record);
  void begin(const TarMember& member) override;
  void write(std::string_view bytes) override;
  void end() override;

 private:
  void make_directory(const TarMember& member);
  void create_file(const TarMember& member);
  void enter(std::string_view directory);
  /// Returns the descriptor of the directory that was entered last.
  [[nodiscard]] int directory_fd() const { return opened_.is_open() ? opened_.get() : root_.fd; }
  void own(int fd, unsigned mode) const;
  [[noreturn]] void fail(std::string_view what) const;

  TreeRoot root_;
  FileRecord& record_;
  std::string directory_;  ///< the directory that was entered last; empty: the root
  Fd opened_;              ///< of that directory; closed: the root
  std::string name_;       ///< of the current member
  Fd file_;                ///< closed: the current member is a directory
  size_t number_ = 0;      ///< of the current file in the list
  std::optional<Sha256> hash_;
};

/// The name under which `global/pg_control` is written until everything else is done.
inline constexpr std::string_view kUnfinishedControlFile = "global/pg_control.unfinished";

}  // namespace pgbackup
