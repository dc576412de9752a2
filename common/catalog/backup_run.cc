#include "common/catalog/backup_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pgbackup {

void report_written(const BackupWriter& writer, BackupOutcome& outcome, Log& log) {
  std::vector<std::string> names;
  for (const auto& [destination, manifest] : writer.written()) {
    names.push_back(destination);
    outcome.holders.push_back({destination,
                               {.stored_bytes = manifest.stored_bytes(),
                                .uncompressed_bytes = manifest.uncompressed_bytes()}});
  }
  outcome.stages = writer.stages();
  outcome.failures = writer.failures();
  const Manifest& manifest = writer.written().front().manifest;
  for (const std::string& warning : manifest.warnings) {
    log.warn("the backup has a warning", {{"warning", warning}});
  }
  if (writer.failures().empty()) return;
  const Error failure = join_failures(writer.failures());
  throw Error(ErrorKind::failed,
              fmt::format("{}; {} has the backup {}", failure.message(), fmt::join(names, ", "),
                          manifest.id),
              failure.hint());
}

}  // namespace pgbackup
