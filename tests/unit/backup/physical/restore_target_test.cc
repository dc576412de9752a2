#include "backup/physical/restore_target.h"

#include <fmt/format.h>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

TEST_CASE("A mapping names two absolute paths") {
  const auto both = [](std::string_view text) {
    const TablespaceMapping mapping = parse_tablespace_mapping(text);
    return mapping.old_location + " -> " + mapping.new_location;
  };
  CHECK(both("/a=/b") == "/a -> /b");
  CHECK(both("/a b/=/c") == "/a b/ -> /c");
  CHECK(both(R"(/a\=1=/b\=2)") == "/a=1 -> /b=2");
  CHECK(both(R"(/a\b=/c\)") == R"(/a\b -> /c\)");
  for (const char* const bad :
       {"", "=", "/a", "/a=", "=/b", "a=/b", "/a=b", "/a=/b=/c", R"(/a\=/b)", "16384=/b"}) {
    CAPTURE(bad);
    CHECK(fails_with(ErrorKind::usage, "does not say where a tablespace goes",
                     [&] { return parse_tablespace_mapping(bad); }));
  }
}

std::vector<std::string> places(const std::vector<std::string>& locations,
                                const std::vector<TablespaceMapping>& mappings,
                                const fs::path& data = "/pgdata") {
  std::vector<TablespaceFacts> facts;
  for (const std::string& location : locations) {
    facts.push_back({.oid = 16384 + static_cast<uint32_t>(facts.size()), .location = location});
  }
  std::vector<std::string> directories;
  for (const TablespacePlace& place : place_tablespaces(facts, mappings, data)) {
    directories.push_back(fmt::format("{} {}", place.oid, place.directory.string()));
  }
  return directories;
}

TEST_CASE("A tablespace goes where it was, or where a mapping says") {
  using Names = std::vector<std::string>;
  CHECK(places({}, {}).empty());
  CHECK(places({"/t1", "/t2/"}, {}) == Names{"16384 /t1", "16385 /t2"});
  CHECK(places({"/t1", "/t2"}, {{"/t2/", "/new/x/"}}) == Names{"16384 /t1", "16385 /new/x"});
  CHECK(places({"/t1", "/t2"}, {{"/t1", "/t2"}, {"/t2", "/t1"}}) ==
        Names{"16384 /t2", "16385 /t1"});
  CHECK(places({"/pgdata2"}, {}) == Names{"16384 /pgdata2"});
  CHECK(places({"/t1"}, {}, "relative") == Names{"16384 /t1"});
}

TEST_CASE("A tablespace that has no place of its own is refused") {
  CHECK(fails_with(ErrorKind::usage, "no tablespace of the backup was at /x", [] {
    return places({"/t1"}, {{"/x", "/y"}});
  }));
  CHECK(fails_with(ErrorKind::usage, "the backup has them at /t1, /t2", [] {
    return places({"/t1", "/t2"}, {{"/x", "/y"}});
  }));
  CHECK(fails_with(ErrorKind::usage, "no absolute path",
                   [] { return places({"pg_tblspc/16384"}, {}); }));
  CHECK(fails_with(ErrorKind::usage, "no absolute path", [] { return places({""}, {}); }));
  for (const std::string inside :
       {"/pgdata", "/pgdata/", "/pgdata/t", "/pgdata/../pgdata/t", "/", "/x/../pgdata/a/b"}) {
    CAPTURE(inside);
    CHECK(fails_with(ErrorKind::usage, "neither may lie within the other",
                     [&] { return places({inside}, {}); }));
    CHECK(fails_with(ErrorKind::usage, "neither may lie within the other", [&] {
      return places({"/t1"}, {{"/t1", inside}});
    }));
  }
  CHECK(fails_with(ErrorKind::usage, "neither may lie within the other",
                   [] { return places({"/a/b"}, {}, "/a/b/c"); }));
  for (const std::string other : {"/t1", "/t1/", "/t1/sub"}) {
    CHECK(fails_with(ErrorKind::usage, "beside another one", [&] {
      return places({"/t1", "/t2"}, {{"/t2", other}});
    }));
  }
}

bool is_refused(const fs::path& directory, std::string_view part) {
  return fails_with(ErrorKind::conflict, part, [&] {
    refuse_occupied(directory);
    return 0;
  });
}

TEST_CASE("Only an empty directory, or none, is restored into") {
  const TemporaryFolder folder;
  CHECK_NOTHROW(refuse_occupied(folder.path()));
  CHECK_NOTHROW(refuse_occupied(folder.path() / "absent/too"));
  fs::create_directory(folder.path() / "lost+found");
  CHECK_NOTHROW(refuse_occupied(folder.path()));
  folder.write(".hidden", "");
  CHECK(is_refused(folder.path(), "is not empty: it holds .hidden"));
  CHECK(is_refused(folder.path() / ".hidden", "is no directory"));
  fs::create_symlink("nowhere", folder.path() / "link");
  CHECK(is_refused(folder.path() / "link", "/link is a link to what does not exist"));
}

TEST_CASE("A refusal of a tablespace's directory says how to put it elsewhere") {
  const TemporaryFolder folder;
  folder.write("used", "");
  try {
    refuse_occupied(TablespacePlace{.oid = 16401, .directory = folder.path()});
    FAIL("it was not refused");
  } catch (const Error& error) {
    CHECK(error.message().find("is not empty: it holds used") != std::string::npos);
    CHECK(error.hint().find("--tablespace OLD=NEW") != std::string::npos);
  }
}

TEST_CASE("A server's directory and an unfinished restore are told apart") {
  const TemporaryFolder folder;
  folder.write("data/PG_VERSION", "15\n");
  CHECK(is_refused(folder.path() / "data", "it holds PG_VERSION"));
  folder.write("data/postmaster.pid", "1\n");
  CHECK(is_refused(folder.path() / "data", "belongs to a server that runs, or that was killed"));
  folder.write(std::string("data/") + kUnfinishedMarker, "began \x1b[2J here\nmore\n");
  CHECK(is_refused(folder.path() / "data",
                   "holds a restore that has not finished: began ?[2J here\n"));
  fs::create_symlink("/nowhere", folder.path() / "link");
  fs::create_directory(folder.path() / "other");
  fs::create_symlink("/nowhere", folder.path() / "other/postmaster.pid");
  CHECK(is_refused(folder.path() / "other", "belongs to a server"));
}

TEST_CASE("The space that is needed is summed up for each file system") {
  const TemporaryFolder folder;
  const auto sentences = require_space(
      {{folder.path(), uint64_t{1} << 20U}, {folder.path() / "absent/too", uint64_t{1} << 20U}});
  REQUIRE(sentences.size() == 1);
  CHECK(contains(sentences[0], "/absent/too need about 2.0 MiB, "));
  CHECK(contains(require_space({{folder.path(), 0}}).at(0), " needs about 0 B, "));
  const uint64_t half = uint64_t{1} << 62U;
  CHECK(fails_with(ErrorKind::conflict, " need about ", [&] {
    return require_space({{folder.path(), half}, {folder.path() / "x", half}});
  }));
  CHECK(fails_with(ErrorKind::conflict, "make space", [&] {
    return require_space({{folder.path(), UINT64_MAX}});
  }));
}

}  // namespace
}  // namespace pgbackup
