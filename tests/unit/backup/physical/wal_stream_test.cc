#include "backup/physical/wal_stream.h"

#include <deque>

#include "backup/physical/wal_archive.h"
#include "tests/support/age_keys.h"
#include "tests/support/error_of.h"
#include "tests/support/faulty_store.h"
#include "tests/support/fetched_wal.h"
#include "tests/support/hasty_clock.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/scripted_postgres.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using wire::complete;
using wire::copy_both;
using wire::copy_data;
using wire::number;
using wire::ready;
using wire::rows;

constexpr uint64_t kSize = kLeastSegmentBytes;
constexpr uint64_t kFirst = 80;  ///< the segment that the server's WAL begins with
constexpr uint64_t kSegments = 3;
const std::string kSystem = "7434812345678901234";
constexpr Lsn kBegin{kFirst * kSize};
constexpr Lsn kEnd{(kFirst + kSegments) * kSize};

std::string all_wal() {
  std::string bytes;
  for (uint64_t i = kFirst; i < kFirst + kSegments; ++i) {
    bytes += make_segment(segment_name({.timeline = 1, .number = i}, kSize), {});
  }
  return bytes;
}

std::string gone() { return wire::error("57P01", "the server stops") + ready(); }

/// The WAL of a server from `start` to `end` in messages of uneven sizes, none of which is sent
/// before the one before it has been answered; then the server ends. What the store has up to
/// `known` comes in the first one, since it is not answered.
std::vector<std::string> messages(const std::string& wal, Lsn start, Lsn end, Lsn known = {}) {
  uint64_t most = std::max(start, known).value - start.value + 300'000;
  std::vector<std::string> all;
  while (start < end) {
    const uint64_t size = std::min(most, end.value - start.value);
    most = 300'000;
    all.push_back(copy_data("w" + number(start.value) + number(end.value) + number(0) +
                            wal.substr(start.value - kBegin.value, size)));
    start.value += size;
  }
  all.push_back(gone());
  return all;
}

struct Fixture {
  explicit Fixture(const Packing& wanted = {}) : packing(wanted) {}

  const NoBrokenPipe no_broken_pipe;
  const Packing packing;
  const AgeKeys recipients = age_keys(kRecipient);
  const AgeKeys opens = age_keys("", kIdentity);
  HastyClock clock;
  MemoryStore memory{clock};
  FaultyStore store{memory};
  TestLog log{clock};
  RunStates states;
  std::string wal = all_wal();
  std::deque<ScriptedPostgres> servers;  ///< of each connection
  std::stop_source stop;
  size_t wanted_backups = 0;
  std::function<ScriptedPostgres&()> next_server;

  WalStream stream{{.slot = "s",
                    .is_synchronous = true,
                    .packing = packing,
                    .effort = {.zstd_threads = 1, .keys = &recipients}},
                   {.pg = [this] { return next_server().config(); },
                    .open = [this] { return only(store); },
                    .destination = "",
                    .want_backup = [this] { ++wanted_backups; },
                    .states = &states},
                   clock,
                   log.log()};
  bool was_connected = false;

  [[nodiscard]] static std::string identity(Lsn end) {
    return rows({{kSystem, "1", format_lsn(end), std::nullopt}}) + ready();
  }
  [[nodiscard]] static std::string slot(Lsn kept = kBegin) {
    return rows({{"physical", format_lsn(kept), "1"}}) + ready();
  }
  /// Returns the answers to what a stream asks before START_REPLICATION.
  std::vector<std::string> preparations(Lsn end, Lsn kept = kBegin) {
    std::vector<std::string> replies;
    if (!was_connected) replies.push_back(rows({{"10GB"}}) + ready());
    was_connected = true;
    for (const std::string& reply :
         {slot(kept), identity(end), rows({{"1MB"}}) + ready(), identity(end), slot(kept)}) {
      replies.push_back(reply);
    }
    return replies;
  }

  [[nodiscard]] ServerWal stored() { return list_wal(memory, kSystem)[kSystem]; }
  [[nodiscard]] Lsn stored_end() { return stored_until(stored(), 1, kBegin, kSize); }

  /// A server that sends all of its WAL from where the store's ends.
  ScriptedPostgres& serve_all() {
    const WalStart start = find_start(
        stored(), {.timeline = 1, .position = kEnd, .history = {}, .segment_bytes = kSize});
    std::vector<std::string> replies = preparations(kEnd);
    replies.push_back(copy_both());
    return servers.emplace_back("15.18", std::move(replies),
                                start.is_first ? messages(wal, kBegin, kEnd)
                                               : messages(wal, start.position, kEnd, start.stored));
  }

  /// Returns the last position of which the server was told that it is flushed.
  static Lsn acknowledged(ScriptedPostgres& server) {
    server.wait_for_end();
    Lsn last;
    for (const std::string& status : server.copied) {
      uint64_t flushed = 0;
      for (size_t i = 9; i < 17; ++i) {
        flushed = flushed << 8U | static_cast<unsigned char>(status.at(i));
      }
      last.value = std::max(last.value, flushed);
    }
    return last;
  }

  /// Returns what a recovery would get.
  [[nodiscard]] std::string fetched() {
    std::string all;
    for (uint64_t i = kFirst; i < kFirst + kSegments; ++i) {
      const std::string name = segment_name({.timeline = 1, .number = i}, kSize);
      all += fetch_wal_file(memory, kSystem, name, &opens).bytes;
    }
    return all;
  }

  [[nodiscard]] std::string fetched_pieces() {
    const std::string name = segment_name({.timeline = 1, .number = kFirst}, kSize);
    const size_t reach = list_wal_file(memory, kSystem, name).reach(kSize);
    return fetch_wal_file(memory, kSystem, name, &opens).bytes.substr(0, reach);
  }

  void base_backup(Lsn start, const std::string& system = kSystem,
                   const std::string& id = "20261120T031000Z-9f3a1c2b") {
    Manifest manifest = make_base_manifest(
        id, {.start = start, .end = {start.value + 0x100}, .timeline = 1, .segment_bytes = kSize});
    manifest.system_identifier = system;
    manifest.started = manifest.finished = clock.now() - minutes(5);
    const std::string folder = backup_folder(manifest.group, manifest.id);
    for (const ManifestStream& one : manifest.streams) {
      memory.put(folder + "/" + one.objects.front().name, "data");
    }
    memory.put(folder + "/manifest.json", format_manifest(manifest));
  }
};

TEST_CASE("Whichever call of the store fails, what PostgreSQL was told is stored") {
  const Packing packing = GENERATE(Packing{}, kEncrypted);
  CAPTURE(encryption_name(packing.encryption));
  for (const bool takes_effect : {false, true}) {
    bool has_failed = true;
    for (size_t failing = 0; has_failed; ++failing) {
      CAPTURE(takes_effect, failing);
      Fixture f(packing);
      f.next_server = [&]() -> ScriptedPostgres& { return f.serve_all(); };
      has_failed = false;
      size_t calls = 0;
      const FaultyStore::Hook hook = [&](std::string_view, std::string_view) {
        if (calls++ != failing) return;
        has_failed = true;
        throw Error(ErrorKind::transient, "the store is gone");
      };
      (takes_effect ? f.store.after : f.store.before) = hook;
      CHECK(error_of([&] { f.stream.stream(f.stop.get_token()); }));
      const Lsn told = Fixture::acknowledged(f.servers.back());
      CHECK(told <= std::max(f.stored_end(), kBegin));
      CHECK(f.stream.status().confirmed >= told);
      CHECK(f.stream.status().confirmed <= std::max(f.stored_end(), kBegin));
      if (!has_failed) CHECK(told == kEnd);

      // The next connection goes on, and then nothing is missing.
      f.store.after = f.store.before = [](std::string_view, std::string_view) {};
      CHECK(error_of([&] { f.stream.stream(f.stop.get_token()); }));
      CHECK(Fixture::acknowledged(f.servers.back()) == kEnd);
      CHECK(f.fetched() == f.wal);
      CHECK(f.wanted_backups == 0);
    }
  }
}

TEST_CASE(
    "A store that is away for ten minutes is one line of the log, unwell, and then all is there") {
  Fixture f;
  const UtcTime back = f.clock.now() + minutes(10);
  bool was_unwell = false;
  size_t failed_attempts = 0;
  f.next_server = [&]() -> ScriptedPostgres& {
    if (f.clock.now() < back) {
      ++failed_attempts;
      return f.servers.emplace_back("15.18", f.preparations(kBegin));
    }
    return f.serve_all();
  };
  f.store.before = [&](std::string_view, std::string_view) {
    was_unwell = was_unwell || !f.stream.health({}, f.clock.now()).is_well;
    if (f.clock.now() < back) throw Error(ErrorKind::transient, "the store is gone");
  };
  f.store.after = [&](std::string_view, std::string_view) {
    if (f.stored_end() == kEnd) f.stop.request_stop();
  };
  f.stream.serve(f.stop.get_token());
  CHECK(was_unwell);
  CHECK(failed_attempts == 15);  // after 1, 2, 4, 8, 16, 32 s, then every minute
  CHECK(f.stored_end() == kEnd);
  CHECK(f.fetched() == f.wal);
  const std::string text = f.log.text();
  CHECK(text.find("the store is gone") == text.rfind("the store is gone"));
}

TEST_CASE("A store that answers and takes nothing is not well, however often one connects") {
  Fixture f;
  const UtcTime begun = f.clock.now();
  f.next_server = [&]() -> ScriptedPostgres& { return f.serve_all(); };
  f.store.before = [&](std::string_view call, std::string_view) {
    if (call == "list") return;
    if (f.clock.now() > begun + minutes(7)) f.stop.request_stop();
    throw Error(ErrorKind::denied, "the store is full");
  };
  f.stream.serve(f.stop.get_token());
  CHECK_FALSE(f.stream.health({}, f.clock.now()).is_well);
  CHECK(contains(f.stream.health({}, f.clock.now()).sentence, "the store is full"));
  CHECK(f.stored_end() == kBegin);
  const std::string text = f.log.text();
  const std::string_view failure = "is tried again cause=";
  CHECK(text.find(failure) == text.rfind(failure));
}

TEST_CASE("WAL that a run of its own left out is streamed from where the slot keeps it") {
  Fixture f;
  const std::string last = segment_name({.timeline = 1, .number = kFirst + kSegments - 1}, kSize);
  WalArchive(f.memory, kSystem).put(last, std::string_view(f.wal).substr((kSegments - 1) * kSize));
  f.next_server = [&]() -> ScriptedPostgres& {
    std::vector<std::string> replies = f.preparations(kEnd);
    replies.push_back(copy_both());
    return f.servers.emplace_back("15.18", std::move(replies), messages(f.wal, kBegin, kEnd));
  };
  CHECK(error_of([&] { f.stream.stream(f.stop.get_token()); }));
  CHECK(Fixture::acknowledged(f.servers.back()) == kEnd);
  CHECK(f.fetched() == f.wal);
}

TEST_CASE("Bytes that came before the connection broke are stored") {
  Fixture f;
  f.next_server = [&]() -> ScriptedPostgres& {
    std::vector<std::string> replies = f.preparations(kBegin);
    replies.push_back(copy_both() +
                      copy_data("w" + number(kBegin.value) + number(kEnd.value) + number(0) +
                                f.wal.substr(0, 5000)) +
                      gone());
    return f.servers.emplace_back("15.18", std::move(replies));
  };
  CHECK(error_of([&] { f.stream.stream(f.stop.get_token()); }));
  CHECK(f.stored_end() == Lsn{kBegin.value + 5000});
}

TEST_CASE("WAL that the server has removed is a gap, which a base backup has to bridge") {
  Fixture f;
  const std::string name = segment_name({.timeline = 1, .number = kFirst}, kSize);
  WalArchive(f.memory, kSystem).put(name, std::string_view(f.wal).substr(0, kSize));
  const Lsn here{kBegin.value + 2 * kSize};
  f.next_server = [&]() -> ScriptedPostgres& {
    std::vector<std::string> replies = f.preparations(here);
    for (const std::string& reply :
         {copy_both() + wire::error("58P01", "it has already been removed") + ready(), f.slot(),
          complete() + ready(), complete() + ready(), f.identity(here), rows({{"1MB"}}) + ready(),
          f.slot(here), copy_both()}) {
      replies.push_back(reply);
    }
    return f.servers.emplace_back("15.18", std::move(replies), messages(f.wal, here, kEnd));
  };
  CHECK(error_of([&] { f.stream.stream(f.stop.get_token()); }));
  CHECK(f.wanted_backups == 1);
  CHECK_FALSE(f.stream.health({}, f.clock.now()).is_well);
  CHECK(contains(f.stream.health({}, f.clock.now()).sentence,
                 "the WAL from 0/5100000 to 0/5200000 is not in the store"));
  CHECK(stored_until(f.stored(), 1, here, kSize) == kEnd);
}

TEST_CASE(
    "A gap that an earlier process left behind the newest base backup is found at the start") {
  Fixture f;
  f.base_backup({kBegin.value + 0x28});
  for (const uint64_t i : {uint64_t{0}, uint64_t{2}}) {
    const std::string name = segment_name({.timeline = 1, .number = kFirst + i}, kSize);
    WalArchive(f.memory, kSystem).put(name, std::string_view(f.wal).substr(i * kSize, kSize));
  }
  f.next_server = [&]() -> ScriptedPostgres& {
    std::vector<std::string> replies = f.preparations(kEnd, kEnd);
    replies.push_back(copy_both() + gone());
    return f.servers.emplace_back("15.18", std::move(replies));
  };
  CHECK(error_of([&] { f.stream.stream(f.stop.get_token()); }));
  CHECK(f.wanted_backups == 1);
  CHECK(contains(f.stream.health({}, f.clock.now()).sentence,
                 "the WAL from 0/5100000 to 0/5200000 is not in the store"));
}

/// A server with its first segments in the store.
struct ReachFixture : Fixture {
  void store_segments(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const std::string name = segment_name({.timeline = 1, .number = kFirst + i}, kSize);
      WalArchive(memory, kSystem).put(name, std::string_view(wal).substr(i * kSize, kSize));
    }
  }
  /// Connects once, to a server that sends nothing. Returns what is unwell, or an empty string.
  std::string connect() {
    next_server = [&]() -> ScriptedPostgres& {
      std::vector<std::string> replies = preparations(kEnd, kEnd);
      replies.push_back(copy_both() + gone());
      return servers.emplace_back("15.18", std::move(replies));
    };
    CHECK(error_of([&] { stream.stream(stop.get_token()); }));
    return stream.status().gap;
  }
  /// The same with a server that was restored to `at`, and goes on along timeline 2.
  std::string connect_restored(Lsn at) {
    const std::string identity = rows({{kSystem, "2", format_lsn(kEnd), std::nullopt}}) + ready();
    const std::string history =
        rows({{"00000002.history", "1\t" + format_lsn(at) + "\tx\n"}}) + ready();
    next_server = [&]() -> ScriptedPostgres& {
      return servers.emplace_back(
          "15.18", std::vector<std::string>{rows({{"10GB"}}) + ready(), slot(kEnd), identity,
                                            rows({{"1MB"}}) + ready(), history, identity,
                                            slot(kEnd), history, copy_both() + gone()});
    };
    CHECK(error_of([&] { stream.stream(stop.get_token()); }));
    return stream.status().gap;
  }
};

TEST_CASE("The first base backup of all is not missed, but one that has vanished is") {
  ReachFixture f;
  f.store_segments(kSegments);
  CHECK(f.connect().empty());
  CHECK(f.wanted_backups == 0);
  f.states.succeed(kBackupJob, Group::cluster(), "", f.clock.now() - minutes(5));
  CHECK(f.connect() ==
        "there is no base backup: nothing of what the server writes now can be restored until the "
        "next base backup");
  CHECK(f.wanted_backups == 1);
}

TEST_CASE("A base backup that vanishes while a stream is connected is missed within the hour") {
  for (const minutes passed : {minutes(59), minutes(60), minutes(-60)}) {
    CAPTURE(passed.count());
    ReachFixture f;
    f.store_segments(kSegments);
    f.base_backup({kBegin.value + 0x28});
    f.states.succeed(kBackupJob, Group::cluster(), "", f.clock.now() - minutes(5));
    size_t reads = 0;
    f.store.after = [&](std::string_view call, std::string_view key) {
      // The second look at the WAL of the base backup is the last thing before the streaming.
      if (call != "open" || !contains(key, "/wal/") || ++reads != 2) return;
      CHECK(std::erase_if(f.memory.objects, [](const auto& object) {
              return object.first.ends_with("/manifest.json");
            }) == 1);
      f.clock.pass(passed);
    };
    f.next_server = [&]() -> ScriptedPostgres& {
      std::vector<std::string> replies = f.preparations(kEnd, kEnd);
      replies.push_back(copy_both() +
                        copy_data("k" + number(kEnd.value) + number(0) + std::string(1, '\0')) +
                        gone());
      return f.servers.emplace_back("15.18", std::move(replies));
    };
    CHECK(error_of([&] { f.stream.stream(f.stop.get_token()); }));
    CHECK(reads == 2);
    const bool is_noticed = passed != minutes(59);
    CHECK(f.wanted_backups == (is_noticed ? 1 : 0));
    if (passed < minutes(0)) continue;  // the clock was set back to before the last base backup
    CHECK(f.stream.health({}, f.clock.now()).is_well == !is_noticed);
    CHECK(f.stream.status().gap.starts_with(is_noticed ? "there is no base backup" : ""));
  }
}

TEST_CASE("A base backup whose own WAL is damaged is missed, too") {
  ReachFixture f;
  f.store_segments(kSegments);
  f.base_backup({kBegin.value + 0x28});
  const std::string name = segment_name({.timeline = 1, .number = kFirst}, kSize);
  f.memory.objects.at(wal_key(kSystem, name, {})).bytes[5000] ^= 1;
  CHECK(f.connect().starts_with(
      "the base backup 20261120T031000Z-9f3a1c2b cannot be restored: memory:_cluster/wal/"));
  CHECK(f.wanted_backups == 1);
}

TEST_CASE("Where a server has less than the store, it was set back, or is a standby") {
  const bool is_standby = GENERATE(false, true);
  ReachFixture f;
  f.store_segments(2);
  const Lsn end{kBegin.value + 5000};
  f.next_server = [&]() -> ScriptedPostgres& {
    std::vector<std::string> replies = f.preparations(end);
    replies.push_back(f.identity(end));
    replies.push_back(rows({{"1MB"}}) + ready());
    replies.push_back(rows({{is_standby ? "on" : "off"}}) + ready());
    return f.servers.emplace_back("15.18", std::move(replies));
  };
  const auto error = error_of([&] { f.stream.stream(f.stop.get_token()); });
  REQUIRE(error);
  CHECK(error->message() ==
        "the server's WAL ends at 0/5001388, and the store holds WAL of this "
        "server up to 0/5200000");
  CHECK(error->kind() == (is_standby ? ErrorKind::failed : ErrorKind::conflict));
  CHECK(contains(error->hint(), "set back"));
  CHECK(f.wanted_backups == 0);
}

TEST_CASE("A server that was set back within a segment is found by positions if it encrypts") {
  Fixture f(kEncrypted);
  const Lsn end{kBegin.value + 5000};
  WalArchive(f.memory, kSystem, kEncrypted, {.zstd_threads = 1, .keys = &f.recipients})
      .put_piece(segment_name({.timeline = 1, .number = kFirst}, kSize), 0, f.wal.substr(0, 9000));
  f.next_server = [&]() -> ScriptedPostgres& {
    std::vector<std::string> replies = f.preparations(end);
    replies.push_back(f.identity(end));
    replies.push_back(rows({{"1MB"}}) + ready());
    replies.push_back(rows({{"off"}}) + ready());
    return f.servers.emplace_back("15.18", std::move(replies));
  };
  const auto error = error_of([&] { f.stream.stream(f.stop.get_token()); });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::conflict);
  CHECK(contains(error->message(), "the store holds WAL of this server up to 0/5002328"));
  CHECK(f.memory.objects.size() == 1);
}

TEST_CASE("Other WAL in the store is unwell at once, and says what to do") {
  ReachFixture f;
  std::string other = f.wal.substr(0, 9000);
  other[8999] = static_cast<char>(other[8999] ^ 1);
  WalArchive(f.memory, kSystem)
      .put_piece(segment_name({.timeline = 1, .number = kFirst}, kSize), 0, other);
  f.next_server = [&]() -> ScriptedPostgres& {
    if (f.servers.size() == 1) f.stop.request_stop();
    std::vector<std::string> replies = f.preparations(kEnd);
    replies.push_back(copy_both());
    return f.servers.emplace_back("15.18", std::move(replies),
                                  messages(f.wal, kBegin, kEnd, {kBegin.value + 9000}));
  };
  f.stream.serve(f.stop.get_token());
  CHECK_FALSE(f.stream.health({}, f.clock.now()).is_well);
  CHECK(contains(f.stream.health({}, f.clock.now()).sentence, "other content"));
  CHECK(contains(f.log.text(), "Give this server a place of its own"));
  CHECK(f.fetched_pieces() == other);
}

TEST_CASE("Another server in the place of the former one gets a base backup at once") {
  ReachFixture f;
  f.base_backup({kBegin.value + 0x28}, "7");
  CHECK(contains(f.connect(), "there is no base backup of the server " + kSystem +
                                  "; the newest one is of the server 7"));
  CHECK(f.wanted_backups == 1);
}

TEST_CASE("WAL that is gone from behind the newest base backup is a gap") {
  ReachFixture f;
  f.base_backup({kBegin.value + 0x28});
  CHECK(contains(f.connect(), "the WAL from 0/5000028 to 0/5300000 is not in the store"));
  CHECK(f.wanted_backups == 1);
}

TEST_CASE("A server that was restored needs a base backup from before that moment") {
  const Lsn at{kBegin.value + kSize / 2};
  SECTION("there is one: its newest is another one's") {
    ReachFixture f;
    f.store_segments(2);
    f.base_backup({kBegin.value + 0x28}, kSystem, "20261119T031000Z-9f3a1c2b");
    f.base_backup({kBegin.value + kSize + 0x28});
    CHECK(f.connect_restored(at).empty());
    CHECK(f.wanted_backups == 0);
    f.servers.back().wait_for_end();
    CHECK(f.memory.objects.contains(wal_key(kSystem, "00000002.history", {})));
  }
  SECTION("there is none") {
    ReachFixture f;
    f.store_segments(2);
    f.base_backup({kBegin.value + kSize + 0x28});
    CHECK(contains(f.connect_restored(at),
                   "no base backup leads to timeline 2, along which the server goes on; the newest "
                   "one is of timeline 1 (20261120T031000Z-9f3a1c2b): nothing"));
    CHECK(f.wanted_backups == 1);
    CHECK_FALSE(f.stream.health({}, f.clock.now()).is_well);
  }
}

}  // namespace
}  // namespace pgbackup
