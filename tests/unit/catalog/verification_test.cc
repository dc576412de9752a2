#include "common/catalog/verification.h"

#include <fmt/format.h>

#include "common/catalog/catalog.h"
#include "common/catalog/damage.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

const UtcTime kTime = *parse_iso("2026-11-30T02:23:37Z");
constexpr const char* kGood = "verified-20261130T022337Z-9f3a1c2b-restore-passed.json";

TEST_CASE("The name of a verification says everything that counts") {
  for (const VerifyDepth depth :
       {VerifyDepth::stored, VerifyDepth::archive, VerifyDepth::restore}) {
    for (const bool is_passed : {true, false}) {
      const Verification made = make_verification(kTime, depth, is_passed);
      CHECK(parse_verification(made.file) == made);
      CHECK(made.file != make_verification(kTime, depth, is_passed).file);
    }
  }
  const std::optional<Verification> read = parse_verification(kGood);
  REQUIRE(read);
  CHECK(read->time == kTime);
  CHECK(read->depth == VerifyDepth::restore);
  CHECK(read->is_passed);
}

TEST_CASE("Only what make_verification() can have written is a verification") {
  for (const std::string bad : {"", "verified", "verified-", "verified-20261130T022337Z.json",
                                "verified-20261130T022337Z-9f3a1c2b.json", "hold", "manifest.json",
                                "verified-20261130T022337Z-9f3a1c2b-restore-passed",
                                "verified-20261130T022337Z-9f3a1c2b-restore-passed.json2",
                                "verified-20261130T022337Z-9f3a1c2b-restore-.json",
                                "verified-20261130T022337Z-9f3a1c2b-restore-maybe.json",
                                "verified-20261130T022337Z-9f3a1c2b-deep-passed.json",
                                "verified-20261130T022337Z-9f3a1c2b-restore-passedfailed.json",
                                "verified-20261130T022337Z-9f3a1c2b-storedarchive-passed.json",
                                "verified-20261130T022337Z-9F3A1C2B-restore-passed.json",
                                "verified-20261330T022337Z-9f3a1c2b-restore-passed.json",
                                "Verified-20261130T022337Z-9f3a1c2b-restore-passed.json",
                                "verified-20261130T022337Z-9f3a1c2b--restore-passed.json",
                                "xverified-20261130T022337Z-9f3a1c2b-restore-passed.json"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_verification(bad));
  }
}

/// `r+` for a restore that has passed, `s-` for a verification of what is stored that has failed.
std::string standing(const std::string& words) {
  std::vector<Verification> all;
  for (size_t i = 0; i + 1 < words.size(); i += 3) {
    const auto depth = std::string_view("sar").find(words[i]);
    all.push_back({.time = kTime + std::chrono::seconds(i),
                   .depth = static_cast<VerifyDepth>(depth),
                   .is_passed = words[i + 1] == '+'});
  }
  const std::optional<Verification> found = standing_verification(all);
  return found ? words.substr(static_cast<size_t>((found->time - kTime).count()), 2) : "";
}

TEST_CASE("The newest verification counts, but nothing shallower outweighs a failure") {
  struct Row {
    std::string all;  ///< oldest first
    std::string counts;
  };
  for (const Row& row : std::vector<Row>{{"", ""},
                                         {"s+", "s+"},
                                         {"s-", "s-"},
                                         {"r+ s+", "s+"},
                                         {"s+ r-", "r-"},
                                         {"r+ s-", "s-"},
                                         {"s- s+", "s+"},
                                         {"s- a+", "a+"},
                                         {"r- s+", "r-"},
                                         {"r- a+ s+ a+", "r-"},
                                         {"r- a+ r+", "r+"},
                                         {"a- r-", "r-"},
                                         {"r- a- r+", "r+"},
                                         {"r- a- a+", "r-"}}) {
    CAPTURE(row.all);
    CHECK(standing(row.all) == row.counts);
  }
}

TEST_CASE("A report says what was found, and keeps to its size") {
  const Verification failed = make_verification(kTime, VerifyDepth::archive, false);
  VerificationReport report{.group = db("my app"),
                            .id = "20261120T031500Z-9f3a1c2b",
                            .problem = "app.dump.zst is missing",
                            .tool = "pg-backup 0.2.0",
                            .bytes = 123,
                            .taken = std::chrono::seconds(4),
                            .notes = {"a"}};
  const VerificationReport read = parse_verification_report(format_verification(failed, report));
  CHECK(read.group == report.group);
  CHECK(read.id == report.id);
  CHECK(read.problem == report.problem);
  CHECK(read.bytes == 123);
  CHECK(read.taken == report.taken);
  report.problem = std::string(1'000'000, 'x') + "\xFF\x1b[31m";
  report.notes.assign(1000, report.problem);
  CHECK(format_verification(failed, report).size() < kMaxVerificationBytes);
}

TEST_CASE("A report from a store is not trusted") {
  const std::string good =
      format_verification(make_verification(kTime, VerifyDepth::stored, true),
                          {.group = db("app"), .id = "20261120T031500Z-9f3a1c2b", .tool = "t"});
  CHECK(parse_verification_report(good).problem.empty());
  for (
      const std::string& bad :
      {std::string(), std::string("{"), std::string("[]"), std::string("null"), good + "x",
       std::string("{\"format\":2}"), std::string("{\"format\":1}"), std::string(200'000, '['),
       std::string(100'000, ' ') + good,
       std::string(R"({"format":1,"group":"a","id":"b","tool":"c","bytes":"d","seconds":1})"),
       std::string(R"({"format":1,"group":["a"],"id":"b","tool":"c","bytes":1,"seconds":1})"),
       std::string(R"({"format":1.5,"group":"a","id":"b","tool":"c","bytes":1,"seconds":1})"),
       std::string(R"({"format":1,"group":"a","id":"b","tool":"c","bytes":-1,"seconds":1})"),
       std::string(R"({"format":1,"group":"a","id":"b","tool":"c","bytes":1,"seconds":1e3})"),
       std::string(
           R"({"format":1,"group":"a","id":"b","tool":"c","bytes":1,"seconds":1,"x":[[[[[]]]]]})")}) {
    CAPTURE(bad.substr(0, 80));
    const auto error = error_of([&] { return parse_verification_report(bad); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::corrupt);
  }
}

struct Fixture {
  FakeClock clock{kTime};
  MemoryStore store{clock};
  const std::string folder = "app/20261120T031500Z-9f3a1c2b/";

  Fixture() {
    store.put(folder + "app.dump.zst", "data");
    store.put(folder + "manifest.json", "{}");
  }
  void add(UtcTime time, VerifyDepth depth, bool is_passed) {
    store.put(folder + make_verification(time, depth, is_passed).file, "{}");
  }
  [[nodiscard]] Backup listed() { return read_catalog(store, db("app")).at(0); }
};

TEST_CASE("A listing tells how a backup was verified") {
  Fixture f;
  CHECK_FALSE(f.listed().verification());
  CHECK_FALSE(f.listed().has_failed());
  f.add(kTime - std::chrono::hours(1), VerifyDepth::stored, true);
  CHECK(f.listed().verification().value().is_passed);
  f.add(kTime, VerifyDepth::restore, false);
  CHECK(f.listed().has_failed());
  CHECK(f.listed().verifications.size() == 2);
  CHECK(look_again(f.store, f.listed()).has_failed());
}

TEST_CASE("A verification that is dated later than it was stored does not count") {
  Fixture f;
  f.add(kTime + std::chrono::hours(1), VerifyDepth::restore, true);
  CHECK_FALSE(f.listed().verification());
  f.add(kTime + std::chrono::minutes(4), VerifyDepth::stored, true);  // clocks may differ so much
  CHECK(f.listed().verification());
}

TEST_CASE("A verification is no data: a backup of nothing else is damaged") {
  Fixture f;
  f.add(kTime, VerifyDepth::restore, true);
  CHECK(damage_of(f.listed()).empty());
  f.store.remove(f.folder + "app.dump.zst");
  CHECK(damage_of(f.listed()) == "its data is missing or empty");
}

TEST_CASE("Of an encrypted backup a report says nothing that reading its data has shown") {
  const VerificationReport report{.group = db("app"),
                                  .problem = "secret_table has 3 rows, and not 4",
                                  .tool = "pg-backup 0.2.0",
                                  .bytes = 7,
                                  .notes = {"compared: 3 tables"}};
  const auto text = [&](VerifyDepth depth) {
    return format_verification(make_verification(kTime, depth, false),
                               without_private(report, depth));
  };
  for (const VerifyDepth depth : {VerifyDepth::archive, VerifyDepth::restore}) {
    CHECK(text(depth).find("secret") == std::string::npos);
    CHECK(text(depth).find("3 tables") == std::string::npos);
    CHECK(text(depth).find("in the log of the verification") != std::string::npos);
    CHECK(text(depth).find("pg-backup 0.2.0") != std::string::npos);
  }
  CHECK(text(VerifyDepth::stored).find("secret_table") != std::string::npos);  // names objects only
  CHECK(without_private({}, VerifyDepth::restore).problem.empty());
}

}  // namespace
}  // namespace pgbackup
