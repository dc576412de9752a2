// Checks PostgreSQL for `pg-backup check`: what a backup asks of the server, its databases, and the
// client programs.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <vector>

#include "backup/config.h"
#include "common/base/log.h"
#include "common/catalog/group.h"
#include "common/service/finding.h"

namespace pgbackup {

/// Is the heading of the findings.
inline constexpr const char* kServerArea = "PostgreSQL";

struct ServerCheck {
  Findings findings{};
  std::vector<Group> groups{};        ///< that a run makes backups of; empty: not known
  std::map<Group, uint64_t> sizes{};  ///< of the databases that could be asked
};

/// Connects to every host and to every database that a run would take. Throws `canceled` only.
[[nodiscard]] ServerCheck check_server(const BackupConfig& config, const Environment& environment,
                                       Log& log, const std::stop_token& stop);

/// Judges the client `name` of `client_version`, in `path`, for a server. Pure.
[[nodiscard]] Finding judge_client(std::string_view name, const std::string& path,
                                   int client_version, int server_version);

}  // namespace pgbackup
