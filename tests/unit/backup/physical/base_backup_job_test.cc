#include "backup/physical/base_backup_job.h"

#include <atomic>
#include <deque>

#include "backup/physical/base_check.h"
#include "backup/physical/wal_archive.h"
#include "tests/support/checkpoint.h"
#include "tests/support/error_of.h"
#include "tests/support/faulty_store.h"
#include "tests/support/hasty_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/scripted_postgres.h"
#include "tests/support/tar_builder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {
namespace {

using namespace std::string_literals;
using std::chrono::minutes;
using wire::complete;
using wire::copy_both;
using wire::copy_data;
using wire::copy_done;
using wire::copy_out;
using wire::ready;
using wire::rows;
using Replies = std::vector<std::string>;

const std::string kSystem = "7434812345678901234";
const std::string kId = "20261120T031500Z-9f3a1c2b";
const std::string kFolder = "_cluster/" + kId + "/";

std::string value(const std::string& text) { return rows({{text}}) + ready(); }
std::string identity() { return rows({{kSystem, "1", "0/5000200", std::nullopt}}) + ready(); }

constexpr Lsn kCheckpoint{0x5000060};

/// The answer to BASE_BACKUP. The archive has many messages.
std::string base_backup(bool is_torn = false) {
  std::string large(size_t{2} << 20U, '\0');
  uint64_t random = 1;
  for (char& c : large) c = static_cast<char>((random = random * 6364136223846793005U + 1) >> 56U);
  const std::string tar = TarBuilder()
                              .file("backup_label", "START")
                              .file("base/1/1", large)
                              .file(std::string(kControlFile),
                                    make_control_file(kCheckpoint, checkpoint_data(), is_torn))
                              .end();
  std::string text = rows({{"0/5000028", "1"}}) + rows({{std::nullopt, std::nullopt, "2100"}}) +
                     copy_out() + copy_data("nbase.tar\0/x\0"s);
  for (size_t at = 0; at < tar.size(); at += 8192) text += copy_data("d" + tar.substr(at, 8192));
  return text + copy_data("m") + copy_data("dlist") + copy_done() + rows({{"0/5000100", "1"}}) +
         complete() + ready();
}

/// What a primary of 15 answers before BASE_BACKUP where it archives.
Replies archiving() {
  return {identity(), identity(), value("16MB"), value("off"), value("on"), value("5min")};
}

/// The server does not tell its time afterwards.
Replies with(Replies replies, const std::string& last) {
  replies.push_back(last);
  replies.push_back(wire::error("57P01", "the server stops") + ready());
  return replies;
}

struct Fixture {
  HastyClock clock;
  MemoryStore memory{clock};
  FaultyStore store{memory};
  TestLog log{clock};
  std::deque<Replies> scripts;           ///< of the connections to come
  std::deque<ScriptedPostgres> servers;  ///< of the connections that were made
  std::mutex mutex;
  WalStreaming wal_stream = WalStreaming::off;
  std::function<Destinations()> open = [this] { return only(store); };

  void store_wal(std::string_view data = checkpoint_data()) {
    const std::string name =
        segment_name(segment_at(1, Lsn{0x5000028}, kDefaultSegmentBytes), kDefaultSegmentBytes);
    std::string segment = make_segment(name, {.segment_bytes = kDefaultSegmentBytes});
    put_checkpoint(segment, 0x60, data);
    WalArchive(memory, kSystem).put(name, segment);
  }

  BackupOutcome back_up() {
    BaseBackupConfig config{.pg =
                                [this] {
                                  const std::lock_guard lock(mutex);
                                  Replies replies = scripts.at(servers.size());
                                  return servers.emplace_back("15.18", std::move(replies)).config();
                                },
                            .effort = {.zstd_threads = 1},
                            .wal_stream = wal_stream,
                            .open = open,
                            .schedule = {}};
    const RunInfo run{
        .id = kId, .started = clock.now(), .groups = {Group::cluster()}, .left_out = {}};
    const Destinations destinations = only(store);
    return BaseBackupJob(std::move(config), run, clock, log.log(), {})
        .back_up(Group::cluster(), all_of(destinations));
  }

  [[nodiscard]] bool has_manifest() const {
    return memory.objects.contains(kFolder + "manifest.json");
  }
};

TEST_CASE("A base backup is stored with its list, and says where its WAL lies") {
  Fixture f;
  f.store_wal();
  f.scripts = {with(archiving(), base_backup())};
  const BackupOutcome outcome = f.back_up();
  REQUIRE_FALSE(outcome.error);
  CHECK(f.memory.objects.contains(kFolder + "base.tar.zst"));
  CHECK(f.memory.objects.contains(kFolder + "backup_manifest.zst"));
  const Manifest manifest = parse_manifest(f.memory.objects.at(kFolder + "manifest.json").bytes);
  CHECK(manifest.system_identifier == kSystem);
  CHECK(manifest.cluster.start == Lsn{0x5000028});
  CHECK(manifest.cluster.end == Lsn{0x5000100});
  CHECK(manifest.cluster.timeline == 1);
  CHECK_FALSE(manifest.cluster.from_standby);
}

TEST_CASE("A base backup is not taken for one of a server whose WAL is not that which is stored") {
  Fixture f;
  f.store_wal(checkpoint_data(1));
  f.scripts = {with(archiving(), base_backup())};
  const BackupOutcome outcome = f.back_up();
  REQUIRE(outcome.error);
  CHECK(contains(outcome.error->message(), "is of another history than the base backup"));
  CHECK(contains(outcome.error->hint(), "was the server set back to an earlier state"));
  CHECK_FALSE(f.has_manifest());
}

TEST_CASE("A base backup with a torn file is taken again, once") {
  Fixture f;
  f.store_wal();
  f.scripts = {with(archiving(), base_backup(true)), with(archiving(), base_backup())};
  const BackupOutcome outcome = f.back_up();
  CHECK_FALSE(outcome.error);
  CHECK(outcome.failures.empty());
  CHECK(f.servers.size() == 2);
  CHECK(f.has_manifest());
  CHECK(contains(f.log.text(), "the base backup is taken again: the checksum within "));

  Fixture torn;
  torn.store_wal();
  torn.scripts = {with(archiving(), base_backup(true)), with(archiving(), base_backup(true))};
  const std::optional<Error> error = torn.back_up().error;
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::transient);
  CHECK(contains(error->message(), "global/pg_control"));
  CHECK(torn.memory.objects.size() == 1);  // the WAL
}

TEST_CASE("Other failures of a base backup are not repeated here") {
  Fixture f;
  f.store_wal();
  f.scripts = {with(archiving(), wire::error("57P01", "the server stops"))};
  CHECK(f.back_up().error);
  CHECK(f.servers.size() == 1);
}

/// A store that says when it is closed, which the stream of WAL does when it ends.
class ClosedStore final : public MemoryStore {
 public:
  ClosedStore(const Clock& clock, std::atomic<bool>& is_closed)
      : MemoryStore(clock), is_closed_(is_closed) {}
  ClosedStore(const ClosedStore&) = delete;
  ClosedStore& operator=(const ClosedStore&) = delete;
  ~ClosedStore() override { is_closed_ = true; }

 private:
  std::atomic<bool>& is_closed_;
};

TEST_CASE("A base backup ends as soon as no stream of the WAL that it needs is left") {
  Fixture f;
  std::atomic<bool> is_closed = false;
  f.wal_stream = WalStreaming::here;
  f.open = [&] {
    Destinations destinations;
    destinations.emplace_back("", std::make_unique<ClosedStore>(f.clock, is_closed));
    return destinations;
  };
  const std::string slot = rows({{"physical", "0/5000000", "1"}}) + ready();
  f.scripts = {{identity(), identity(), value("16MB"), value("off"), value("5min"), base_backup()},
               {complete() + ready(), identity(), value("16MB"), identity(), slot, copy_both()}};
  bool has_list = false;
  f.store.before = [&](std::string_view call, std::string_view key) {
    if (call != "create") return;
    has_list = has_list || key.ends_with("backup_manifest.zst");
    if (!key.ends_with("base.tar.zst")) return;
    f.servers.at(1).end();
    while (!is_closed) std::this_thread::yield();
  };
  const std::optional<Error> error = f.back_up().error;
  REQUIRE(error);
  CHECK(contains(error->message(), "WAL streaming: "));
  CHECK_FALSE(has_list);
  CHECK(f.memory.objects.empty());
}

TEST_CASE("A base backup is not begun where the WAL that it needs cannot be streamed") {
  Fixture f;
  f.wal_stream = WalStreaming::here;
  f.scripts = {{identity(), identity(), value("16MB"), value("off")},
               {wire::error("53400", "all replication slots are in use") + ready()}};
  const std::optional<Error> error = f.back_up().error;
  REQUIRE(error);
  CHECK(contains(error->message(), "all replication slots are in use"));
  f.servers.at(0).end();
  CHECK(f.servers.at(0).commands.back() == "SHOW in_hot_standby");
}

TEST_CASE("A standby archives only where it is told to do so always") {
  CHECK(is_archiving("on", false));
  CHECK(is_archiving("always", false));
  CHECK(is_archiving("always", true));
  CHECK_FALSE(is_archiving("on", true));
  CHECK_FALSE(is_archiving("off", true));
  CHECK_FALSE(is_archiving("off", false));
  CHECK_FALSE(is_archiving("", false));
}

TEST_CASE("WAL that is stored seldom is waited for longer") {
  CHECK(wal_patience(std::chrono::seconds(0)) == minutes(5));
  CHECK(wal_patience(std::chrono::seconds(10)) == minutes(5));
  CHECK(wal_patience(minutes(3)) == minutes(6));
  CHECK(wal_patience(std::chrono::hours(1)) == std::chrono::hours(2));
}

}  // namespace
}  // namespace pgbackup
