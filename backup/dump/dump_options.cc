#include "backup/dump/dump_options.h"

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

/// Adds `option` once for each pattern of the list.
void add_patterns(DumpOptions& options, std::string_view option, const std::string& list) {
  for (const Word& word : split_list(list)) {
    options.arguments.push_back(fmt::format("--{}={}", option, word.raw));
  }
}

template <class Parse>
void check(std::string_view variable, const std::string& value, std::vector<std::string>& problems,
           const Parse& parse) {
  try {
    parse(value);
  } catch (const Error& error) {
    problems.push_back(fmt::format("{}: '{}': {}", variable, value, error.message()));
  }
}

/// Makes the choice of BACKUP_COMPRESSION: one of Compression in its order, or native behind them.
Choice compression_choice(DumpOptions& options) {
  constexpr size_t kNative = 3;
  return {{"zstd", "gzip", "none", "native"},
          [&options] {
            return options.is_native ? kNative : static_cast<size_t>(options.packing.compression);
          },
          [&options](size_t index) {
            options.is_native = index == kNative;
            options.packing.compression =
                options.is_native ? Compression::none : static_cast<Compression>(index);
          }};
}

}  // namespace

std::vector<Option> dump_rows(DumpOptions& options) {
  return {
      {.name = "BACKUP_FORMAT",
       .value = choice(&options.format, {"custom", "plain"}),
       .help = "custom: pg_dump's archive, for pg_restore. plain: SQL, for psql."},
      {.name = "BACKUP_COMPRESSION",
       .value = compression_choice(options),
       .help = "zstd is smaller and many times faster than gzip. native: pg_dump compresses its "
               "archive itself, by gzip, so that pg_restore reads the stored file as it is."},
      {.name = "ZSTD_LEVEL",
       .value = Number{&options.effort.zstd_level, kMinZstdLevel, kMaxZstdLevel},
       .help = "Compression of zstd: higher is smaller and slower."},
      {.name = "ZSTD_THREADS",
       .value = Number{&options.effort.zstd_threads, 1, kMaxZstdThreads},
       .help = "Threads that compress. Each takes about 6 MiB more at level 3."},
      {.name = "GZIP_LEVEL",
       .value = Number{&options.effort.gzip_level, kMinGzipLevel, kMaxGzipLevel},
       .help = "Compression of gzip and native: higher is smaller and slower."},
      {.name = "EXCLUDE_TABLES",
       .value = &options.exclude_tables,
       .help = "Tables to leave out: patterns of pg_dump, split at commas and whitespace, such "
               "as `log_* audit.*`."},
      {.name = "EXCLUDE_TABLE_DATA",
       .value = &options.exclude_table_data,
       .help = "Tables of which only the definition is taken."},
      {.name = "INCLUDE_SCHEMAS",
       .value = &options.include_schemas,
       .help = "Only these schemas. One that matches nothing is an error."},
      {.name = "EXCLUDE_SCHEMAS",
       .value = &options.exclude_schemas,
       .help = "Schemas to leave out."},
      {.name = "SCHEMA_ONLY",
       .value = &options.schema_only,
       .help = "Definitions without rows. For a restore as a flag only: --schema-only.",
       .verbs = {"serve", "now", "restore"}},
      {.name = "PGDUMP_OPTIONS",
       .value = &options.further,
       .help =
           "Further options of pg_dump, quoted as for a shell. Those about output, format, jobs "
           "and connection are refused.",
       .aliases = {{"PG_DUMP_EXTRA_ARGS"}}},
      {.name = "VERIFY_COUNTS",
       .value = choice(&options.count_rows, {"none", "cheap", "full"}),
       .help =
           "What a dump notes, under its own snapshot, for `verify --restore` to compare. cheap: "
           "how many tables, sequences and large objects there are, which extensions, and the "
           "rows of tables up to 1 MiB. full: the rows of all tables, which are read once "
           "more. none: nothing, which saves a connection."},
      {.name = "LOCK_TIMEOUT",
       .value = Duration{&options.lock_timeout, std::chrono::seconds(0)},
       .help =
           "How long pg_dump, or a restore of what exists (--clean) or of a part, waits for a lock "
           "before it fails. 0: forever.",
       .verbs = {"serve", "now", "restore"}},
      {.name = "PG_RUN_TIMEOUT",
       .value = Duration{&options.run_timeout, std::chrono::seconds(1)},
       .help = "A pg_dump that has not ended by then is killed, and the backup fails.",
       .default_note = "none"},
  };
}

void check_dump_options(DumpOptions& options, std::vector<std::string>& problems) {
  const auto patterns = [&](std::string_view variable, std::string_view option,
                            const std::string& list) {
    check(variable, list, problems,
          [&](const std::string& text) { add_patterns(options, option, text); });
  };
  options.arguments.clear();
  if (options.is_native && options.format != StreamFormat::custom) {
    problems.push_back(
        fmt::format("{}, and plain SQL is none: set BACKUP_FORMAT=custom, or "
                    "BACKUP_COMPRESSION=gzip",
                    kNativeIsOfArchives));
  }
  patterns("INCLUDE_SCHEMAS", "schema", options.include_schemas);
  if (!options.arguments.empty()) options.arguments.emplace_back("--strict-names");
  patterns("EXCLUDE_SCHEMAS", "exclude-schema", options.exclude_schemas);
  patterns("EXCLUDE_TABLES", "exclude-table", options.exclude_tables);
  patterns("EXCLUDE_TABLE_DATA", "exclude-table-data", options.exclude_table_data);
  constexpr std::chrono::days kLongestLock{24};  // milliseconds in 31 bits
  if (options.lock_timeout > kLongestLock) {
    problems.emplace_back("LOCK_TIMEOUT: 24d is the most that PostgreSQL takes; 0 waits forever");
  }
  if (options.schema_only) options.arguments.emplace_back("--schema-only");
  check("PGDUMP_OPTIONS", options.further, problems, [&](const std::string& text) {
    const std::vector<std::string> words = split_command_line(text);
    static_cast<void>(parse_dump_flags(words));  // what the user wrote, and nothing before it
    options.arguments.insert(options.arguments.end(), words.begin(), words.end());
  });
  options.flags = parse_dump_flags(options.arguments);
}

std::vector<std::string> dump_arguments(const DumpOptions& options, std::string_view encoding) {
  std::vector<std::string> arguments = {
      options.format == StreamFormat::custom ? "--format=custom" : "--format=plain",
      fmt::format("--compress={}", options.is_native ? options.effort.gzip_level : 0),
      fmt::format("--encoding={}", encoding)};
  if (options.lock_timeout.count() > 0) {
    const auto timeout = std::chrono::milliseconds(options.lock_timeout);
    arguments.push_back(fmt::format("--lock-wait-timeout={}", timeout.count()));
  }
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  return arguments;
}

std::vector<std::string> globals_arguments(bool with_passwords) {
  if (with_passwords) return {"--globals-only", "--encoding=UTF8"};
  return {"--globals-only", "--encoding=UTF8", "--no-role-passwords"};
}

}  // namespace pgbackup
