#include "backup/postgres/base_backup.h"

#include "tests/support/error_of.h"
#include "tests/support/scripted_postgres.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using namespace std::string_literals;
using wire::complete;
using wire::copy_data;
using wire::copy_done;
using wire::copy_out;
using wire::error;
using wire::number;
using wire::ready;
using wire::rows;

/// Keeps all of it as text.
struct Recorder final : BaseBackupReceiver {
  void begin(const BackupStart& begun) override { start = begun; }
  void begin_stream(const std::string& name) override { text += "[" + name + "]"; }
  void data(std::string_view bytes) override { text += bytes; }
  void end_stream() override { text += "|"; }

  BackupStart start;
  std::string text;
};

std::string timeout() { return rows({{"5min"}}) + ready(); }

std::string begin() {
  return rows({{"0/4000028", "1"}}) +
         rows({{"16384", "/srv/t", "20"}, {std::nullopt, std::nullopt, "300"}});
}

std::string end() { return rows({{"0/5000100", "2"}}) + complete() + ready(); }

std::string archive(const std::string& name) { return copy_data("n" + name + "\0/x\0"s); }

/// Takes a backup from a server that answers so.
BackupEnd take(const char* version, const std::string& reply, Recorder& recorder) {
  ScriptedPostgres server(version, {timeout(), reply});
  ReplicationConnection connection(server.config(), {});
  return take_base_backup(connection, {.label = "x"}, recorder);
}

std::string streams(const std::string& ending) {
  return begin() + copy_out() + archive("16384.tar") + copy_data("done") + copy_data("dtwo") +
         copy_data("p" + number(7)) + archive("base.tar") + copy_data("dbase") + copy_data("m") +
         copy_data("dmanifest") + ending;
}

TEST_CASE("From version 15 on a base backup is one stream with all archives and the manifest") {
  Recorder recorder;
  const BackupEnd finished = take("15.18", streams(copy_done() + end()), recorder);
  CHECK(finished.position == Lsn{0x5000100});
  CHECK(finished.timeline == 2);
  CHECK(recorder.start.position == Lsn{0x4000028});
  CHECK(recorder.start.timeline == 1);
  REQUIRE(recorder.start.archives.size() == 2);
  CHECK(recorder.start.archives[0].name == "16384");
  CHECK(recorder.start.archives[0].location == "/srv/t");
  CHECK(recorder.start.archives[0].kilobytes == 20);
  CHECK(recorder.start.archives[1].name == "base");
  CHECK(recorder.text == "[16384]onetwo|[base]base|[backup_manifest]manifest|");
}

TEST_CASE("Up to version 14 each archive is a stream of its own, and gets the end of a tar") {
  Recorder recorder;
  const std::string reply = begin() + copy_out() + copy_data("one") + copy_data("two") +
                            copy_done() + copy_out() + copy_data("base") + copy_done() +
                            copy_out() + copy_data("manifest") + copy_done() + end();
  CHECK(take("14.12", reply, recorder).position == Lsn{0x5000100});
  const std::string zeros(1024, '\0');
  CHECK(recorder.text ==
        "[16384]onetwo" + zeros + "|[base]base" + zeros + "|[backup_manifest]manifest|");
}

TEST_CASE("A base backup whose error comes at its very end has failed") {
  const std::string words = "the standby was promoted during online backup";
  const std::string failure = error("55000", words) + ready();
  const auto fails = [&](const char* version, const std::string& reply) {
    Recorder recorder;
    return fails_with(ErrorKind::failed, words, [&] { return take(version, reply, recorder); });
  };
  CHECK(fails("15.18", streams(failure)));
  CHECK(fails("15.18", streams(copy_done() + failure)));
  CHECK(fails("15.18", streams(copy_done() + rows({{"0/5000100", "2"}}) + failure)));
  CHECK(fails("15.18", failure));
  CHECK(fails("15.18", begin() + failure));
  CHECK(fails("14.12", begin() + copy_out() + copy_data("one") + failure));
  CHECK(fails("14.12", begin() + copy_out() + copy_done() + copy_out() + copy_done() + failure));
}

TEST_CASE("An archive is not ended before the server has said that it is whole") {
  Recorder recorder;
  CHECK_THROWS_AS(
      take("14.12", begin() + copy_out() + copy_data("one") + error("XX000", "x") + ready(),
           recorder),
      Error);
  CHECK(recorder.text == "[16384]one");
}

TEST_CASE("A base backup without the archives that it announced, or the manifest, is refused") {
  const std::string start = begin() + copy_out();
  const std::string rest = copy_done() + end();
  for (const std::string& reply :
       {start + rest, start + archive("16384.tar") + rest,
        start + archive("16384.tar") + archive("base.tar") + rest,
        start + archive("16384.tar") + copy_data("m") + rest, start + archive("base.tar") + rest,
        start + archive("16384.tar") + archive("16384.tar") + rest, start + archive("16384") + rest,
        start + archive("16384.tar.zst") + rest, start + archive("../x.tar") + rest,
        start + copy_data("m") + rest, start + copy_data("dx") + rest,
        streams(copy_data("m") + rest), streams(archive("1.tar") + rest),
        begin() + rows({{"x"}}) + complete() + ready(), rows({{"0/4000028"}}) + begin() + ready(),
        rows({{"0/4000028", "1"}}) + rows({{"16384", "/srv/t", "many"}}) + ready()}) {
    Recorder recorder;
    CAPTURE(recorder.text);
    CHECK(fails_with(ErrorKind::corrupt, "not of the replication protocol",
                     [&] { return take("15.18", reply, recorder); }));
  }
}

TEST_CASE("A server that goes silent within a base backup is waited for no longer than the limit") {
  ScriptedPostgres server("15.18", {timeout(), begin() + copy_out() + archive("16384.tar")});
  const ReplicationLimits limits{.backup_data = std::chrono::milliseconds(30)};
  ReplicationConnection connection(server.config(), {}, limits);
  Recorder recorder;
  CHECK(fails_with(ErrorKind::transient, "a part of the base backup took too long",
                   [&] { return take_base_backup(connection, {}, recorder); }));
}

TEST_CASE("A stop request ends the wait for the server's checkpoint") {
  ScriptedPostgres server("15.18", {timeout()});
  std::stop_source stop;
  ReplicationConnection connection(server.config(), stop.get_token());
  Recorder recorder;
  const std::jthread stopper([&] { stop.request_stop(); });
  CHECK(fails_with(ErrorKind::canceled, "",
                   [&] { return take_base_backup(connection, {}, recorder); }));
}

}  // namespace
}  // namespace pgbackup
