#include "common/catalog/backup_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pgbackup {

void report_written(const BackupWriter& writer, BackupOutcome& outcome, Log& log) {
  for (const BackupWriter::Written& written : writer.written()) {
    outcome.holders.push_back(written.destination);
  }
  outcome.failures = writer.failures();
  const Manifest& manifest = writer.written().front().manifest;
  for (const std::string& warning : manifest.warnings) log.warn(warning);
  if (writer.failures().empty()) return;
  const Error failure = join_failures(writer.failures());
  throw Error(ErrorKind::failed,
              fmt::format("{}; {} has the backup {}", failure.message(),
                          fmt::join(outcome.holders, ", "), manifest.id),
              failure.hint());
}

}  // namespace pgbackup
