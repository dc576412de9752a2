#include "backup/physical/recovery.h"

#include "common/base/utc_time.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

TEST_CASE("A moment is read with its zone, and written in UTC") {
  const std::vector<std::pair<const char*, const char*>> times = {
      {"2026-11-20T03:15:00Z", "2026-11-20 03:15:00+00"},
      {"2026-11-20 03:15:00Z", "2026-11-20 03:15:00+00"},
      {"2026-11-20 03:15:00+00", "2026-11-20 03:15:00+00"},
      {"2026-11-20 03:15:00.5+01:00", "2026-11-20 02:15:00.5+00"},
      {"2026-11-20 03:15:00.123456-0930", "2026-11-20 12:45:00.123456+00"},
      {"2026-11-20 23:15:00.000001-05", "2026-11-21 04:15:00.000001+00"},
      {"2026-11-20 03:15:00.100000+05:45", "2026-11-19 21:30:00.1+00"},
      {"1969-12-31 23:59:59.5Z", "1969-12-31 23:59:59.5+00"},
  };
  for (const auto& [text, expected] : times) {
    CAPTURE(text);
    const std::optional<CommitTime> time = parse_commit_time(text);
    REQUIRE(time);
    CHECK(format_commit_time(*time) == expected);
  }
}

TEST_CASE("A moment without a zone, and other texts, are refused") {
  for (const char* const text : {"",
                                 "2026-11-20",
                                 "2026-11-20 03:15:00",
                                 "2026-11-20T03:15:00",
                                 "2026-11-20 03:15:00.5",
                                 "2026-11-20 03:15Z",
                                 "2026-11-20 03:15:00 Z",
                                 "2026-11-20 03:15:00z",
                                 "2026-11-20 03:15:00UTC",
                                 "2026-11-20 03:15:00 Europe/Berlin",
                                 "2026-11-20 03:15:00.Z",
                                 "2026-11-20 03:15:00.1234567Z",
                                 "2026-11-20 03:15:00.-5Z",
                                 "2026-11-20 03:15:00+",
                                 "2026-11-20 03:15:00+1",
                                 "2026-11-20 03:15:00+01:",
                                 "2026-11-20 03:15:00+01:0",
                                 "2026-11-20 03:15:00+01:000",
                                 "2026-11-20 03:15:00+16",
                                 "2026-11-20 03:15:00+01:60",
                                 "2026-11-20 03:15:00+-1",
                                 "2026-11-31 03:15:00Z",
                                 "2026-13-01 03:15:00Z",
                                 "2026-11-20x03:15:00Z",
                                 " 2026-11-20 03:15:00Z",
                                 "2026-11-20 03:15:00Z ",
                                 "2026-11-20 24:00:00Z",
                                 "20261120T031500Z",
                                 "now",
                                 "latest"}) {
    CAPTURE(text);
    CHECK(parse_commit_time(text) == std::nullopt);
  }
}

/// The last line for each setting: what a server takes.
std::map<std::string, std::string> effective(const std::string& text) {
  std::map<std::string, std::string> settings;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    REQUIRE(end != std::string::npos);
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty() || line[0] == '#') continue;
    const size_t equals = line.find(" = ");
    REQUIRE(equals != std::string::npos);
    settings[line.substr(0, equals)] = line.substr(equals + 3);
  }
  return settings;
}

RecoveryRequest request_for(RecoveryTarget target) {
  return {.target = std::move(target), .timeline = 3, .backup_timeline = 1};
}

TEST_CASE("Each setting of recovery has a value, so that none of another place counts") {
  const auto settings = effective(recovery_settings(request_for({})));
  CHECK(
      settings ==
      std::map<std::string, std::string>{
          {"archive_cleanup_command", "''"},
          {"primary_conninfo", "''"},
          {"primary_slot_name", "''"},
          {"recovery_target", "''"},
          {"recovery_target_name", "''"},
          {"recovery_target_time", "''"},
          {"recovery_target_xid", "''"},
          {"recovery_target_lsn", "''"},
          {"recovery_min_apply_delay", "'0'"},
          {"recovery_target_inclusive", "'true'"},
          {"recovery_target_timeline", "'3'"},
          {"recovery_target_action", "'promote'"},
          {"restore_command",
           R"('test -e "pg_wal/from_backup/%f" || exit 1; cp "pg_wal/from_backup/%f" "%p" || exit 255')"},
          {"recovery_end_command", "'rm -rf pg_wal/from_backup'"}});
}

TEST_CASE("One target is set at most, behind the empty ones") {
  const std::vector<std::tuple<RecoveryTarget, std::string, std::string>> targets = {
      {{.kind = TargetKind::immediate}, "recovery_target", "'immediate'"},
      {{.kind = TargetKind::time, .time = CommitTime(seconds(1795144500)) + microseconds(5)},
       "recovery_target_time",
       "'2026-11-20 03:15:00.000005+00'"},
      {{.kind = TargetKind::lsn, .lsn = Lsn{0x1'23456789}}, "recovery_target_lsn", "'1/23456789'"},
      {{.kind = TargetKind::xid, .xid = 4'294'967'296}, "recovery_target_xid", "'4294967296'"},
      {{.kind = TargetKind::name, .name = "before"}, "recovery_target_name", "'before'"}};
  for (const auto& [target, name, value] : targets) {
    const std::string text = recovery_settings(request_for(target));
    const auto settings = effective(text);
    for (const std::string other :
         {"recovery_target", "recovery_target_name", "recovery_target_time", "recovery_target_xid",
          "recovery_target_lsn"}) {
      CHECK(settings.at(other) == (other == name ? value : "''"));
    }
    CHECK(text.find(name + " = " + value) > text.rfind("_lsn = ''"));
  }
}

TEST_CASE("Quotes and backslashes of a value stay within it") {
  RecoveryRequest request =
      request_for({.kind = TargetKind::name, .name = "it's\n\\'; restore_command = 'x"});
  request.fetch_command = R"(pg-backup wal-fetch "%f" "%p" '\')";
  const auto settings = effective(recovery_settings(request));
  CHECK(settings.at("recovery_target_name") == R"('it''s\n\\''; restore_command = ''x')");
  CHECK(settings.at("restore_command") == R"('pg-backup wal-fetch "%f" "%p" ''\\''')");
  CHECK(settings.at("recovery_end_command") == "''");
}

TEST_CASE("The timeline of the backup needs no history, and a standby follows all later ones") {
  RecoveryRequest request = request_for({});
  request.backup_timeline = 3;
  CHECK(effective(recovery_settings(request)).at("recovery_target_timeline") == "'current'");
  request.follows_timelines = true;
  CHECK(effective(recovery_settings(request)).at("recovery_target_timeline") == "'latest'");
  request.action = TargetAction::pause;
  CHECK(effective(recovery_settings(request)).at("recovery_target_action") == "'pause'");
  request.action = TargetAction::shutdown;
  CHECK(effective(recovery_settings(request)).at("recovery_target_action") == "'shutdown'");
}

TEST_CASE("The settings begin a line of their own whatever stands before them") {
  CHECK(recovery_settings(request_for({})).starts_with("\n#"));
}

TEST_CASE("A target is described in words") {
  CHECK(describe({.kind = TargetKind::time, .time = CommitTime(seconds(0))}) ==
        "the time 1970-01-01 00:00:00+00");
  CHECK(describe({.kind = TargetKind::lsn, .lsn = Lsn{0x3000028}}) == "the position 0/3000028");
  CHECK(describe({.kind = TargetKind::xid, .xid = 7}) == "the transaction 7");
  CHECK(describe({.kind = TargetKind::name, .name = "a\n"}) == "the restore point 'a?'");
  CHECK(describe({}) == "the end of the WAL");
  CHECK(describe({.kind = TargetKind::immediate}) == "the end of the base backup");
}

}  // namespace
}  // namespace pgbackup
