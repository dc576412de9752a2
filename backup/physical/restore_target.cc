#include "backup/physical/restore_target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <map>
#include <system_error>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/printable.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// Returns the path without a slash at its end, `.` and `..`.
fs::path normalized(const fs::path& path) {
  const fs::path plain = path.lexically_normal();
  return plain.has_filename() ? plain : plain.parent_path();
}

/// Returns whether `inner` is `outer` or lies within it.
bool is_within(const fs::path& inner, const fs::path& outer) {
  const auto [in_outer, in_inner] =
      std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return in_outer == outer.end();
}

void check_places(const std::vector<TablespacePlace>& places, const fs::path& data_directory) {
  for (auto place = places.begin(); place != places.end(); ++place) {
    const std::string text = short_line(place->directory.string());
    if (!place->directory.is_absolute()) {
      throw Error(ErrorKind::usage,
                  fmt::format("tablespace {} cannot be restored into '{}', which is no absolute "
                              "path",
                              place->oid, text),
                  "name a place for it: --tablespace OLD=NEW");
    }
    if (is_within(place->directory, data_directory) ||
        is_within(data_directory, place->directory)) {
      throw Error(ErrorKind::usage,
                  fmt::format("tablespace {} cannot be restored into {}: neither may lie within "
                              "the other, {} or the tablespace",
                              place->oid, text, data_directory.string()),
                  "name another place for it: --tablespace OLD=NEW");
    }
    const bool is_shared = std::any_of(places.begin(), place, [&](const TablespacePlace& other) {
      return is_within(other.directory, place->directory) ||
             is_within(place->directory, other.directory);
    });
    if (is_shared) {
      throw Error(ErrorKind::usage,
                  fmt::format("tablespace {} cannot be restored into {}, beside another one",
                              place->oid, text),
                  "name another place for it: --tablespace OLD=NEW");
    }
  }
}

[[noreturn]] void refuse_unfinished(const fs::path& directory) {
  std::string story = "no server can start in it";
  if (const auto text = read_text_file((directory / kUnfinishedMarker).string())) {
    story = short_line(std::string_view(*text).substr(0, text->find('\n')));
  }
  throw Error(
      ErrorKind::conflict,
      fmt::format("{} holds a restore that has not finished: {}", directory.string(), story),
      fmt::format("delete everything in {} and in the tablespaces that {} there names, then "
                  "restore again",
                  directory.string(), kUnfinishedMarker));
}

/// Returns the nearest directory above a path that exists, or the path itself.
fs::path existing(const fs::path& path) {
  fs::path nearest = fs::absolute(path);
  std::error_code ignored;
  while (!fs::exists(nearest, ignored) && nearest.has_relative_path()) {
    nearest = nearest.parent_path();
  }
  return nearest;
}

/// What one file system shall take.
struct FileSystem {
  std::vector<std::string> directories;
  uint64_t needed = 0;
  uint64_t available = 0;
};

std::map<dev_t, FileSystem> file_systems_of(const std::vector<SpaceNeed>& needs) {
  std::map<dev_t, FileSystem> systems;
  for (const SpaceNeed& need : needs) {
    const fs::path nearest = existing(need.directory);
    struct stat info {};
    struct statvfs space {};
    if (stat(nearest.c_str(), &info) != 0 || statvfs(nearest.c_str(), &space) != 0) {
      throw_errno(fmt::format("cannot find out how much space {} has", nearest.string()));
    }
    FileSystem& system = systems[info.st_dev];
    system.directories.push_back(need.directory.string());
    system.needed += need.bytes;
    system.available = uint64_t{space.f_bavail} * space.f_frsize;
  }
  return systems;
}

}  // namespace

TablespaceMapping parse_tablespace_mapping(std::string_view text) {
  std::string sides[2];
  int side = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_escaped = text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '=';
    if (is_escaped) ++i;
    if (text[i] == '=' && !is_escaped) {
      if (++side == 2) break;
    } else {
      sides[side] += text[i];
    }
  }
  if (side != 1 || !sides[0].starts_with('/') || !sides[1].starts_with('/')) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}' does not say where a tablespace goes", short_line(text)),
                "write OLD=NEW, two absolute paths; an equals sign within a path is written \\=");
  }
  return {std::move(sides[0]), std::move(sides[1])};
}

std::vector<TablespacePlace> place_tablespaces(const std::vector<TablespaceFacts>& tablespaces,
                                               const std::vector<TablespaceMapping>& mappings,
                                               const fs::path& data_directory) {
  std::vector<TablespacePlace> places;
  std::vector<std::string> known;
  for (const TablespaceFacts& tablespace : tablespaces) {
    places.push_back({tablespace.oid, normalized(tablespace.location)});
    known.push_back(short_line(tablespace.location));
  }
  for (const TablespaceMapping& mapping : mappings) {
    const auto found = std::find_if(
        tablespaces.begin(), tablespaces.end(), [&](const TablespaceFacts& tablespace) {
          return normalized(tablespace.location) == normalized(mapping.old_location);
        });
    if (found == tablespaces.end()) {
      throw Error(
          ErrorKind::usage,
          fmt::format("no tablespace of the backup was at {}", short_line(mapping.old_location)),
          known.empty() ? "the backup has no tablespaces outside the data directory"
                        : fmt::format("the backup has them at {}", fmt::join(known, ", ")));
    }
    places[static_cast<size_t>(found - tablespaces.begin())].directory =
        normalized(mapping.new_location);
  }
  check_places(places, normalized(fs::absolute(data_directory)));
  return places;
}

void refuse_occupied(const fs::path& directory) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found) {
    if (!fs::exists(fs::symlink_status(directory, error))) return;
    throw Error(ErrorKind::conflict,
                fmt::format("{} is a link to what does not exist", directory.string()),
                "make the directory that it leads to, or delete the link");
  }
  if (status.type() != fs::file_type::directory) {
    throw Error(ErrorKind::conflict,
                fmt::format("{} is no directory that can be read", directory.string()));
  }
  if (fs::exists(fs::symlink_status(directory / kUnfinishedMarker))) refuse_unfinished(directory);
  if (fs::exists(fs::symlink_status(directory / "postmaster.pid"))) {
    throw Error(
        ErrorKind::conflict,
        fmt::format("{} belongs to a server that runs, or that was killed", directory.string()),
        "restore into an empty directory; to replace this server, stop it and delete "
        "everything in its directory first");
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename() == "lost+found") continue;
    throw Error(ErrorKind::conflict,
                fmt::format("{} is not empty: it holds {}", directory.string(),
                            short_line(entry.path().filename().string())),
                "restore into an empty directory, or delete everything in this one first");
  }
}

void refuse_occupied(const TablespacePlace& place) {
  try {
    refuse_occupied(place.directory);
  } catch (const Error& error) {
    throw Error(error.kind(), error.message(),
                "put the tablespace elsewhere with --tablespace OLD=NEW, or delete everything in "
                "this directory first");
  }
}

std::vector<std::string> require_space(const std::vector<SpaceNeed>& needs) {
  std::vector<std::string> sentences;
  for (const auto& [device, system] : file_systems_of(needs)) {
    std::string sentence =
        fmt::format("{} {} about {}, {} are free", fmt::join(system.directories, " and "),
                    system.directories.size() == 1 ? "needs" : "need", format_bytes(system.needed),
                    format_bytes(system.available));
    if (system.needed > system.available) {
      throw Error(ErrorKind::conflict, std::move(sentence),
                  "make space, or restore to another place");
    }
    sentences.push_back(std::move(sentence));
  }
  return sentences;
}

}  // namespace pgbackup
