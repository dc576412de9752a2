// How much memory a backup may take, beside the limit of the container.
#pragma once

#include <string>
#include <vector>

#include "backup/config.h"

namespace pgbackup {

/// Appends a sentence to `notes` when a backup may take more memory than the container's limit.
void note_memory(const BackupConfig& config, std::vector<std::string>& notes);

}  // namespace pgbackup
