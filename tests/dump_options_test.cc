#include "backup/dump_options.h"

#include "common/base/error.h"
#include "tests/error_of.h"
#include "tests/test.h"

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
  CHECK(arguments_of({.format = DumpFormat::plain, .lock_timeout = std::chrono::seconds(0)}) ==
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

TEST_CASE("An encoding of the user's comes behind that of the database, and counts") {
  const Texts arguments =
      arguments_of({.lock_timeout = std::chrono::seconds(0), .further = "--encoding=UTF8"});
  CHECK(arguments ==
        Texts{"--format=custom", "--compress=0", "--encoding=LATIN1", "--encoding=UTF8"});
}

TEST_CASE("Options that leave the stream alone pass") {
  for (const auto* text : {"",
                           "-v",
                           "--verbose",
                           "-xO",
                           "-Ox -tcreate",
                           "-t file",
                           "-tf",
                           "-xt -f",
                           "--table -f",
                           "--no-owner --no-privileges",
                           "--table=--file",
                           "--exclude-table-data x",
                           "--extra-float-digits=3",
                           "--role backup",
                           "--no-publications",
                           "--data-only",
                           "--section=data",
                           "--disable-triggers",
                           "--column-inserts",
                           "-e pgcrypto",
                           "-bB",
                           "--tab create",
                           "--filter /etc/filter"}) {
    CAPTURE(text);
    CHECK_FALSE(error_of([&] { return parse_further_options(text); }));
  }
}

TEST_CASE("Options that would break the stream or are set otherwise are refused by name") {
  for (const auto& [text, name] :
       std::vector<std::pair<std::string, std::string>>{{"-f x", "-f "},
                                                        {"-fx", "-f "},
                                                        {"-vf x", "-f "},
                                                        {"-xOvfx", "-f "},
                                                        {"--file x", "--file "},
                                                        {"--file=x", "--file "},
                                                        {"--fil=x", "--file "},
                                                        {"-F c", "-F "},
                                                        {"-Fd", "-F "},
                                                        {"--format=tar", "--format "},
                                                        {"--form t", "--format "},
                                                        {"-j4", "-j "},
                                                        {"--jobs=2", "--jobs "},
                                                        {"--j 2", "--jobs "},
                                                        {"-Z9", "-Z "},
                                                        {"--compress=9", "--compress "},
                                                        {"-d other", "-d "},
                                                        {"--dbname=other", "--dbname "},
                                                        {"-hx", "-h "},
                                                        {"--host x", "--host "},
                                                        {"-p 1", "-p "},
                                                        {"--port=1", "--port "},
                                                        {"-U x", "-U "},
                                                        {"--username=x", "--username "},
                                                        {"-W", "-W "},
                                                        {"--password", "--password "},
                                                        {"-w", "-w "},
                                                        {"--no-password", "--no-password "},
                                                        {"-V", "-V "},
                                                        {"--version", "--version "},
                                                        {"-?", "-? "},
                                                        {"--help", "--help "},
                                                        {"-C", "-C "},
                                                        {"--create", "--create "},
                                                        {"-c", "-c "},
                                                        {"--clean", "--clean "},
                                                        {"--if-exists", "--if-exists "},
                                                        {"-t a -f b", "-f "},
                                                        {"-t a other", "'other' "},
                                                        {"other", "'other' "},
                                                        {"--table=a b", "'b' "},
                                                        {"-", "'-' "},
                                                        {"--", "'--' "},
                                                        {"''", "'' "},
                                                        {"-x '--file=x'", "--file "}}) {
    CAPTURE(text);
    CHECK(fails_with(ErrorKind::usage,
                     name + "is not for here: ", [&] { return parse_further_options(text); }));
  }
}

TEST_CASE("What is wrong with a setting comes with its name") {
  DumpOptions options{.exclude_tables = "a \"b", .include_schemas = "\"\"", .further = "-O 'x"};
  Texts problems;
  check_dump_options(options, problems);
  CHECK(problems == Texts{"INCLUDE_SCHEMAS: '\"\"': a name is empty",
                          "EXCLUDE_TABLES: 'a \"b': a double quote is not closed",
                          "PGDUMP_OPTIONS: '-O 'x': a single quote is not closed"});
}

}  // namespace
}  // namespace pgbackup
