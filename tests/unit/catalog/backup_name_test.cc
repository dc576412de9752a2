#include "common/catalog/backup_name.h"

#include "common/store/destinations.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

const std::string kFirst = "20261120T031500Z-9f3a1c2b";
const std::string kSecond = "20261120T041500Z-00000001";

TEST_CASE("A backup is named by GROUP/ID, an id, or the beginning of one") {
  struct Row {
    std::string text;
    std::string group;
    std::string id;
    bool is_whole;
  };
  for (const Row& row : std::vector<Row>{{"app/" + kFirst, "app", kFirst, true},
                                         {"a/b/" + kFirst, "a/b", kFirst, true},
                                         {"_cluster/" + kFirst, "_cluster", kFirst, true},
                                         {kFirst, "", kFirst, false},
                                         {"2", "", "2", false},
                                         {"20261120T0315", "", "20261120T0315", false},
                                         {"20261120T031500Z-9f", "", "20261120T031500Z-9f", false},
                                         {"app/2026", "app", "2026", false}}) {
    CAPTURE(row.text);
    const auto name = parse_backup_name(row.text);
    REQUIRE(name);
    CHECK(name->group.name() == row.group);
    CHECK(name->id == row.id);
    CHECK(name->is_whole() == row.is_whole);
    CHECK(format_backup_name(*name) == row.text);
  }
  for (const std::string text :
       {"", "app", "latest", "LATEST", "/2026", "app/", "app/latest", "20261120T031500Z-9F",
        "T0315", "20261120T031500Z-9f3a1c2b0", "20261320T031500Z-9f3a1c2b", "2026 ", " 2026",
        "2026-11-20", "20261120t03", "backup-2021-01-06T22:06:31.106555.dump",
        "app/app_20240115T120000Z.dump", "app/20261120T031500Z-9f3a1c2b/"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_backup_name(text));
  }
}

struct NameFixture {
  NameFixture() {
    for (const auto& [group, id] : std::vector<std::pair<std::string, std::string>>{
             {"app", kFirst}, {"app", kSecond}, {"web", kFirst}}) {
      memory.put(group + "/" + id + "/manifest.json", "{}");
    }
    memory.put("web/" + kSecond + "/web.dump.zst", "not complete");
  }
  std::string complete(const std::string& text) {
    return format_backup_name(complete_backup_name(only(store), parse_backup_name(text).value()));
  }

  FakeClock clock;
  MemoryStore memory{clock};
  FaultyStore store{memory};
};

TEST_CASE_METHOD(NameFixture, "The one backup that begins so is meant") {
  CHECK(complete("app/20261120T04") == "app/" + kSecond);
  CHECK(complete("20261120T041500Z-0") == "app/" + kSecond);
  CHECK(complete("web/2") == "web/" + kFirst);
  CHECK(fails_with(
      ErrorKind::usage,
      "'app/2026' is the beginning of several backups: app/" + kFirst + ", app/" + kSecond,
      [&] { complete("app/2026"); }));
  CHECK(
      fails_with(ErrorKind::usage, "app/" + kFirst + ", web/" + kFirst, [&] { complete(kFirst); }));
  CHECK(fails_with(ErrorKind::not_found, "there is no complete backup 'web/20261120T04'",
                   [&] { complete("web/20261120T04"); }));
}

TEST_CASE_METHOD(NameFixture, "A whole name is not looked for") {
  size_t calls = 0;
  store.before = [&](std::string_view /*call*/, std::string_view /*key*/) { ++calls; };
  CHECK(complete("other/" + kFirst) == "other/" + kFirst);
  CHECK(calls == 0);
  CHECK(complete("web/2026") == "web/" + kFirst);
  CHECK(calls > 0);
}

TEST_CASE_METHOD(NameFixture,
                 "What a destination cannot answer is no reason to say that there is none") {
  store.before = [](std::string_view /*call*/, std::string_view /*key*/) {
    throw Error(ErrorKind::transient, "no answer");
  };
  CHECK(fails_with(ErrorKind::transient, "no answer", [&] { complete("app/2026"); }));
}

TEST_CASE("Of many candidates the first ten are named") {
  std::vector<std::string> candidates;
  for (int i = 0; i < 12; ++i) candidates.push_back("app/" + std::to_string(i));
  const std::string message = ambiguous_name("2", candidates).message();
  CHECK(message.ends_with("app/8, app/9, and 2 more"));
}

}  // namespace
}  // namespace pgbackup
