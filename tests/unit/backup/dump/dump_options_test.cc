#include "backup/dump/dump_options.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Texts = std::vector<std::string>;

Texts arguments_of(DumpOptions options) {
  Texts problems;
  check_dump_options(options, problems);
  CHECK(problems == Texts());
  return dump_arguments(options, "LATIN1");
}

TEST_CASE("Each setting becomes what pg_dump understands") {
  CHECK(arguments_of({}) == Texts{"--format=custom", "--compress=0", "--encoding=LATIN1",
                                  "--lock-wait-timeout=900000"});
  CHECK(arguments_of({.format = StreamFormat::plain, .lock_timeout = std::chrono::seconds(0)}) ==
        Texts{"--format=plain", "--compress=0", "--encoding=LATIN1"});
  CHECK(arguments_of({.lock_timeout = std::chrono::seconds(0),
                      .exclude_tables = "log_*,\"My T\"",
                      .exclude_table_data = "a.b",
                      .include_schemas = "s t",
                      .exclude_schemas = "u",
                      .schema_only = true,
                      .further = "-O --table x"}) ==
        Texts{"--format=custom", "--compress=0", "--encoding=LATIN1", "--schema=s", "--schema=t",
              "--strict-names", "--exclude-schema=u", "--exclude-table=log_*",
              "--exclude-table=\"My T\"", "--exclude-table-data=a.b", "--schema-only", "-O",
              "--table", "x"});
}

TEST_CASE("Native compression is pg_dump's own, and nothing packs it") {
  DumpOptions options{.lock_timeout = std::chrono::seconds(0)};
  const CommandLine command{
      .program = "test", .summary = "", .verbs = {{"now", ""}}, .options = dump_rows(options)};
  const auto parse = [&](const Environment& environment) {
    const ParsedOptions parsed = parse_options(command, {}, environment);
    Texts problems = parsed.problems;
    check_dump_options(options, problems);
    return problems;
  };
  CHECK(parse({{"BACKUP_COMPRESSION", "native"}, {"GZIP_LEVEL", "9"}}) == Texts());
  CHECK(options.packing.compression == Compression::none);
  CHECK(dump_arguments(options, "UTF8") ==
        Texts{"--format=custom", "--compress=9", "--encoding=UTF8"});
  for (const auto& [name, compression] :
       {std::pair("zstd", Compression::zstd), std::pair("gzip", Compression::gzip),
        std::pair("none", Compression::none)}) {
    CAPTURE(name);
    CHECK(parse({{"BACKUP_COMPRESSION", name}}) == Texts());
    CHECK(options.packing.compression == compression);
    CHECK(dump_arguments(options, "UTF8").at(1) == "--compress=0");
  }
  CHECK(parse({{"BACKUP_COMPRESSION", "native"}, {"BACKUP_FORMAT", "plain"}}) ==
        Texts{"BACKUP_COMPRESSION=native is pg_dump's own compression of its archive, and plain "
              "SQL is none: set BACKUP_FORMAT=custom, or BACKUP_COMPRESSION=gzip"});
  CHECK(parse({{"BACKUP_COMPRESSION", "natve"}}).at(0).starts_with("BACKUP_COMPRESSION: "));
}

TEST_CASE("An encoding of the user's comes behind that of the database, and counts") {
  const Texts arguments =
      arguments_of({.lock_timeout = std::chrono::seconds(0), .further = "--encoding=UTF8"});
  CHECK(arguments ==
        Texts{"--format=custom", "--compress=0", "--encoding=LATIN1", "--encoding=UTF8"});
}

TEST_CASE("What a user adds by PGDUMP_OPTIONS is told from what the settings say") {
  DumpOptions options{.include_schemas = "s", .further = "-O --no-comments --verbose"};
  Texts problems;
  check_dump_options(options, problems);
  CHECK(problems == Texts());
  CHECK(selection_of(options.flags, StreamFormat::custom) == Texts{"--schema=s", "--no-comments"});
  CHECK(selection_of(options.flags, StreamFormat::plain) ==
        Texts{"--schema=s", "--no-owner", "--no-comments"});
  options.further = "--exclude-schema";
  check_dump_options(options, problems);
  CHECK(problems == Texts{"PGDUMP_OPTIONS: '--exclude-schema': --exclude-schema needs a value"});
}

TEST_CASE("What is wrong with a setting comes with its name") {
  DumpOptions options{.exclude_tables = "a \"b", .include_schemas = "\"\"", .further = "-O 'x"};
  Texts problems;
  check_dump_options(options, problems);
  CHECK(problems == Texts{"INCLUDE_SCHEMAS: '\"\"': a name is empty",
                          "EXCLUDE_TABLES: 'a \"b': a double quote is not closed",
                          "PGDUMP_OPTIONS: '-O 'x': a single quote is not closed"});
}

TEST_CASE("Passwords stay out when they may not be read") {
  CHECK(globals_arguments(true) == std::vector<std::string>{"--globals-only", "--encoding=UTF8"});
  CHECK(globals_arguments(false) ==
        std::vector<std::string>{"--globals-only", "--encoding=UTF8", "--no-role-passwords"});
}

}  // namespace
}  // namespace pgbackup
