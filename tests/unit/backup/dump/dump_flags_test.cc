#include "backup/dump/dump_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include "backup/postgres/client_program.h"
#include "common/base/error.h"
#include "common/base/process.h"
#include "common/base/text.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Texts = std::vector<std::string>;

std::vector<GivenDumpFlag> parse(std::string_view text) {
  return parse_dump_flags(split_command_line(text));
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
                           "--exclude-schem create",
                           "--filter /etc/filter",
                           "--restrict-key abc",
                           "--sync-method fsync",
                           "--table-and-children create",
                           "--exclude-extension -f",
                           "--include-foreign-data server",
                           "--no-such-option --no-such-option=value"}) {
    CAPTURE(text);
    CHECK_FALSE(error_of([words = text] { return parse(words); }));
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
                     name + "cannot be used here: ", [words = text] { return parse(words); }));
  }
}

TEST_CASE("Options that pg_dump would not take are refused before it is asked") {
  for (const auto& [text, problem] : std::vector<std::pair<std::string, std::string>>{
           {"--tab x", "--tab may be short for --table or --table-and-children: write it in full"},
           {"-v --exclude-table-d a", "--exclude-table-d may be short for --exclude-table-data or"},
           {"--no-sy", "--no-sy may be short for --no-sync or --no-synchronized-snapshots"},
           {"--table", "--table needs a value"},
           {"-O -t", "-t needs a value"},
           {"--verbose=1", "--verbose takes no value"},
           {"--no-such-option value", "'value' cannot be used here"},
           {"--binary-upgrade", "--binary-upgrade cannot be used here"}}) {
    CAPTURE(text);
    CHECK(fails_with(ErrorKind::usage, problem, [words = text] { return parse(words); }));
  }
}

TEST_CASE("Only an option that leaves something out makes a backup a part") {
  for (const auto* text : {"",
                           "-v",
                           "--verbose",
                           "--statistics",
                           "--no-statistics",
                           "--no-sync",
                           "-b",
                           "-E UTF8",
                           "--large-objects",
                           "--include-foreign-data=s",
                           "--inserts --rows-per-insert 9",
                           "--column-inserts",
                           "--on-conflict-do-nothing",
                           "--strict-names",
                           "--role=backup",
                           "--sync-method=fsync",
                           "--restrict-key=a",
                           "--serializable-deferrable",
                           "--lock-wait-timeout=1",
                           "--quote-all-identifiers",
                           "--extra-float-digits 3"}) {
    CAPTURE(text);
    CHECK(selection_of(parse(text), StreamFormat::plain).empty());
  }
  for (const auto& [text, selection] : std::vector<std::pair<std::string, Texts>>{
           {"-vsx", {"--schema-only", "--no-privileges"}},
           {"-n a -Nb --table=c -T d",
            {"--schema=a", "--exclude-schema=b", "--table=c", "--exclude-table=d"}},
           {"--exclude-table-data-and-children a", {"--exclude-table-data-and-children=a"}},
           {"--filter f --verbose", {"--filter=f"}},
           {"--no-policies", {"--no-policies"}},
           {"--no-publications --no-subscriptions", {"--no-publications", "--no-subscriptions"}},
           {"--enable-row-security", {"--enable-row-security"}},
           {"--section data", {"--section=data"}},
           {"--statistics-only", {"--statistics-only"}},
           {"--no-unlogged-table-data", {"--no-unlogged-table-data"}},
           {"-OB", {"--no-large-objects"}},
           {"--no-tablespaces --no-table-access-method", {}},
           {"--new-in-20=x -y", {"--new-in-20=x", "-y"}}}) {
    CAPTURE(text);
    CHECK(selection_of(parse(text), StreamFormat::custom) == selection);
  }
  CHECK(selection_of(parse("-O --no-tablespaces"), StreamFormat::plain) ==
        Texts{"--no-owner", "--no-tablespaces"});
}

TEST_CASE("Large objects are in a dump that is not filtered, or that asks for them") {
  for (const auto* text :
       {"", "-O", "-N a", "-T a", "--exclude-table-data=a", "-a", "-n a -b", "-t a --large-objects",
        "--section=data", "--section=pre-data --section=data", "--filter f"}) {
    CAPTURE(text);
    CHECK(takes_large_objects(parse(text)));
  }
  for (const auto* text :
       {"-n a", "--schema a", "-t a", "--table-and-children=a", "-e a", "-B", "--no-blobs", "-s -b",
        "--no-large-objects", "-s", "--no-data", "--statistics-only", "--section=pre-data"}) {
    CAPTURE(text);
    CHECK_FALSE(takes_large_objects(parse(text)));
  }
}

/// What `pg_dump --help` says of one option.
struct Described {
  char letter = 0;
  std::string name;
  bool takes_value = false;
};

/// From a line such as `  -n, --schema=PATTERN   dump ...`; no name for any other.
Described describe(std::string_view line) {
  Described described;
  constexpr std::string_view kIndent = "  ";
  if (!line.starts_with(kIndent) || line.size() < 6) return described;
  line.remove_prefix(kIndent.size());
  if (line[0] == '-' && line[2] == ',') {
    described.letter = line[1];
    line.remove_prefix(4);
  }
  if (!line.starts_with("--")) return described;
  line = line.substr(2, line.find(' ') - 2);
  described.takes_value = line.find('=') != std::string_view::npos;
  described.name = line.substr(0, line.find('='));
  return described;
}

std::string help_of(const ClientProgram& pg_dump) {
  Process process({.argv = {pg_dump.path, "--help"}, .environment = {"LC_ALL=C"}}, {});
  std::string text;
  std::array<char, 4096> buffer{};
  while (const size_t got = process.read(buffer)) text.append(buffer.data(), got);
  CHECK(process.wait());
  return text;
}

TEST_CASE("The table covers what every installed pg_dump says that it takes") {
  const Environment environment = process_environment();
  const char* const bindir = std::getenv("PG_BINDIR");
  const std::vector<ClientProgram> found =
      find_clients("pg_dump", bindir == nullptr ? "" : bindir, environment, {});
  REQUIRE_FALSE(found.empty());
  for (const ClientProgram& pg_dump : found) {
    CAPTURE(pg_dump.path, pg_dump.version);
    std::istringstream help(help_of(pg_dump));
    size_t options = 0;
    for (std::string line; std::getline(help, line);) {
      const Described described = describe(line);
      if (described.name.empty()) continue;
      CAPTURE(line);
      ++options;
      const auto known = dump_flags();
      const auto flag = std::find_if(known.begin(), known.end(), [&](const DumpFlag& row) {
        return row.name == described.name;
      });
      REQUIRE(flag != known.end());
      CHECK(flag->takes_value == described.takes_value);
      // -b was --blobs before 16.
      if (flag->letter != described.letter) CHECK(described.name.ends_with("blobs"));
    }
    CHECK(options > 50);
  }
}

}  // namespace
}  // namespace pgbackup
