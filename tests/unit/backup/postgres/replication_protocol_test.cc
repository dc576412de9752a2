#include "backup/postgres/replication_protocol.h"

#include "tests/support/error_of.h"
#include "tests/support/scripted_postgres.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using namespace std::string_literals;
using wire::number;

TEST_CASE("Options of commands are keywords up to version 14 and a list from 15 on") {
  CHECK(create_slot_command("pg_backup", SlotLife::permanent, 140012) ==
        "CREATE_REPLICATION_SLOT \"pg_backup\" PHYSICAL RESERVE_WAL");
  CHECK(create_slot_command("pg_backup", SlotLife::permanent, 150000) ==
        "CREATE_REPLICATION_SLOT \"pg_backup\" PHYSICAL (RESERVE_WAL)");
  CHECK(create_slot_command("now", SlotLife::temporary, 130016) ==
        "CREATE_REPLICATION_SLOT \"now\" TEMPORARY PHYSICAL RESERVE_WAL");
  CHECK(create_slot_command("now", SlotLife::temporary, 190000) ==
        "CREATE_REPLICATION_SLOT \"now\" TEMPORARY PHYSICAL (RESERVE_WAL)");
  const BaseBackupOptions fast{.label = "a's", .checkpoint = CheckpointPace::fast};
  CHECK(base_backup_command(fast, 150000) ==
        "BASE_BACKUP (LABEL 'a''s', PROGRESS, CHECKPOINT 'fast', WAIT false, TABLESPACE_MAP, "
        "MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')");
  CHECK(base_backup_command(fast, 149999) ==
        "BASE_BACKUP LABEL 'a''s' PROGRESS FAST NOWAIT TABLESPACE_MAP MANIFEST 'yes' "
        "MANIFEST_CHECKSUMS 'SHA256'");
  const BaseBackupOptions slow{
      .label = "a\\", .checkpoint = CheckpointPace::spread, .max_rate_kib = 32};
  CHECK(base_backup_command(slow, 170000) ==
        "BASE_BACKUP (LABEL 'a\\', PROGRESS, CHECKPOINT 'spread', WAIT false, MAX_RATE 32, "
        "TABLESPACE_MAP, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')");
  CHECK(base_backup_command(slow, 130000) ==
        "BASE_BACKUP LABEL 'a\\' PROGRESS NOWAIT MAX_RATE 32 TABLESPACE_MAP MANIFEST 'yes' "
        "MANIFEST_CHECKSUMS 'SHA256'");
}

TEST_CASE("The name of a slot never becomes part of a command") {
  CHECK(drop_slot_command("a\" WAIT") == "DROP_REPLICATION_SLOT \"a\"\" WAIT\"");
  CHECK(read_slot_command("a\"b") == "READ_REPLICATION_SLOT \"a\"\"b\"");
  CHECK(start_streaming_command({.slot = "a\"", .timeline = 3, .position = {0x1'0000'0028}}) ==
        "START_REPLICATION SLOT \"a\"\"\" PHYSICAL 1/28 TIMELINE 3");
  CHECK(start_streaming_command({.slot = "", .timeline = 1, .position = {0x400'0000}}) ==
        "START_REPLICATION PHYSICAL 0/4000000 TIMELINE 1");
}

TEST_CASE("WAL comes with its position and the server's, a keepalive with the server's alone") {
  const std::string bytes = "w" + number(0x4000000) + number(0x5000028) + number(1) + "the WAL";
  const auto wal = std::get<WalBytes>(parse_stream_message(bytes));
  CHECK(wal.start == Lsn{0x4000000});
  CHECK(wal.server_end == Lsn{0x5000028});
  CHECK(wal.bytes == "the WAL");
  const auto keepalive = std::get<Keepalive>(
      parse_stream_message("k" + number(0xffff'ffff'ffff'ffff) + number(1) + '\1'));
  CHECK(keepalive.server_end == Lsn{0xffff'ffff'ffff'ffff});
  CHECK(keepalive.reply_wanted);
  CHECK_FALSE(
      std::get<Keepalive>(parse_stream_message("k" + number(1) + number(1) + '\0')).reply_wanted);
}

TEST_CASE("Anything else within a stream of WAL is refused") {
  const std::string keepalive = "k" + number(1) + number(1);
  for (const std::string& message :
       {""s, "w"s, "w" + number(1) + number(1), "w" + number(1) + number(1) + number(1).substr(1),
        keepalive, keepalive + "\0\0"s, "k"s, "s" + number(1) + number(1), "x"s, "\0"s,
        "w" + std::string(kMostMessageBytes, 'x')}) {
    CAPTURE(message.substr(0, 40));
    CHECK(fails_with(ErrorKind::corrupt, "not of the replication protocol",
                     [&] { return parse_stream_message(message); }));
  }
}

TEST_CASE("A status counts time from the year 2000") {
  const UtcTime now = *parse_iso("2000-01-01T00:00:02Z");
  CHECK(format_status(
            {.written = {1}, .flushed = {2}, .applied = {}, .reply_wanted = true, .now = now}) ==
        "r" + number(1) + number(2) + number(0) + number(2'000'000) + '\1');
  CHECK(format_status(
            {.written = {}, .flushed = {}, .applied = {3}, .reply_wanted = false, .now = now})
            .substr(17) == number(3) + number(2'000'000) + '\0');
}

TEST_CASE(
    "A base backup's messages begin an archive or the manifest, hold data, or tell progress") {
  using Kind = BackupMessage::Kind;
  const std::string first = "n16384.tar\0/srv/fast disk\0"s;
  const BackupMessage archive = parse_backup_message(first);
  CHECK(archive.kind == Kind::archive);
  CHECK(archive.archive == "16384.tar");
  CHECK(archive.location == "/srv/fast disk");
  CHECK(parse_backup_message("nbase.tar\0\0"s).location.empty());
  CHECK(parse_backup_message("dn\0m"s).data == "n\0m"s);
  CHECK(parse_backup_message("d").kind == Kind::data);
  CHECK(parse_backup_message("m").kind == Kind::manifest);
  CHECK(parse_backup_message("p" + number(7)).kind == Kind::progress);
  for (const std::string& message :
       {""s, "n"s, "nbase.tar"s, "nbase.tar\0"s, "nbase.tar\0/x"s, "nbase.tar\0/x\0y"s, "m1"s, "p"s,
        "p1234567"s, "p123456789"s, "x"s, "D"s, "d" + std::string(kMostMessageBytes, 'x')}) {
    CAPTURE(message.substr(0, 40));
    CHECK(fails_with(ErrorKind::corrupt, "not of the replication protocol",
                     [&] { return parse_backup_message(message); }));
  }
}

TEST_CASE("Settings are read in the server's units") {
  const auto bytes = [](std::string_view text) { return parse_setting_bytes(text).value_or(99); };
  CHECK(bytes("16MB") == 16U << 20U);
  CHECK(bytes("1GB") == 1U << 30U);
  CHECK(bytes("2TB") == uint64_t{2} << 40U);
  CHECK(bytes("64kB") == 65536);
  CHECK(bytes("512B") == 512);
  CHECK(bytes("0") == 0);
  for (const auto* text : {"", "-1", "16", "16M", "16mb", "16 MB", " 16MB", "MB", "16MiB", "1.5GB",
                           "16777216TB", "99999999999999999999B", "16MB "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_setting_bytes(text));
  }
  const auto seconds = [](std::string_view text) {
    return parse_setting_time(text).value_or(std::chrono::seconds(99)).count();
  };
  CHECK(seconds("5min") == 300);
  CHECK(seconds("90s") == 90);
  CHECK(seconds("1h") == 3600);
  CHECK(seconds("1d") == 86400);
  CHECK(seconds("0") == 0);
  for (const auto* text : {"", "-1", "5", "5m", "100ms", "5 min", "min", "1.5h", "99999999d"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_setting_time(text));
  }
}

}  // namespace
}  // namespace pgbackup
