#include "common/service/directory_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "common/base/units.h"
#include "common/store/dir_walk.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTrialBytes = "written by pg-backup check\n";

/// Holds the directories from which nothing can be deleted.
struct Unwritable {
  size_t count = 0;
  std::string first{};
  int error_number = 0;
};

void look_at(const fs::path& folder, Unwritable& found) {
  if (faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return;
  if (found.count++ > 0) return;
  found.first = folder.string();
  found.error_number = errno;
}

/// Calls `visit` for each directory in `folder`. Whether `folder` can be read is for others to say.
template <class Visit>
void for_each_folder(const fs::path& folder, const Visit& visit) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->symlink_status(ignored).type() == fs::file_type::directory) visit(entry->path());
  }
}

}  // namespace

Findings check_writing(Store& store, const std::string& folder, const std::string& area) {
  const std::string key = folder + "/probe";
  try {
    store.put(key, kTrialBytes);
    const bool is_whole = read_small_object(store, key) == kTrialBytes;
    store.remove(key);
    if (!is_whole) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: it is not what was written", store.location(key)),
                  "check the file system");
    }
  } catch (...) {
    return {finding_of(current_failure(), FindingLevel::attention, area, "writing")};
  }
  return {{.area = area,
           .subject = "writing",
           .sentence = "a file was written, read back and deleted again"}};
}

Findings check_deleting(const fs::path& root, const std::string& area) {
  Unwritable found;
  look_at(root, found);
  for_each_folder(root, [&](const fs::path& group) {
    look_at(group, found);
    for_each_folder(group, [&](const fs::path& backup) { look_at(backup, found); });
  });
  if (found.count == 0) {
    return {{.area = area, .subject = "deleting", .sentence = "backups can be deleted"}};
  }
  const std::string more =
      found.count == 1 ? "" : fmt::format(", nor from {} more", found.count - 1);
  return {{.level = FindingLevel::attention,
           .area = area,
           .subject = "deleting",
           .sentence = fmt::format("nothing can be deleted from {}: {}{}", found.first,
                                   errno_text(found.error_number), more),
           .advice = found.error_number == EROFS ? "mount the volume for writing" : owner_hint(),
           .is_fatal = true}};
}

Findings check_space(const fs::path& root, std::optional<uint64_t> need, const std::string& area) {
  struct statvfs info {};
  Finding finding{.area = area, .subject = "free space", .sentence = {}};
  if (statvfs(root.c_str(), &info) != 0) {
    finding.level = FindingLevel::unknown;
    finding.sentence = errno_text(errno);
    return {finding};
  }
  const uint64_t free_bytes = uint64_t{info.f_bavail} * uint64_t{info.f_frsize};
  if (need && *need > free_bytes) {
    finding.level = FindingLevel::attention;
    finding.sentence = fmt::format("{} is free, and the next backups may take {}",
                                   format_bytes(free_bytes), format_bytes(*need));
    finding.advice = "make room, or let pg-prune keep less";
  } else {
    finding.sentence = need ? fmt::format("{} is free, and the next backups take {} at most",
                                          format_bytes(free_bytes), format_bytes(*need))
                            : fmt::format("{} is free", format_bytes(free_bytes));
  }
  return {finding};
}

}  // namespace pgbackup
