#include "common/store/destinations.h"

#include "common/store/store_config.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

/// Settings of a directory, a bucket or both.
struct Settings {
  FakeClock clock;
  TestLog log{clock};
  TemporaryFolder folder;
  StoreConfig config;

  void use_directory(const std::string& path) { config.backup_dir = path; }
  void use_bucket(const std::string& endpoint = "http://127.0.0.1:1") {
    config.s3.endpoint = endpoint;
    config.s3.bucket = "bucket";
  }
  [[nodiscard]] Destinations open() { return open_destinations(config, clock, log.log(), {}); }
};

TEST_CASE("One destination is opened or its error thrown, and has no name") {
  Settings bucket;
  bucket.use_bucket();
  CHECK(bucket.open().at(0).name().empty());
  CHECK(bucket.open().at(0).store().location("x") == "s3://bucket/x");

  Settings directory;
  directory.use_directory(directory.folder.path().string());
  CHECK(directory.open().size() == 1);
  directory.use_directory("/not/there");
  const auto error = error_of([&] { return directory.open(); });
  REQUIRE(error);
  CHECK(error->message().starts_with("cannot open the backup directory /not/there"));
}

TEST_CASE("Of two destinations each is opened for itself") {
  Settings both;
  both.use_bucket();
  both.use_directory(both.folder.path().string());
  Destinations destinations = both.open();
  REQUIRE(destinations.size() == 2);
  CHECK(destinations[0].name() == "dir");
  CHECK(destinations[1].name() == "s3");
  CHECK(locations(all_of(destinations), "x") ==
        (both.folder.path() / "x").string() + ", s3://bucket/x");

  both.use_directory("/not/there");
  destinations = both.open();
  CHECK(fails_with(ErrorKind::not_found, "/not/there", [&] { return &destinations[0].store(); }));
  CHECK(destinations[1].store().location("x") == "s3://bucket/x");
  CHECK(locations(all_of(destinations), "x") == "s3://bucket/x");

  both.use_directory(both.folder.path().string());
  both.use_bucket("ftp://nowhere");
  destinations = both.open();
  CHECK_NOTHROW(destinations[0].store());
  CHECK_THROWS_AS(destinations[1].store(), Error);

  both.use_directory("/not/there");
  const auto error = error_of([&] { return both.open(); });
  REQUIRE(error);
  CHECK(error->message().starts_with("dir: cannot open the backup directory"));
  CHECK(contains(error->message(), "; s3: "));
}

TEST_CASE("The flag --from opens one of two and keeps its name") {
  Settings both;
  both.use_bucket();
  both.use_directory("/not/there");
  both.config.only = "s3";
  const Destinations destinations = both.open();
  REQUIRE(destinations.size() == 1);
  CHECK(destinations[0].name() == "s3");
  both.config.only = "dir";
  CHECK(fails_with(ErrorKind::not_found, "dir: cannot open", [&] { return both.open(); }));
}

TEST_CASE("What fails in one destination does not stop the others, a stop does") {
  FakeClock clock;
  MemoryStore one(clock);
  MemoryStore two(clock);
  const Destinations destinations = both(one, two);
  std::string asked;
  const auto visit = [&](ErrorKind kind) {
    return for_each_destination(destinations, [&asked, kind](const Destination& destination) {
      asked += destination.name() + " ";
      if (destination.name() == "dir") throw Error(kind, "no");
    });
  };
  const std::vector<DestinationFailure> failures = visit(ErrorKind::denied);
  CHECK(asked == "dir s3 ");
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].destination == "dir");
  CHECK(failures[0].error.kind() == ErrorKind::denied);

  asked.clear();
  CHECK(fails_with(ErrorKind::canceled, "no", [&] { return visit(ErrorKind::canceled); }));
  CHECK(asked == "dir ");
}

TEST_CASE("Whatever is thrown for one destination, the others go on") {
  Settings settings;
  MemoryStore dir(settings.clock);
  MemoryStore s3(settings.clock);
  const Destinations destinations = both(dir, s3);
  for (const auto& throw_it : kForeignExceptions) {
    std::vector<std::string> reached;
    const auto failures = for_each_destination(destinations, [&](const Destination& destination) {
      if (destination.name() == kDirDestination) throw_it();
      reached.push_back(destination.name());
    });
    CHECK(reached == std::vector<std::string>{kS3Destination});
    REQUIRE(failures.size() == 1);
    CHECK(failures[0].destination == kDirDestination);
  }
}

TEST_CASE("Failures are joined with their destinations' names, and the worst counts") {
  const Error refused(ErrorKind::conflict, "clock", "set it");
  const Error denied(ErrorKind::denied, "403", "key");
  struct Case {
    std::vector<DestinationFailure> failures;
    ErrorKind kind;
    std::string text;
  };
  const std::vector<Case> cases = {
      {{{"", denied}}, ErrorKind::denied, "403\nhint: key"},
      {{{"s3", denied}}, ErrorKind::denied, "s3: 403\nhint: key"},
      {{{"s3", refused}}, ErrorKind::conflict, "s3: clock\nhint: set it"},
      {{{"dir", refused}, {"s3", denied}},
       ErrorKind::denied,
       "dir: clock; s3: 403\nhint: dir: set it; s3: key"},
      {{{"dir", refused}, {"s3", refused}},
       ErrorKind::conflict,
       "dir: clock; s3: clock\nhint: dir: set it; s3: set it"},
      {{{"dir", Error(ErrorKind::failed, "full")}, {"s3", denied}},
       ErrorKind::failed,
       "dir: full; s3: 403\nhint: s3: key"},
  };
  for (const Case& given : cases) {
    const Error error = join_failures(given.failures);
    CHECK(error.what() == given.text);
    CHECK(error.kind() == given.kind);
  }
}

/// A store with a clock of its own, which may be silent.
class ClockedStore final : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  [[nodiscard]] std::optional<UtcTime> own_time() override { return own; }
  std::optional<UtcTime> own;
};

TEST_CASE("The time is that of the store which has a clock of its own, else this machine's") {
  const FakeClock clock(*parse_iso("2031-01-01T00:00:00Z"));
  MemoryStore dir(clock);
  ClockedStore s3(clock);
  CHECK(time_of(both(dir, s3), clock) == clock.now());
  s3.own = parse_iso("2026-11-20T03:15:00Z");
  CHECK(time_of(both(dir, s3), clock) == s3.own);
  CHECK(time_of(only(s3), clock) == s3.own);
  CHECK(time_of(only(dir), clock) == clock.now());
  Destinations destinations;
  destinations.emplace_back("dir", Error(ErrorKind::not_found, "away"));
  CHECK(time_of(destinations, clock) == clock.now());
}

}  // namespace
}  // namespace pgbackup
