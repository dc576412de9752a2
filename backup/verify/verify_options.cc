#include "backup/verify/verify_options.h"

#include <fmt/format.h>

#include "backup/postgres/database_url.h"
#include "common/base/error.h"

namespace pgbackup {
namespace {

void check_schedule_of(VerifyOptions& options, std::string_view zone,
                       std::vector<std::string>& problems) {
  options.schedule.reset();
  if (options.cron.empty()) return;
  try {
    options.schedule = Schedule::parse(options.cron);
  } catch (const Error& error) {
    return problems.push_back(std::string("VERIFY_SCHEDULE: ") + error.message());
  }
  const std::optional<std::string>& own = options.schedule->zone();
  if (own && *own != (zone.empty() ? "UTC" : zone)) {
    problems.push_back(fmt::format(
        "VERIFY_SCHEDULE: the time zone in front is {}, and that of the process is {}: set TZ",
        *own, zone.empty() ? "UTC" : zone));
  }
}

void check_url(const VerifyOptions& options, std::vector<std::string>& problems) {
  if (options.url.empty()) return;
  if (!is_database_url(options.url.reveal())) {
    problems.emplace_back("VERIFY_URL does not begin with postgres://");
    return;
  }
  try {
    PgConfig server;
    static_cast<void>(read_database_url(server, options.url));
  } catch (const Error& error) {
    problems.push_back(std::string("VERIFY_URL: ") + error.message());
  }
}

}  // namespace

std::vector<Option> verify_rows(VerifyOptions& options) {
  return {
      {.name = "VERIFY_DEPTH",
       .value = choice(&options.depth, {"stored", "archive", "restore"}),
       .help = "How deep a verification goes. stored: size and SHA-256 of every object. archive: "
               "also unpacked, and read to its end by pg_restore. restore: restored, and compared "
               "with what the dump noted."},
      {.name = "VERIFY_URL",
       .value = &options.url,
       .help =
           "postgres://user:password@host:port of a disposable server for VERIFY_DEPTH=restore. "
           "Unset: a server of our own, where the server's programs are installed."},
      {.name = "VERIFY_DIR",
       .value = &options.directory,
       .help = "Directory on a disk with room for a server of our own, and the largest database in "
               "it."},
      {.name = "VERIFY_TIMEOUT",
       .value = Duration{.value = &options.timeout, .min = std::chrono::seconds(1)},
       .help = "How long the verification of one backup may take. What takes longer is given up, "
               "which says nothing of the backup."},
  };
}

std::vector<Option> verify_flags(VerifyOptions& options) {
  return {
      {.name = "--stored", .value = &options.stored, .help = "verify: VERIFY_DEPTH=stored"},
      {.name = "--archive", .value = &options.archive, .help = "verify: VERIFY_DEPTH=archive"},
      {.name = "--restore", .value = &options.restore, .help = "verify: VERIFY_DEPTH=restore"},
  };
}

void check_verify_options(VerifyOptions& options, std::string_view zone,
                          std::vector<std::string>& problems) {
  const int given =
      (options.stored ? 1 : 0) + (options.archive ? 1 : 0) + (options.restore ? 1 : 0);
  if (given > 1) problems.emplace_back("--stored, --archive and --restore: keep one");
  if (options.stored) options.depth = VerifyDepth::stored;
  if (options.archive) options.depth = VerifyDepth::archive;
  if (options.restore) options.depth = VerifyDepth::restore;
  check_schedule_of(options, zone, problems);
  check_url(options, problems);
}

}  // namespace pgbackup
