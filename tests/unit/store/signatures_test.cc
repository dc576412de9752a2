#include "common/store/signatures.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include "common/store/store_config.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/signing.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

/// What the settings of signatures come to.
struct Settings {
  SignatureConfig config;
  std::string problems;
  std::string notes;
  std::string shown;  ///< at start

  explicit Settings(const Environment& environment) {
    std::vector<Option> rows = sign_key_rows(config);
    for (Option& row : verify_key_rows(config)) rows.push_back(std::move(row));
    const CommandLine command{
        .program = "test", .summary = "", .verbs = {{"now", ""}}, .options = std::move(rows)};
    ParsedOptions parsed = parse_options(command, {}, environment);
    check_signatures(config, parsed, environment);
    problems = fmt::format("{}", fmt::join(parsed.problems, "\n"));
    notes = fmt::format("{}", fmt::join(parsed.notes, "\n"));
    for (const Setting& setting : parsed.settings) shown += setting.value + "\n";
  }
};

TEST_CASE("Without keys nothing is signed and everything is believed") {
  const Settings none({});
  CHECK(none.problems.empty());
  const Signatures signatures = signatures_of(none.config);
  CHECK_FALSE(signatures.key);
  CHECK_FALSE(signatures.are_wanted());
}

TEST_CASE("Keys come from variables and files, and the private one is not shown") {
  const TemporaryFolder folder;
  const auto file = folder.write("key.pem", private_pem(kKeyOne));
  REQUIRE(chmod(file.c_str(), 0600) == 0);
  const Settings given(
      {{"BACKUP_SIGN_KEY_FILE", file.string()},
       {"BACKUP_VERIFY_KEY", public_base64(kKeyTwo) + " " + public_base64(kKeyOne)}});
  CHECK(given.problems.empty());
  CHECK(given.notes.empty());
  CHECK(contains(given.shown, "(hidden)"));
  CHECK_FALSE(contains(given.shown, "MC4C"));
  const Signatures signatures = signatures_of(given.config);
  CHECK(signatures.trusted.size() == 2);
  CHECK(signatures.accept("text", signatures.key.value().sign("text")));
  CHECK(signatures.accept("text", SigningKey(private_pem(kKeyTwo)).sign("text")));
  CHECK_FALSE(signatures.accept("text", SigningKey(private_pem(kKeyThree)).sign("text")));
}

TEST_CASE("A private key that every user may read is warned of") {
  const TemporaryFolder folder;
  const auto file = folder.write("key.pem", private_pem(kKeyOne));
  REQUIRE(chmod(file.c_str(), 0644) == 0);
  const Settings given({{"BACKUP_SIGN_KEY_FILE", file.string()}});
  CHECK(given.problems.empty());
  CHECK(contains(given.notes, "can be read by every user"));
}

TEST_CASE("Keys that do not do are named with their setting before anything is done") {
  const TemporaryFolder folder;
  struct Row {
    Environment environment;
    std::string problem;
  };
  for (const Row& row : std::vector<Row>{
           {{{"BACKUP_SIGN_KEY", public_pem(kKeyOne)}}, "BACKUP_SIGN_KEY: it holds a public key"},
           {{{"BACKUP_SIGN_KEY", "x"}}, "BACKUP_SIGN_KEY: it holds no private key"},
           {{{"BACKUP_SIGN_KEY_FILE", (folder.path() / "none").string()}}, "BACKUP_SIGN_KEY_FILE"},
           {{{"BACKUP_VERIFY_KEY", private_pem(kKeyOne)}},
            "BACKUP_VERIFY_KEY: it holds a private key"},
           {{{"BACKUP_VERIFY_KEY", "x"}}, "BACKUP_VERIFY_KEY: it holds what is no public key"},
           {{{"BACKUP_SIGN_KEY", private_pem(kKeyOne)}, {"BACKUP_VERIFY_KEY", public_pem(kKeyTwo)}},
            "BACKUP_VERIFY_KEY does not hold the public key of BACKUP_SIGN_KEY"}}) {
    CAPTURE(row.problem);
    CHECK(contains(Settings(row.environment).problems, row.problem));
  }
}

TEST_CASE("Every destination that is opened has the keys of the settings") {
  const TemporaryFolder folder;
  FakeClock clock;
  TestLog log(clock);
  StoreConfig config;
  config.backup_dir = folder.path();
  config.signatures.sign_key = Secret(private_pem(kKeyOne));
  config.signatures.verify_keys = public_pem(kKeyOne);
  const Destinations destinations = open_destinations(config, clock, log.log(), {});
  CHECK(destinations.at(0).store().signatures().key.has_value());
  CHECK(destinations.at(0).store().signatures().are_wanted());
  config.signatures.verify_keys = "x";
  CHECK(fails_with(ErrorKind::usage, "BACKUP_VERIFY_KEY",
                   [&] { return open_destinations(config, clock, log.log(), {}); }));
}

}  // namespace
}  // namespace pgbackup
