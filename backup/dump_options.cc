#include "backup/dump_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "backup/words.h"
#include "common/base/error.h"

namespace pgbackup {
namespace {

/// What pg_dump must not be told, and why.
struct Refused {
  char letter;  ///< 0: has none
  std::string_view name;
  std::string_view reason;
};

constexpr std::string_view kStream = "the dump is streamed as it is made";
constexpr std::string_view kConnection = "the connection has settings of its own (DB_HOST ...)";
constexpr std::string_view kOurs = "restore has --create and --clean of its own";

constexpr std::array<Refused, 15> kRefused = {{{'f', "file", kStream},
                                               {'F', "format", "BACKUP_FORMAT says it"},
                                               {'j', "jobs", kStream},
                                               {'Z', "compress", "BACKUP_COMPRESSION says it"},
                                               {'d', "dbname", kConnection},
                                               {'h', "host", kConnection},
                                               {'p', "port", kConnection},
                                               {'U', "username", kConnection},
                                               {'W', "password", kConnection},
                                               {'w', "no-password", kConnection},
                                               {'V', "version", kStream},
                                               {'?', "help", kStream},
                                               {'C', "create", kOurs},
                                               {'c', "clean", kOurs},
                                               {0, "if-exists", kOurs}}};

/// Of PostgreSQL 13 to 18, https://www.postgresql.org/docs/current/app-pgdump.html
constexpr std::string_view kLettersWithValue = "eEnNStT";
constexpr std::array<std::string_view, 20> kNamesWithValue = {"encoding",
                                                              "exclude-extension",
                                                              "exclude-schema",
                                                              "exclude-table",
                                                              "exclude-table-and-children",
                                                              "exclude-table-data",
                                                              "exclude-table-data-and-children",
                                                              "extension",
                                                              "extra-float-digits",
                                                              "filter",
                                                              "include-foreign-data",
                                                              "lock-wait-timeout",
                                                              "restrict-key",
                                                              "role",
                                                              "rows-per-insert",
                                                              "schema",
                                                              "section",
                                                              "snapshot",
                                                              "superuser",
                                                              "table"};

[[noreturn]] void refuse(std::string_view word, std::string_view reason) {
  throw Error(ErrorKind::usage, fmt::format("{} is not for here: {}", word, reason));
}

/// A cluster of letters such as `-xOt`. Returns whether the next word is the value of the last.
bool check_letters(std::string_view word) {
  for (size_t i = 1; i < word.size(); ++i) {
    for (const Refused& refused : kRefused) {
      if (word[i] == refused.letter) refuse(fmt::format("-{}", word[i]), refused.reason);
    }
    if (kLettersWithValue.find(word[i]) != std::string_view::npos) return i + 1 == word.size();
  }
  return false;
}

/// `--name`, `--name=value` or the beginning of a name, as getopt_long takes it.
bool check_name(std::string_view word) {
  const size_t equals = word.find('=');
  const std::string_view name =
      word.substr(2, equals == std::string_view::npos ? equals : equals - 2);
  for (const Refused& refused : kRefused) {
    if (refused.name.starts_with(name)) {
      refuse(fmt::format("--{}", refused.name), refused.reason);
    }
  }
  return equals == std::string_view::npos &&
         std::any_of(kNamesWithValue.begin(), kNamesWithValue.end(),
                     [&](std::string_view known) { return known.starts_with(name); });
}

/// Adds `option` with each pattern of the list.
void add_patterns(DumpOptions& options, std::string_view option, const std::string& list) {
  for (const Word& word : split_list(list)) {
    options.selection.push_back(fmt::format("--{}={}", option, word.raw));
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

}  // namespace

std::vector<Option> dump_rows(DumpOptions& options) {
  return {
      {.name = "BACKUP_FORMAT",
       .target = choice(&options.format, {"custom", "plain"}),
       .help = "custom: pg_dump's archive, for pg_restore. plain: SQL, for psql."},
      {.name = "BACKUP_COMPRESSION",
       .target = choice(&options.compression, {"zstd", "gzip", "none"}),
       .help = "zstd is smaller and many times faster than gzip."},
      {.name = "ZSTD_LEVEL",
       .target = Number{&options.zstd_level, kMinZstdLevel, kMaxZstdLevel},
       .help = "Compression: higher is smaller and slower."},
      {.name = "ZSTD_THREADS",
       .target = Number{&options.zstd_threads, 1, kMaxZstdThreads},
       .help = "Threads that compress. Each takes about 6 MiB more at level 3."},
      {.name = "GZIP_LEVEL",
       .target = Number{&options.gzip_level, kMinGzipLevel, kMaxGzipLevel},
       .help = "The same for gzip."},
      {.name = "EXCLUDE_TABLES",
       .target = &options.exclude_tables,
       .help = "Tables to leave out: patterns of pg_dump, split at commas and blanks, such as "
               "`log_* audit.*`."},
      {.name = "EXCLUDE_TABLE_DATA",
       .target = &options.exclude_table_data,
       .help = "Tables of which only the definition is taken."},
      {.name = "INCLUDE_SCHEMAS",
       .target = &options.include_schemas,
       .help = "Only these schemas. One that matches nothing is an error."},
      {.name = "EXCLUDE_SCHEMAS",
       .target = &options.exclude_schemas,
       .help = "Schemas to leave out."},
      {.name = "SCHEMA_ONLY", .target = &options.schema_only, .help = "Definitions without rows."},
      {.name = "PGDUMP_OPTIONS",
       .target = &options.further,
       .help =
           "Further options of pg_dump, quoted as for a shell. Those about output, format, jobs "
           "and connection are refused.",
       .aliases = {{"PG_DUMP_EXTRA_ARGS"}}},
      {.name = "LOCK_TIMEOUT",
       .target = Duration{&options.lock_timeout, std::chrono::seconds(0)},
       .help = "How long pg_dump waits for a table that is locked, before the backup fails. 0: for "
               "ever."},
      {.name = "PG_RUN_TIMEOUT",
       .target = Duration{&options.run_timeout, std::chrono::seconds(1)},
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
  options.selection.clear();
  patterns("INCLUDE_SCHEMAS", "schema", options.include_schemas);
  if (!options.selection.empty()) options.selection.emplace_back("--strict-names");
  patterns("EXCLUDE_SCHEMAS", "exclude-schema", options.exclude_schemas);
  patterns("EXCLUDE_TABLES", "exclude-table", options.exclude_tables);
  patterns("EXCLUDE_TABLE_DATA", "exclude-table-data", options.exclude_table_data);
  constexpr std::chrono::days kLongestLock{24};  // milliseconds in 31 bits
  if (options.lock_timeout > kLongestLock) {
    problems.emplace_back("LOCK_TIMEOUT: 24d is the most that PostgreSQL takes; 0 waits for ever");
  }
  if (options.schema_only) options.selection.emplace_back("--schema-only");
  check("PGDUMP_OPTIONS", options.further, problems, [&](const std::string& text) {
    for (std::string& word : parse_further_options(text)) {
      options.selection.push_back(std::move(word));
    }
  });
}

std::vector<std::string> dump_arguments(const DumpOptions& options, std::string_view encoding) {
  std::vector<std::string> arguments = {
      options.format == DumpFormat::custom ? "--format=custom" : "--format=plain", "--compress=0",
      fmt::format("--encoding={}", encoding)};
  if (options.lock_timeout.count() > 0) {
    const auto timeout = std::chrono::milliseconds(options.lock_timeout);
    arguments.push_back(fmt::format("--lock-wait-timeout={}", timeout.count()));
  }
  arguments.insert(arguments.end(), options.selection.begin(), options.selection.end());
  return arguments;
}

std::vector<std::string> parse_further_options(std::string_view text) {
  std::vector<std::string> words = split_command_line(text);
  bool is_value = false;
  for (const std::string& word : words) {
    if (std::exchange(is_value, false)) continue;
    if (word == "-" || word == "--" || !word.starts_with('-')) {
      refuse(fmt::format("'{}'", word),
             "it is no option, and databases have settings of their own");
    }
    is_value = word.starts_with("--") ? check_name(word) : check_letters(word);
  }
  return words;
}

}  // namespace pgbackup
