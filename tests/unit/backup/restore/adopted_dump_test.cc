#include "backup/restore/adopted_dump.h"

#include "common/codec/digest.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/gzip.h"
#include "tests/support/memory_store.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using namespace std::string_literals;

const std::string kEnd = "--\n-- PostgreSQL database dump complete\n--\n\n";

std::string numbers(size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += std::to_string(text.size() * 7919) + "\n";
  return text;
}

std::string archive() { return "PGDMP\x01\x0f\0\4\10\1"s + numbers(300'000); }
std::string sql() {
  return "--\n-- PostgreSQL database dump\n--\n\n" + numbers(300'000) + "\n" + kEnd;
}

/// A file of an older system in a store, maybe with its checksum.
struct OldFile {
  explicit OldFile(const std::string& bytes) {
    backup.group = Group::database("app");
    backup.id = "app/app_20240115T120000Z.dump";
    backup.layout = Layout::db_folder;
    put(backup.id, bytes);
  }
  void put(const std::string& key, const std::string& bytes) {
    store.put(key, bytes);
    backup.files.push_back({key, bytes.size()});
  }
  void put_sum(const std::string& text) { put(backup.id + ".sha256", text); }

  uint64_t copy() { return AdoptedDump(store, backup).copy(out, clock, log.log()); }
  /// Damage is noticed, with `part` in what is said, before the end was shown.
  [[nodiscard]] bool is_damaged(std::string_view part, size_t plain_bytes) {
    return fails_with(ErrorKind::corrupt, part, [&] { return copy(); }) && !out.finished &&
           out.bytes.size() + std::min(size_t{65'536}, plain_bytes) <= plain_bytes;
  }

  FakeClock clock;
  TestLog log{clock};
  MemoryStore store{clock};
  Backup backup;
  StringSink out;
};

TEST_CASE("A file of an older system is what its first bytes say") {
  for (const std::string& plain : {archive(), sql()}) {
    for (const std::string& stored :
         {plain, gzip(plain), gzip(gzip(plain)),
          gzip(plain.substr(0, 1)) + gzip(plain.substr(1, 70'000)) + gzip(plain.substr(70'001))}) {
      OldFile file(stored);
      CHECK(AdoptedDump(file.store, file.backup).format() ==
            (plain == sql() ? StreamFormat::plain : StreamFormat::custom));
      CHECK(file.copy() == plain.size());
      CHECK(file.out.bytes == plain);
      CHECK(file.out.finished);
    }
  }
  OldFile of_16(gzip(archive()));
  CHECK(AdoptedDump(of_16.store, of_16.backup).client_version() == 160000);
}

TEST_CASE("What is neither an archive nor plain SQL of pg_dump is refused") {
  for (const std::string& bytes :
       {"x"s, "PGDM"s, "<html>not found</html>"s, "drop table item;\n" + kEnd, numbers(100'000),
        gzip("select 1;\n" + kEnd), gzip(gzip(gzip(sql()))), "\x1f"s, kEnd,
        "--\n-- PostgreSQL database cluster dump\n--\n\n" + kEnd}) {
    OldFile file(bytes);
    CHECK(fails_with(ErrorKind::corrupt, "app/app_20240115T120000Z.dump: it is neither",
                     [&] { return file.copy(); }));
  }
  for (const std::string& bytes : {""s, gzip("")}) {
    OldFile file(bytes);
    CHECK(fails_with(ErrorKind::corrupt, "app/app_20240115T120000Z.dump: it is empty",
                     [&] { return file.copy(); }));
  }
}

TEST_CASE("A gzip file that is cut off or damaged keeps the end of the dump back") {
  for (const std::string& plain : {archive(), sql()}) {
    const std::string packed = gzip(plain);
    for (const size_t length : {size_t{2}, size_t{10}, packed.size() / 2, packed.size() - 9,
                                packed.size() - 8, packed.size() - 1}) {
      CAPTURE(length);
      OldFile file(packed.substr(0, length));
      CHECK(file.is_damaged("the compressed data ends too early", plain.size()));
    }
    std::string flipped = packed;
    flipped[packed.size() - 6] = static_cast<char>(flipped[packed.size() - 6] ^ 1);
    CHECK(OldFile(flipped).is_damaged("the compressed data is damaged", plain.size()));
    CHECK(OldFile(packed + "more").is_damaged("the compressed data is damaged", plain.size()));
    CHECK(OldFile(gzip(packed.substr(0, packed.size() - 1)))
              .is_damaged("the compressed data ends too early", plain.size()));
  }
}

TEST_CASE("Plain SQL that is cut off keeps its end back, gzip or not") {
  const std::string plain = sql();
  for (const size_t length : {size_t{64}, plain.size() / 2, plain.size() - kEnd.size(),
                              plain.size() - 10, plain.size() - 5}) {
    CAPTURE(length);
    const std::string cut = plain.substr(0, length);
    CHECK(OldFile(cut).is_damaged("the SQL is cut off", cut.size()));
    CHECK(OldFile(gzip(cut)).is_damaged("the SQL is cut off", cut.size()));
  }
  const std::string longer = plain + "drop table item;\n";
  CHECK(OldFile(longer).is_damaged("the SQL is cut off", longer.size()));
}

TEST_CASE("A checksum beside the file is of the file as it is stored, and must match") {
  for (const std::string& plain : {archive(), sql()}) {
    for (const std::string& stored : {plain, gzip(plain)}) {
      OldFile good(stored);
      good.put_sum(sha256_hex(stored) + "  /backups/app/app_20240115T120000Z.dump\n");
      CHECK(good.copy() == plain.size());
      CHECK(good.out.bytes == plain);

      OldFile other(stored);
      other.put_sum(sha256_hex(stored + "x") + "  app_20240115T120000Z.dump\n");
      CHECK(other.is_damaged("its SHA-256 does not match app/app_20240115T120000Z.dump.sha256",
                             plain.size()));
      for (const std::string& text :
           {""s, "\n"s, "not found\n"s, sha256_hex(stored), std::string(20'000, 'a')}) {
        OldFile damaged_sum(stored);
        damaged_sum.put_sum(text);
        CHECK(damaged_sum.is_damaged("app/app_20240115T120000Z.dump.sha256", plain.size()));
        CHECK(damaged_sum.out.bytes.empty());
      }
    }
  }
}

TEST_CASE("Damage in a file of an older system comes with the hint to take another one") {
  OldFile file(gzip(sql()).substr(0, 1000));
  const auto error = error_of([&] { return file.copy(); });
  REQUIRE(error);
  CHECK(contains(error->hint(), "restore another one"));
}

TEST_CASE("An error of what takes the dump is not taken for damage") {
  class Full final : public Sink {
   public:
    void write(std::string_view) override { throw Error(ErrorKind::failed, "psql exited with 3"); }
    void finish() override {}
  };
  OldFile file(sql());
  Full full;
  const auto error = error_of(
      [&] { return AdoptedDump(file.store, file.backup).copy(full, file.clock, file.log.log()); });
  REQUIRE(error);
  CHECK(error->message() == "psql exited with 3");
  CHECK(error->hint().empty());
}

}  // namespace
}  // namespace pgbackup
