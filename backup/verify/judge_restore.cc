#include "backup/verify/judge_restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pgbackup {
namespace {

struct MissingSign {
  std::string_view text;
  std::string_view missing;
};

constexpr std::string_view kNeedsRoom = "room on its disk";
constexpr std::string_view kNeedsMemory = "more memory";
constexpr std::string_view kNeedsExtension = "the extension";
constexpr std::string_view kNeedsRights = "the rights of a superuser";
constexpr std::string_view kNeedsLife = "to stay up";
constexpr std::string_view kNeedsSetting = "the same settings and libraries";

/// Lists messages of PostgreSQL in English.
constexpr std::array kMissingSigns = {
    MissingSign{"No space left on device", kNeedsRoom},
    MissingSign{"could not extend file", kNeedsRoom},
    MissingSign{"Disk quota exceeded", kNeedsRoom},
    MissingSign{"out of memory", kNeedsMemory},
    MissingSign{"could not resize shared memory", kNeedsMemory},
    MissingSign{"out of shared memory", kNeedsMemory},
    MissingSign{"could not open extension control file", kNeedsExtension},
    MissingSign{"is not available", kNeedsExtension},
    MissingSign{"has no installation script", kNeedsExtension},
    MissingSign{"could not access file", kNeedsExtension},
    MissingSign{"could not load library", kNeedsExtension},
    MissingSign{"must be loaded via shared_preload_libraries", kNeedsSetting},
    MissingSign{"unrecognized configuration parameter", kNeedsSetting},
    MissingSign{"could not find a collation", kNeedsSetting},
    MissingSign{"collation \"", kNeedsSetting},
    MissingSign{"could not create locale", kNeedsSetting},
    MissingSign{"could not open collator", kNeedsSetting},
    MissingSign{"not supported by this build", kNeedsSetting},
    MissingSign{"is incompatible with operating system", kNeedsSetting},
    MissingSign{"resource manager with ID", kNeedsSetting},
    MissingSign{"database files are incompatible with server",
                "to be built like that of the backup"},
    MissingSign{"could not map anonymous shared memory", kNeedsMemory},
    MissingSign{"could not create shared memory segment", kNeedsMemory},
    MissingSign{"wal_level is insufficient", kNeedsSetting},
    MissingSign{"permission denied", kNeedsRights},
    MissingSign{"must be superuser", kNeedsRights},
    MissingSign{"nly superuser", kNeedsRights},
    MissingSign{"nly roles with", kNeedsRights},
    MissingSign{"row-level security", kNeedsRights},
    MissingSign{"must be owner", kNeedsRights},
    MissingSign{"must be member", kNeedsRights},
    MissingSign{"must have ", kNeedsRights},
    MissingSign{"must be able to SET ROLE", kNeedsRights},
    MissingSign{"server closed the connection unexpectedly", kNeedsLife},
    MissingSign{"terminating connection", kNeedsLife},
    MissingSign{"connection to server", kNeedsLife},
    MissingSign{"could not receive data from server", kNeedsLife},
    MissingSign{"the database system is ", kNeedsLife},
    MissingSign{"in recovery mode", kNeedsLife},
    MissingSign{"was killed by signal 9", kNeedsMemory},
    MissingSign{"I/O error", "a disk that works"},
    MissingSign{"Input/output error", "a disk that works"},
};

/// Returns whether a statement fails because a role is missing, which a dump does not hold.
bool lacks_role(std::string_view errors) {
  const size_t role = errors.find("role \"");
  return role != std::string_view::npos &&
         errors.find("\" does not exist", role) != std::string_view::npos;
}

}  // namespace

std::string_view missing_on_server(std::string_view errors) {
  for (const MissingSign& sign : kMissingSigns) {
    if (errors.find(sign.text) != std::string_view::npos) return sign.missing;
  }
  return lacks_role(errors) ? "the roles that the backup mentions" : "";
}

Error judge_server(const std::string& message) {
  const std::string_view missing = missing_on_server(message);
  if (missing.empty()) return {ErrorKind::corrupt, message};
  return {ErrorKind::failed, message,
          fmt::format("this says nothing of the backup: the server needs {}", missing)};
}

Error judge_answer(const std::string& message) {
  constexpr std::array<std::string_view, 3> kAnswers = {"FATAL:  ", "ERROR:  ", "PANIC:  "};
  size_t answer = std::string::npos;
  for (const std::string_view sign : kAnswers) answer = std::min(answer, message.find(sign));
  if (answer == std::string::npos) {
    return {ErrorKind::failed, message, "this says nothing of the backup: the server has ended"};
  }
  const Error judged = judge_server(message.substr(answer));
  return {judged.kind(), message, judged.hint()};
}

}  // namespace pgbackup
