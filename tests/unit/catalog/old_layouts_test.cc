#include "common/catalog/old_layouts.h"

#include <set>
#include <string>
#include <vector>

#include "common/catalog/key_grammar.h"
#include "tests/support/error_of.h"
#include "tests/support/manifests.h"
#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

struct Good {
  std::string key;
  std::string database;
  std::string time;
};

/// All of one layout, none a checksum, and none ours.
void check_good(Layout layout, const std::vector<Good>& table) {
  for (const Good& row : table) {
    CAPTURE(row.key);
    const auto found = parse_old_key(row.key);
    REQUIRE(found);
    CHECK(found->layout == layout);
    CHECK(found->database == row.database);
    CHECK(format_iso(found->time) == row.time);
    CHECK(found->data_key == row.key);
    CHECK_FALSE(found->is_checksum);
    CHECK_FALSE(parse_key(row.key));
  }
}

void check_bad(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    CAPTURE(key);
    CHECK_FALSE(parse_old_key(key));
  }
}

TEST_CASE("A time alone is a backup of no database's name") {
  const ZoneGuard zone("UTC");
  check_good(Layout::backup_time,
             {{"backup-2021-01-06T22:06:31.106555.dump", "", "2021-01-06T22:06:31Z"},
              {"backup-2021-01-06T22:06:31.dump", "", "2021-01-06T22:06:31Z"},
              {"backup-2021-01-06T22:06:31.1.dump", "", "2021-01-06T22:06:31Z"},
              {"backup-2021-01-06T22:06:31.999999.dump", "", "2021-01-06T22:06:31Z"},
              {"backup-2024-02-29T00:00:00.000001.dump", "", "2024-02-29T00:00:00Z"},
              {"backup-2016-12-31T23:59:60.dump", "", "2017-01-01T00:00:00Z"}});
  check_bad({"backup-.dump",
             "backup-latest.dump",
             "backup-2021-01-06.dump",
             "backup-2021-01-06T22:06.dump",
             "backup-2021-01-06T22:06:31",
             "backup-2021-01-06T22:06:31.106555",
             "backup-2021-01-06T22:06:31..dump",
             "backup-2021-01-06T22:06:31.1065550.dump",
             "backup-2021-01-06T22:06:31,106555.dump",
             "backup-2021-01-06T22:06:31.10655x.dump",
             "backup-2021-01-06T22:06:31.106 55.dump",
             "backup-2021-01-06T22:06:31Z.dump",
             "backup-2021-01-06T22:06:31.106555Z.dump",
             "backup-2021-01-06T22:06:31+01:00.dump",
             "backup-2021-01-06 22:06:31.106555.dump",
             "backup-2021-01-06t22:06:31.106555.dump",
             "backup-2021-01-06:22:06:31.106555.dump",
             "backup-2021-01-06T22-06-31.106555.dump",
             "backup-2021/01/06T22:06:31.dump",
             "backup-20210106T220631Z.dump",
             "backup-2021-13-06T22:06:31.106555.dump",
             "backup-2021-00-06T22:06:31.106555.dump",
             "backup-2021-02-30T22:06:31.106555.dump",
             "backup-2021-02-29T22:06:31.106555.dump",
             "backup-2021-01-06T24:00:00.dump",
             "backup-2021-01-06T22:60:31.dump",
             "backup-2021-01-06T22:06:61.dump",
             "backup-21-01-06T22:06:31.dump",
             "backup--2021-01-06T22:06:31.dump",
             "backup_2021-01-06T22:06:31.dump",
             "Backup-2021-01-06T22:06:31.dump",
             "app-backup-2021-01-06T22:06:31.dump",
             "/backup-2021-01-06T22:06:31.dump",
             "app/backup-2021-01-06T22:06:31.dump",
             "backup-2021-01-06T22:06:31.Dump",
             "backup-2021-01-06T22:06:31.DUMP",
             "backup-2021-01-06T22:06:31.sql.gz",
             "backup-2021-01-06T22:06:31.dump.gz",
             "backup-2021-01-06T22:06:31.dump.sha256",
             "backup-2021-01-06T22:06:31.dump/",
             "backup-2021-01-06T22:06:31.dump ",
             "backup-2021-01-06T22:06:31.dump\n"});
}

TEST_CASE("A database with a time and a hash, in either order") {
  const ZoneGuard zone("UTC");
  const std::string longest(64, 'f');
  const std::string stamp = "2021-11-01T20:51:55";
  const std::string time = stamp + "Z";
  check_good(
      Layout::db_time_hash,
      {{"app-" + stamp + "-1a2b3c.pg-dump", "app", time},
       {"my-app-" + stamp + "-1a2b3c.pg-dump", "my-app", time},
       {"app-1a2b3c-" + stamp + ".pg-dump", "app", time},
       {"app-2-1a2b-" + stamp + ".pg-dump", "app-2", time},
       {"app-1a2b3c-2021-11-01:20:51:55.pg-dump", "app", time},
       {"app-" + stamp + "-ABCDEF0.pg-dump", "app", time},
       {"app-aBcD-" + stamp + ".pg-dump", "app", time},
       {"app-" + stamp + "-" + longest + ".pg-dump", "app", time},
       {"app-" + longest + "-" + stamp + ".pg-dump", "app", time},
       {"app-2016-12-31T23:59:60-1a2b.pg-dump", "app", "2017-01-01T00:00:00Z"},
       {"--" + stamp + "-1a2b.pg-dump", "-", time},
       {"--1a2b-" + stamp + ".pg-dump", "-", time},
       {"a b.c_d-" + stamp + "-1a2b.pg-dump", "a b.c_d", time},
       {"Größe \"1\"-1a2b-" + stamp + ".pg-dump", "Größe \"1\"", time},
       {"\xff\xe4-" + stamp + "-1a2b.pg-dump", "\xff\xe4", time},
       {".-" + stamp + "-1a2b.pg-dump", ".", time},
       {"backup-" + stamp + "-1a2b.pg-dump", "backup", time},
       // Names that look like the other form: what stands last counts.
       {"app-1a2b-" + stamp + "-3c4d.pg-dump", "app-1a2b", time},
       {"app-1a2b-2020-01-01T00:00:00-3c4d-" + stamp + ".pg-dump", "app-1a2b-2020-01-01T00:00:00",
        time},
       {"app-2020-01-01T00:00:00-1a2b-" + stamp + ".pg-dump", "app-2020-01-01T00:00:00", time},
       {"app-2020-01-01T00:00:00-1a2b-" + stamp + "-3c4d.pg-dump", "app-2020-01-01T00:00:00-1a2b",
        time},
       {"app-2020-01-01T00:00:00-" + stamp + "-3c4d.pg-dump", "app-2020-01-01T00:00:00", time},
       {"1a2b-1a2b-" + stamp + ".pg-dump", "1a2b", time}});
}

TEST_CASE("What lacks the time, the hash or the database of a dump is somebody else's") {
  const ZoneGuard zone("UTC");
  const std::string stamp = "2021-11-01T20:51:55";
  check_bad({".pg-dump",
             "app.pg-dump",
             "app-.pg-dump",
             "app-1a2b.pg-dump",
             "app-" + stamp + ".pg-dump",
             "app-" + stamp + "-.pg-dump",
             "app--" + stamp + ".pg-dump",
             stamp + "-1a2b.pg-dump",
             "-" + stamp + "-1a2b.pg-dump",
             "1a2b-" + stamp + ".pg-dump",
             "-1a2b-" + stamp + ".pg-dump",
             "app" + stamp + "-1a2b.pg-dump",
             "app_" + stamp + "-1a2b.pg-dump",
             "app-" + stamp + "_1a2b.pg-dump",
             "app-" + stamp + "1a2b.pg-dump",
             "app-1a2b" + stamp + ".pg-dump",
             "app-1a2b_" + stamp + ".pg-dump",
             "app-" + stamp + "-1a2.pg-dump",
             "app-1a2-" + stamp + ".pg-dump",
             "app-" + stamp + "-1a2g.pg-dump",
             "app-1a2g-" + stamp + ".pg-dump",
             "app-" + stamp + "-" + std::string(65, 'f') + ".pg-dump",
             "app-" + std::string(65, 'f') + "-" + stamp + ".pg-dump",
             "app-" + stamp + "- 1a2b.pg-dump",
             "app-" + stamp + "-1a2b-.pg-dump",
             "app-" + stamp + "-1a2b-xyz.pg-dump",
             "app-1a2b-" + stamp + "-xyz.pg-dump"});
}

TEST_CASE("A dump's time is one that exists, its suffix is whole, and it lies in no folder") {
  const ZoneGuard zone("UTC");
  const std::string good = "app-2021-11-01T20:51:55-1a2b";
  check_bad({"app-2021-11-01:20:51:55-1a2b.pg-dump",  // of the second form only
             "app-2021-11-01 20:51:55-1a2b.pg-dump",
             "app-1a2b-2021-11-01 20:51:55.pg-dump",
             "app-1a2b-2021-11-01t20:51:55.pg-dump",
             "app-1a2b-2021-11-01-20:51:55.pg-dump",
             "app-1a2b-2021-11-01T20:51:55Z.pg-dump",
             "app-1a2b-2021-11-01T20:51:55.123456.pg-dump",
             "app-2021-11-01T20:51:55.123456-1a2b.pg-dump",
             "app-1a2b-2021-11-01T20-51-55.pg-dump",
             "app-1a2b-2021:11:01:20:51:55.pg-dump",
             "app-2021-13-01T20:51:55-1a2b.pg-dump",
             "app-1a2b-2021-13-01T20:51:55.pg-dump",
             "app-2021-02-30T20:51:55-1a2b.pg-dump",
             "app-1a2b-2021-02-30:20:51:55.pg-dump",
             "app-2021-11-01T24:00:00-1a2b.pg-dump",
             "app-1a2b-2021-11-01T24:00:00.pg-dump",
             "app-1a2b-2021-11-00T20:51:55.pg-dump",
             "app-1a2b-2021-11-01T20:60:55.pg-dump",
             "app-1a2b-21-11-01T20:51:55.pg-dump",
             good,
             good + ".dump",
             good + ".pg_dump",
             good + ".PG-DUMP",
             good + ".pg-Dump",
             good + "pg-dump",
             good + ".pg-dump.gz",
             good + ".pg-dump.sha256",
             good + ".pg-dump ",
             good + ".pg-dump/",
             "/" + good + ".pg-dump",
             "a/" + good + ".pg-dump",
             "app/" + good + ".pg-dump",
             "a/b/c/" + good + ".pg-dump",
             "a\n" + good + ".pg-dump",
             "a\x7f" + good + ".pg-dump",
             "../" + good + ".pg-dump",
             "..-2021-11-01T20:51:55-1a2b.pg-dump",
             "a..b-2021-11-01T20:51:55-1a2b.pg-dump",
             std::string("a\0", 2) + good + ".pg-dump"});
}

TEST_CASE("A folder of a database's name holds its dumps") {
  const ZoneGuard zone("Asia/Kathmandu");  // which does not matter: the stamp is UTC
  const std::string time = "2024-01-15T12:00:00Z";
  check_good(Layout::db_folder, {{"app/app_20240115T120000Z.dump", "app", time},
                                 {"app/app_20240115T120000Z.sql.gz", "app", time},
                                 {"a_b/a_b_20240115T120000Z.dump", "a_b", time},
                                 {"app_20240115T120000Z/app_20240115T120000Z_20240115T120000Z.dump",
                                  "app_20240115T120000Z", time},
                                 {"_/__20240115T120000Z.dump", "_", time},
                                 {"my app/my app_20240115T120000Z.dump", "my app", time},
                                 {"App-2.x/App-2.x_20240115T120000Z.sql.gz", "App-2.x", time},
                                 {".hidden/.hidden_20240115T120000Z.sql.gz", ".hidden", time},
                                 {"Größe/Größe_20240115T120000Z.dump", "Größe", time},
                                 {"\xff/\xff_20240115T120000Z.dump", "\xff", time},
                                 {"app/app_20240229T235959Z.dump", "app", "2024-02-29T23:59:59Z"},
                                 {"app/app_20161231T235960Z.dump", "app", "2017-01-01T00:00:00Z"},
                                 {"app.dump/app.dump_20240115T120000Z.dump", "app.dump", time}});
}

TEST_CASE("A checksum beside a dump names the dump's key") {
  for (const std::string& data_key :
       {std::string("app/app_20240115T120000Z.dump"),
        std::string("app/app_20240115T120000Z.sql.gz"),
        std::string("my app.sha256/my app.sha256_20240115T120000Z.dump")}) {
    CAPTURE(data_key);
    const auto data = parse_old_key(data_key);
    const auto checksum = parse_old_key(data_key + ".sha256");
    REQUIRE(data);
    REQUIRE(checksum);
    CHECK(checksum->layout == Layout::db_folder);
    CHECK(checksum->is_checksum);
    CHECK(checksum->data_key == data_key);
    CHECK(checksum->database == data->database);
    CHECK(checksum->time == data->time);
    CHECK_FALSE(data->is_checksum);
    CHECK_FALSE(parse_key(data_key + ".sha256"));
  }
  check_bad({"app/app_20240115T120000Z.sha256", "app/app_20240115T120000Z.dump.sha256.sha256",
             "app/app_20240115T120000Z.dump.SHA256", "app/app_20240115T120000Z.dumpsha256",
             "app/app_20240115T120000Z.dump.sha512", "app/app_20240115T120000Z.dump.sha256 ",
             "app/app_20240115T120000Z.sha256.dump", "app/.sha256", ".sha256",
             "2024/01/15/app_120000.sql.gz.sha256"});
}

TEST_CASE("A folder and a name that differ, or no time, make no dump") {
  const std::string good = "app_20240115T120000Z";
  check_bad({"app/",
             "app/.dump",
             "app/_.dump",
             "app/app.dump",
             "app/app_.dump",
             "/_20240115T120000Z.dump",
             "app/_20240115T120000Z.dump",
             "/" + good + ".dump",
             good + ".dump",
             "App/" + good + ".dump",
             "app2/" + good + ".dump",
             "ap/" + good + ".dump",
             " app/" + good + ".dump",
             "x/" + good + ".dump",
             "a\xcc\x88/\xc3\xa4_20240115T120000Z.dump",  // both are an a with two dots
             "app//" + good + ".dump",
             "/app/" + good + ".dump",
             "x/app/" + good + ".dump",
             "a/b/a/b_20240115T120000Z.dump",
             "app/app-20240115T120000Z.dump",
             "app/app20240115T120000Z.dump",
             "app/app_20240115T120000.dump",
             "app/app_20240115T120000z.dump",
             "app/app_20240115t120000Z.dump",
             "app/app_20240115 120000Z.dump",
             "app/app_20240115_120000Z.dump",
             "app/app_2024-01-15T12:00:00Z.dump",
             "app/app_20240115T1200Z.dump",
             "app/app_20240115T120000+0100.dump",
             "app/app_20241315T120000Z.dump",
             "app/app_20240230T120000Z.dump",
             "app/app_20230229T120000Z.dump",
             "app/app_20240115T240000Z.dump",
             "app/app_20240115T126000Z.dump",
             "app/" + good,
             "app/" + good + "dump",
             "app/" + good + ".DUMP",
             "app/" + good + ".Sql.gz",
             "app/" + good + ".sql.GZ",
             "app/" + good + ".sql",
             "app/" + good + ".gz",
             "app/" + good + ".dump.gz",
             "app/" + good + ".dump.zst",
             "app/" + good + ".dump\t",
             "a\tb/a\tb_20240115T120000Z.dump",
             "./._20240115T120000Z.dump",
             "../.._20240115T120000Z.dump",
             "a..b/a..b_20240115T120000Z.dump"});
}

TEST_CASE("A folder for every day holds dumps of all databases") {
  const ZoneGuard zone("UTC");
  const std::string time = "2024-01-15T12:00:00Z";
  check_good(Layout::date_folders,
             {{"2024/01/15/app_120000.sql.gz", "app", time},
              {"2024/01/15/a_b_120000.sql.gz", "a_b", time},
              {"2024/01/15/app_120000_120000.sql.gz", "app_120000", time},
              {"2024/01/15/__120000.sql.gz", "_", time},
              {"2024/01/15/my app-2.x_120000.sql.gz", "my app-2.x", time},
              {"2024/01/15/Größe_120000.sql.gz", "Größe", time},
              {"2024/01/15/app.sql.gz_120000.sql.gz", "app.sql.gz", time},
              {"2024/02/29/app_235959.sql.gz", "app", "2024-02-29T23:59:59Z"},
              {"2016/12/31/app_235960.sql.gz", "app", "2017-01-01T00:00:00Z"}});
  check_bad({"2024/01/15/",
             "2024/01/15/.sql.gz",
             "2024/01/15/app.sql.gz",
             "2024/01/15/app_.sql.gz",
             "2024/01/15/_120000.sql.gz",
             "2024/01/15/120000.sql.gz",
             "2024/01/15/app120000.sql.gz",
             "2024/01/15/app-120000.sql.gz",
             "2024/01/15/app_12000.sql.gz",
             "2024/01/15/app_1200000.sql.gz",
             "2024/01/15/app_12:00:00.sql.gz",
             "2024/01/15/app_12000x.sql.gz",
             "2024/01/15/app_120000Z.sql.gz",
             "2024/01/15/app_240000.sql.gz",
             "2024/01/15/app_126000.sql.gz",
             "2024/13/15/app_120000.sql.gz",
             "2024/00/15/app_120000.sql.gz",
             "2024/02/30/app_120000.sql.gz",
             "2023/02/29/app_120000.sql.gz",
             "2024/01/00/app_120000.sql.gz",
             "2024/1/15/app_120000.sql.gz",
             "2024/01/5/app_120000.sql.gz",
             "24/01/15/app_120000.sql.gz",
             "2024/1/015/app_120000.sql.gz",
             "202/401/15/app_120000.sql.gz",
             "2024/0115//app_120000.sql.gz",
             "2024//0115/app_120000.sql.gz",
             "/20240115//app_120000.sql.gz",
             "2024-01-15/app_120000.sql.gz",
             "2024/01-15/app_120000.sql.gz",
             "2024/01/15//app_120000.sql.gz",
             "/2024/01/15/app_120000.sql.gz",
             "x/2024/01/15/app_120000.sql.gz",
             "2024/01/15/a/b_120000.sql.gz",
             "2024/01/15_app_120000.sql.gz",
             "+024/01/15/app_120000.sql.gz",
             "2024/ 1/15/app_120000.sql.gz",
             "2024/01/15/app_120000",
             "2024/01/15/app_120000.sql",
             "2024/01/15/app_120000.dump",
             "2024/01/15/app_120000.SQL.GZ",
             "2024/01/15/app_120000.sql.gz.1",
             "2024/01/15/app_120000.sql.gz\r",
             "2024/01/15/a\nb_120000.sql.gz",
             "2024/01/15/.._120000.sql.gz",
             "2024/01/15/../x_120000.sql.gz"});
}

TEST_CASE("A time without a zone is the zone's; of two the first, and a skipped one is made up") {
  struct Row {
    const char* zone;
    const char* date;
    const char* clock;
    const char* time;
  };
  for (const auto& [zone, date, clock, time] : {
           Row{"UTC", "2026-03-29", "02:30:00", "2026-03-29T02:30:00Z"},
           Row{"Asia/Kathmandu", "2026-03-29", "02:30:00", "2026-03-28T20:45:00Z"},
           Row{"America/New_York", "2026-12-31", "20:00:01", "2027-01-01T01:00:01Z"},
           Row{"Europe/Berlin", "2026-01-15", "12:00:00", "2026-01-15T11:00:00Z"},
           Row{"Europe/Berlin", "2026-07-15", "12:00:00", "2026-07-15T10:00:00Z"},
           Row{"Europe/Berlin", "2026-03-29", "01:59:59", "2026-03-29T00:59:59Z"},
           Row{"Europe/Berlin", "2026-03-29", "02:30:00", "2026-03-29T01:00:00Z"},
           Row{"Europe/Berlin", "2026-03-29", "03:00:00", "2026-03-29T01:00:00Z"},
           Row{"Europe/Berlin", "2026-10-25", "02:30:00", "2026-10-25T00:30:00Z"},
           Row{"Europe/Berlin", "2026-10-25", "03:00:00", "2026-10-25T02:00:00Z"},
       }) {
    CAPTURE(zone, date, clock);
    const ZoneGuard guard(zone);
    const std::string stamp = std::string(date) + "T" + clock;
    std::string folders = date;
    folders[4] = folders[7] = '/';
    std::string digits = clock;
    digits.erase(5, 1).erase(2, 1);
    for (const std::string& key :
         {"backup-" + stamp + ".999999.dump", "app-" + stamp + "-1a2b.pg-dump",
          "app-1a2b-" + stamp + ".pg-dump",
          "app-1a2b-" + std::string(date) + ":" + clock + ".pg-dump",
          folders + "/app_" + digits + ".sql.gz"}) {
      CAPTURE(key);
      const auto found = parse_old_key(key);
      REQUIRE(found);
      CHECK(format_iso(found->time) == time);
    }
    const auto in_utc = parse_old_key("app/app_20260329T023000Z.dump");
    REQUIRE(in_utc);
    CHECK(format_iso(in_utc->time) == "2026-03-29T02:30:00Z");
  }
}

TEST_CASE("A key of ours, or of nobody known, is no older system's") {
  const std::string id = "20261120T031500Z-9f3a1c2b";
  std::vector<std::string> ours;
  for (const char* const group : {"app", "2024", "_globals", "backup-2021-01-06T22:06:31.106555",
                                  "app-2021-11-01T20:51:55-1a2b.pg-dump", ".."}) {
    for (const std::string& file :
         {std::string("manifest.json"), std::string("SHA256SUMS"), data_name(parse_group(group)),
          data_name(parse_group(group)) + ".0001"}) {
      ours.push_back(backup_folder(parse_group(group), id) + "/" + file);
      REQUIRE(parse_key(ours.back()));
    }
  }
  check_bad(ours);
  check_bad({"",
             ".",
             "..",
             "/",
             "//",
             "///",
             "-",
             "_",
             ".dump",
             ".sql.gz",
             "manifest.json",
             "_globals/" + id + "/globals.sql.zst",
             "_cluster/" + id + "/base.tar.zst",
             "app/20240115T120000Z.dump",
             "app/app-20261120-031500.sql.gz",
             "app/" + id,
             "app/" + id + ".dump",
             "latest.dump",
             "README.md",
             std::string(1, '\0')});
}

TEST_CASE("Layouts have names, and a list of them is read") {
  CHECK(layout_name(Layout::ours) == "ours");
  const std::set<Layout> all = kOldLayouts;
  CHECK(all.size() == 4);
  for (const Layout layout : kOldLayouts) {
    CHECK(parse_layouts(layout_name(layout)) == std::set{layout});
  }
  struct {
    const char* text;
    std::set<Layout> wanted;
  } const table[] = {
      {"", {}},
      {" \t", {}},
      {"backup-time", {Layout::backup_time}},
      {"db-time-hash", {Layout::db_time_hash}},
      {"db-folder", {Layout::db_folder}},
      {"date-folders", {Layout::date_folders}},
      {" db-folder ,\tbackup-time", {Layout::backup_time, Layout::db_folder}},
      {"db-folder,db-folder", {Layout::db_folder}},
      {"all", all},
      {"\tall ", all},
      {"db-folder,all", all},
      {"date-folders,db-folder,db-time-hash,backup-time", all},
  };
  for (const auto& [text, wanted] : table) {
    CAPTURE(text);
    CHECK(parse_layouts(text) == wanted);
  }
}

TEST_CASE("A layout that is not known is named, with those that are") {
  struct {
    std::string text;
    const char* named;
  } const table[] = {
      {"ours", "'ours'"},
      {"none,all", "'none'"},
      {"*", "'*'"},
      {"All", "'All'"},
      {"ALL", "'ALL'"},
      {"Backup-Time", "'Backup-Time'"},
      {"backup_time", "'backup_time'"},
      {"backup-times", "'backup-times'"},
      {"backup", "'backup'"},
      {"backup-time db-folder", "'backup-time db-folder'"},
      {"backup-time;db-folder", "'backup-time;db-folder'"},
      {"backup-time,dbfolder", "'dbfolder'"},
      {"all,-db-folder", "'-db-folder'"},
      {"\"all\"", "'\"all\"'"},
      {",", "''"},
      {"all,", "''"},
      {",all", "''"},
      {"db-folder, ,all", "''"},
      {"all\n", "'all?'"},
      {std::string(1000, 'x'), "xxx...'"},
  };
  for (const auto& [text, named] : table) {
    CAPTURE(text);
    const auto call = [&list = text] { return parse_layouts(list); };
    CHECK(fails_with(ErrorKind::usage, named, call));
    CHECK(fails_with(ErrorKind::usage, "backup-time, db-time-hash, db-folder, date-folders, or all",
                     call));
  }
}

}  // namespace
}  // namespace pgbackup
