#include "backup/physical/tree_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "backup/physical/base_check.h"
#include "common/base/error.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

/// The directories above a name, and the name within them.
struct Split {
  std::string_view directory;
  std::string_view name;
};

Split split(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

/// Returns whether an error means that the archive contradicts itself. The directory was empty.
bool is_contradiction(int error_number) {
  return error_number == EEXIST || error_number == ENOENT || error_number == ENOTDIR ||
         error_number == ELOOP;
}

/// Throws unless the archive of a tablespace holds nothing outside `PG_15_202209061`.
void check_version_directory(std::string_view name) {
  if (name.starts_with("PG_")) return;
  throw Error(ErrorKind::corrupt,
              fmt::format("the archive of a tablespace holds {}, which no server has there",
                          short_line(name)));
}

}  // namespace

TreeWriter::TreeWriter(TreeRoot root, FileRecord& record)
    : root_(std::move(root)), record_(record) {}

void TreeWriter::begin(const TarMember& member) {
  name_ = member.name;
  if (!root_.listed_as.empty()) check_version_directory(name_);
  if (member.is_directory) {
    make_directory(member);
  } else {
    number_ = record_.expect(root_.listed_as + name_, member.bytes);
    create_file(member);
  }
}

void TreeWriter::make_directory(const TarMember& member) {
  const auto [directory, name] = split(name_);
  enter(directory);
  const std::string leaf(name);
  if (mkdirat(directory_fd(), leaf.c_str(), 0700) != 0) fail("make");
  Fd made(openat(directory_fd(), leaf.c_str(), kOpenDirectory));
  if (!made.is_open()) fail("open");
  constexpr unsigned kUsable = 0700;
  own(made.get(), member.mode | kUsable);
  opened_ = std::move(made);
  directory_ = name_;
}

void TreeWriter::create_file(const TarMember& member) {
  const std::string_view path =
      root_.listed_as.empty() && name_ == kControlFile ? kUnfinishedControlFile : name_;
  const auto [directory, name] = split(path);
  enter(directory);
  file_ = Fd(openat(directory_fd(), std::string(name).c_str(), kCreateFile, 0600));
  if (!file_.is_open()) fail("create");
  own(file_.get(), member.mode);
  hash_.emplace();
}

/// Opens the directory, step by step from the root, unless it is open.
void TreeWriter::enter(std::string_view directory) {
  if (directory == directory_) return;
  Fd opened;
  for (std::string_view rest = directory; !rest.empty();) {
    const std::string step(rest.substr(0, rest.find('/')));
    Fd next(openat(opened.is_open() ? opened.get() : root_.fd, step.c_str(), kOpenDirectory));
    if (!next.is_open()) fail("enter the directory of");
    opened = std::move(next);
    rest.remove_prefix(std::min(step.size() + 1, rest.size()));
  }
  opened_ = std::move(opened);
  directory_ = directory;
}

void TreeWriter::own(int fd, unsigned mode) const {
  if (root_.owner && fchown(fd, root_.owner->user, root_.owner->group) != 0) {
    fail("change the owner of");
  }
  if (fchmod(fd, mode) != 0) fail("set the permissions of");
}

void TreeWriter::write(std::string_view bytes) {
  hash_->update(bytes);
  write_all(file_.get(), bytes, fmt::format("cannot write {}/{}", root_.path, short_line(name_)));
}

void TreeWriter::end() {
  if (!file_.is_open()) return;
  // The disk begins with it now, so that the sync at the end finds little left. Not all can.
  static_cast<void>(sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE));
  file_.close();
  record_.check(number_, hash_->hex());
}

void TreeWriter::fail(std::string_view what) const {
  const bool is_contradictory = is_contradiction(errno);
  const Error error =
      errno_error(fmt::format("cannot {} {}/{}", what, root_.path, short_line(name_)));
  if (!is_contradictory) throw Error(error);
  throw Error(ErrorKind::corrupt, error.message());
}

}  // namespace pgbackup
