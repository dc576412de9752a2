#include "backup/physical/wal_push.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backup/physical/data_directory.h"
#include "backup/physical/wal_archive.h"
#include "backup/physical/wal_page.h"
#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/printable.h"
#include "common/catalog/wal_listing.h"
#include "common/codec/file_source.h"

namespace pgbackup {
namespace {

Fd open_file(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) throw_errno("cannot open " + path.string());
  return fd;
}

std::string find_system_id(const WalPush& push, WalFileKind kind) {
  if (!push.system_id.empty()) return push.system_id;
  if (kind == WalFileKind::segment || kind == WalFileKind::partial) {
    return read_wal_page_of(push.path).system_id;
  }
  return system_id_near(push.path);
}

}  // namespace

void push_wal(const WalPush& push, const Destinations& destinations, Log& log) {
  const std::string name = push.path.filename().string();
  const std::optional<WalFileKind> kind = wal_file_kind(name);
  if (!kind) {
    throw Error(ErrorKind::usage,
                fmt::format("{} is no name of a file of the write-ahead log", printable(name)),
                "archive_command = 'pg-backup wal-push %p'");
  }
  const std::string system_id = find_system_id(push, *kind);
  const auto put = [&](const Destination& destination) {
    FileSource content(open_file(push.path), push.path.string());
    const std::string damage =
        WalArchive(destination.store(), system_id, push.packing, push.effort).put(name, content);
    if (!damage.empty()) log.warn("stored WAL is damaged", {{"cause", describe_damage(damage)}});
  };
  // What is encrypted cannot be compared: it is stored once more. While one destination fails, the
  // server repeats, and the others must not get a copy each time.
  std::set<std::string> holders;
  std::vector<DestinationFailure> failures =
      for_each_destination(destinations, [&](const Destination& destination) {
        const bool may_repeat =
            push.packing.encryption != Encryption::none && destinations.size() > 1;
        if (may_repeat && !list_wal_file(destination.store(), system_id, name).copies.empty()) {
          holders.insert(destination.name());
        } else {
          put(destination);
        }
      });
  if (failures.empty()) {
    failures = for_each_destination(destinations, [&](const Destination& destination) {
      if (holders.contains(destination.name())) put(destination);
    });
  }
  if (!failures.empty()) throw join_failures(failures).within("cannot archive " + name);
}

}  // namespace pgbackup
