#include "backup/age_options.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>

#include "backup/age_keys.h"
#include "backup/config.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/support/age_keys.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

const std::string kA = kRecipient;
const std::string kB = kOtherRecipient;
const std::string kKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMwK";

std::string secret_key() {
  std::string key = kIdentity;
  key.pop_back();  // the line break
  return key;
}

/// Parses settings as main() does.
struct Parsed {
  explicit Parsed(Environment more, std::vector<std::string> arguments = {"now"})
      : environment(std::move(more)) {
    environment.insert({{"BACKUP_DIR", "/backups"}, {"DB", "app"}});
    const VariableGuard zone("TZ");
    options = parse_options(command, arguments, environment);
    check_backup_config(config, options, environment);
  }
  [[nodiscard]] std::string problems() const {
    return fmt::format("{}", fmt::join(options.problems, "\n"));
  }
  [[nodiscard]] std::string all() const {
    std::string text = problems() + fmt::format("{}", fmt::join(options.notes, "\n"));
    for (const Setting& setting : options.settings) text += setting.name + setting.value;
    return text;
  }

  BackupConfig config{};
  CommandLine command = backup_command_line(config);
  Environment environment;
  ParsedOptions options{};
};

TEST_CASE("Recipients of age are a list, in which an SSH key has a comment, or lines of a file") {
  const auto list = [](std::string_view text) {
    return parse_recipients(text, RecipientsForm::list);
  };
  CHECK(list(kA) == kA + "\n");
  CHECK(list(kA + "," + kB) == kA + "\n" + kB + "\n");
  CHECK(list(" " + kA + " \t" + kB + ",\n") == kA + "\n" + kB + "\n");
  CHECK(list(kA + "\r\n# a comment, with a comma\n\n" + kB) == kA + "\n" + kB + "\n");
  CHECK(list(kKey) == kKey + "\n");
  CHECK(list(kKey + " someone@work , " + kA) == kKey + " someone@work\n" + kA + "\n");
  CHECK(list(kA + " " + kKey + " a comment\n" + kB) ==
        kA + "\n" + kKey + " a comment\n" + kB + "\n");
  const std::string file = "# " + kB + "\n\n" + kKey + " someone, somewhere\r\n" + kA;
  CHECK(parse_recipients(file, RecipientsForm::file) == kKey + " someone, somewhere\n" + kA + "\n");

  for (const auto* const empty : {"", " ", ",", "\n", "# nobody", " # nobody\n,,"}) {
    CAPTURE(empty);
    CHECK(fails_with(ErrorKind::usage, "no recipient", [&] { return list(empty); }));
  }
  CHECK(fails_with(ErrorKind::usage, "comment", [&] { return list(kKey + " " + kA); }));
  CHECK(fails_with(ErrorKind::usage, "comment", [&] { return list(kKey + " me " + kKey); }));
}

TEST_CASE("A secret key is no recipient, however it is written, and nothing of it is shown") {
  const std::string secret = secret_key();
  std::string lower = secret;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string body = std::string(kSshIdentity).substr(36, 60);
  for (const std::string& value :
       {secret, lower, kA + "," + secret, "# " + secret, std::string(kSshIdentity),
        std::string("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ"),
        std::string("-----begin rsa private key-----"),
        std::string("-----BEGIN AGE ENCRYPTED FILE-----"), std::string(kAgeMagic)}) {
    const Parsed parsed({{"BACKUP_AGE_RECIPIENTS", value}});
    CHECK(parsed.problems().find("THIS IS A SECRET KEY") != std::string::npos);
    for (const std::string& part : {secret.substr(15, 20), lower.substr(15, 20), body}) {
      CHECK(parsed.all().find(part) == std::string::npos);
    }
    CHECK_FALSE(parsed.config.age.encrypts());
    CHECK(parsed.config.age.recipients.empty());
  }
  const Parsed path({{"BACKUP_AGE_IDENTITY_FILE", secret}}, {"restore"});
  CHECK(path.problems().find("THIS IS A SECRET KEY") != std::string::npos);
  CHECK(path.all().find(secret.substr(15, 20)) == std::string::npos);

  const TemporaryFolder folder;
  const std::string file = (folder.path() / "key").string();
  std::ofstream(file) << "# public key: " << kA << "\n" << secret << "\n";
  const Parsed by_file({{"BACKUP_AGE_RECIPIENTS_FILE", file}});
  CHECK(by_file.problems().find("THIS IS A SECRET KEY") != std::string::npos);
  CHECK(by_file.all().find(secret.substr(15, 20)) == std::string::npos);
}

TEST_CASE("What is made is encrypted where there are recipients, and only there") {
  Parsed with_recipients({{"BACKUP_AGE_RECIPIENTS", kA + "," + kB}});
  CHECK(with_recipients.problems().empty());
  CHECK(with_recipients.config.dump.packing.encryption == Encryption::age);
  CHECK(with_recipients.config.dump.effort.keys == &with_recipients.config.age.keys);
  CHECK(with_recipients.config.age.keys.recipients == kA + "\n" + kB + "\n");
  const Parsed without({});
  CHECK(without.config.dump.packing.encryption == Encryption::none);
  CHECK(without.config.dump.effort.keys == nullptr);

  const Environment daily = {{"BACKUP_AGE_RECIPIENTS", kA}, {"VERIFY_SCHEDULE", "@daily"}};
  CHECK(Parsed(daily, {"serve"}).problems().find("VERIFY_DEPTH=stored") != std::string::npos);
  CHECK(Parsed(daily).problems().empty());
  Environment stored = daily;
  stored["VERIFY_DEPTH"] = "stored";
  CHECK(Parsed(stored, {"serve"}).problems().empty());
  const Parsed keys({{"BACKUP_AGE_RECIPIENTS", kA}, {"BACKUP_AGE_IDENTITY_FILE", "/key"}},
                    {"serve"});
  CHECK(keys.all().find("no effect on serve") != std::string::npos);
}

TEST_CASE("No child process is told where the identities are") {
  BackupConfig config;
  const CommandLine command = backup_command_line(config);
  const Environment left = without_secrets(
      {{"BACKUP_AGE_IDENTITY_FILE", "/key"}, {"BACKUP_AGE_RECIPIENTS", kA}}, command.options);
  CHECK(left == Environment{{"BACKUP_AGE_RECIPIENTS", kA}});
}

TEST_CASE("Recipients that were replaced by nonsense are kept") {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "recipients").string();
  std::ofstream(file) << kA << "\n";
  Parsed parsed({{"BACKUP_AGE_RECIPIENTS_FILE", file}});
  AgeOptions& age = parsed.config.age;
  const auto reread = [&](const std::string& text) {
    std::ofstream(file) << text;
    std::vector<std::string> notes =
        reread_secrets(parsed.command.options, parsed.options, parsed.environment);
    notes.push_back(take_reread_recipients(age, parsed.options));
    return fmt::format("{}", fmt::join(notes, ""));
  };
  CHECK(reread(kA + "\n" + kB + "\n").empty());
  CHECK(age.keys.recipients == kA + "\n" + kB + "\n");
  for (const std::string& bad : {std::string(kIdentity), std::string("# nobody"), std::string()}) {
    const std::string note = reread(bad);
    CHECK(note.find("kept") != std::string::npos);
    CHECK(note.find("AGE-SECRET") == std::string::npos);
    CHECK(age.keys.recipients == kA + "\n" + kB + "\n");
  }
}

TEST_CASE("Identities come from files, which must hold one") {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder.path() / name) << text;
    return (folder.path() / name).string();
  };
  AgeOptions options;
  find_age(options.keys, process_environment());
  const auto read = [&](const std::string& files) {
    options.identity_files = files;
    read_identities(options);
    return options.keys.identities.size();
  };
  CHECK(read("") == 0);
  CHECK(options.for_reading() == nullptr);
  const std::string one = write("one", "# a comment\n" + std::string(kIdentity));
  const std::string two = write("two", kSshIdentity);
  CHECK(read(one) == 1);
  CHECK(options.keys.identities[0].reveal() == "# a comment\n" + std::string(kIdentity));
  CHECK(read(one + ", " + two) == 2);
  CHECK(options.for_reading() == &options.keys);

  const auto refused = [&](const std::string& files, std::string_view why) {
    return fails_with(ErrorKind::usage, why, [&] { return read(files); });
  };
  CHECK(refused((folder.path() / "none").string(), "cannot open"));
  CHECK(refused(folder.path().string(), "cannot read"));
  CHECK(refused(one + "," + write("public", kA), "holds recipients"));
  CHECK(refused(write("empty", ""), "holds no identity"));
  CHECK(refused(write("large", std::string(300'000, 'x')), "too large"));
  std::string locked = kSshIdentity;
  locked.replace(locked.find("AAAAABG5vbmU"), 12, "AAAAACmFlczI");
  CHECK(refused(write("locked", locked), "ssh-keygen -p"));
  find_age(options.keys, {{"PATH", folder.path().string()}});
  CHECK(refused(one, "install the package age"));
}

TEST_CASE("Encryption is tried before the first backup, in age's own words") {
  const NoBrokenPipe guard;
  const SystemClock clock;
  TestLog log(clock);
  AgeOptions options;
  begin_encrypting(options, log.log());
  CHECK(log.text().empty());
  find_age(options.keys, process_environment());
  options.keys.recipients = kA + "\n" + kA + "\n";
  begin_encrypting(options, log.log());
  CHECK(log.text().find("recipients=1") != std::string::npos);
  CHECK(log.text().find("without its key, no backup can be read") != std::string::npos);
  CHECK_FALSE(options.keys.version.empty());
  options.keys.recipients = kA + "\n" + kB + "\n";
  CHECK(try_encrypting(options.keys).recipients == 2);
  for (const auto* const bad : {"age1nonsense\n", "/etc/passwd\n", "ssh-ed25519 AAAA\n"}) {
    options.keys.recipients = bad;
    CHECK(fails_with(ErrorKind::usage, "age cannot encrypt",
                     [&] { return try_encrypting(options.keys).recipients; }));
  }
  options.keys.program.clear();
  CHECK(fails_with(ErrorKind::usage, "install the package age",
                   [&] { return try_encrypting(options.keys).recipients; }));
}

}  // namespace
}  // namespace pgbackup
