#include "common/service/report_config.h"

#include <unistd.h>

#include "backup/config.h"
#include "prune/config.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

constexpr const char* kSecret = "hunter2-token";

struct Checked {
  ReportConfig config{.metrics_job = "pg_backup"};
  ParsedOptions parsed;
};

void check(Checked& checked, const Environment& environment,
           const std::vector<std::string>& arguments = {}) {
  CommandLine command{.program = "p",
                      .summary = "",
                      .verbs = {{"serve", ""}, {"now", ""}, {"restore", ""}},
                      .options = report_options(checked.config)};
  checked.parsed = parse_options(command, arguments, environment);
  check_report_config(checked.config, checked.parsed);
}

TEST_CASE("Without settings nobody is told") {
  Checked checked;
  check(checked, {});
  CHECK(checked.parsed.problems.empty());
  CHECK(checked.parsed.notes.empty());
  CHECK_FALSE(checked.config.metrics_instance.empty());  // the host's name
}

TEST_CASE("A URL that is none is refused without a word of it, where it is used") {
  for (const auto* const name : {"PING_URL", "NOTIFY_URL", "PUSHGATEWAY_URL"}) {
    const Environment environment = {{name, std::string("h/") + kSecret}};
    Checked checked;
    check(checked, environment);
    REQUIRE(checked.parsed.problems.size() == 1);
    CHECK(checked.parsed.problems[0] ==
          std::string(name) +
              ": this is no URL that begins with http:// or https:// and names a host");
    Checked restore;
    check(restore, environment, {"restore"});
    CHECK(restore.parsed.problems.empty());  // a disaster is no time to correct it
  }
}

TEST_CASE("The URLs show nowhere") {
  for (const auto* const name : {"PING_URL", "NOTIFY_URL", "PUSHGATEWAY_URL"}) {
    Checked checked;
    check(checked, {{name, std::string("http://u:p@h/") + kSecret}});
    for (const Setting& setting : checked.parsed.settings) {
      CHECK_FALSE(contains(setting.value, kSecret));
      if (setting.name == name) CHECK(setting.value == "(hidden)");
    }
  }
  BackupConfig backup;
  PruneConfig prune;
  for (const CommandLine& command : {backup_command_line(backup), prune_command_line(prune)}) {
    const std::vector<std::string> names = secret_variables(command.options);
    for (const std::string name : {"PING_URL", "NOTIFY_URL", "PUSHGATEWAY_URL", "PING_URL_FILE",
                                   "NOTIFY_URL_FILE", "PUSHGATEWAY_URL_FILE"}) {
      CHECK(std::find(names.begin(), names.end(), name) != names.end());
    }
  }
}

TEST_CASE("A file that cannot be read costs a note, and is read again for each run") {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "url";
  const Environment environment = {{"PING_URL_FILE", path}};
  Checked checked;
  check(checked, environment);
  CHECK(checked.parsed.problems.empty());
  REQUIRE(checked.parsed.notes.size() == 1);
  CHECK(checked.parsed.notes[0] ==
        "PING_URL_FILE: cannot read " + path +
            ": No such file or directory; nothing is sent there until it can be read");
  const std::vector<Option> rows = report_options(checked.config);
  REQUIRE(reread_secrets(rows, checked.parsed, environment).size() == 1);
  CHECK(reread_secrets(rows, checked.parsed, environment)[0] ==
        "PING_URL: there is no value yet, because " + path +
            " cannot be read again: No such file or directory");
  folder.write("url", "http://h/\n");
  CHECK(reread_secrets(rows, checked.parsed, environment).empty());
  CHECK(checked.config.ping_url.reveal() == "http://h/");
}

TEST_CASE("A URL where its file is to be named is refused without a word of it") {
  const Environment environment = {{"PING_URL_FILE", std::string("https://h/") + kSecret}};
  const std::vector<std::string> told = {
      "PING_URL_FILE holds a URL, and must name a file that holds it"};
  Checked checked;
  check(checked, environment);
  CHECK(checked.parsed.notes.empty());
  CHECK(checked.parsed.problems == told);
  Checked restore;
  check(restore, environment, {"restore"});
  CHECK(restore.parsed.problems.empty());
  CHECK(restore.parsed.notes == told);
}

TEST_CASE("Two values of one URL, and problems of others, stay problems") {
  const TemporaryFolder folder;
  Checked checked;
  check(checked, {{"NOTIFY_URL", "http://a"},
                  {"NOTIFY_URL_FILE", folder.write("url", "http://b")},
                  {"NOTIFY_ON", "never"}});
  CHECK(checked.parsed.problems.size() == 2);
}

TEST_CASE("Settings without their receiver are noted, and a name that is not read is refused") {
  Checked checked;
  check(checked, {{"NOTIFY_ON", "always"}, {"METRICS_JOB", "j"}, {"METRICS_TEXTFILE", "/x/a.txt"}});
  CHECK(checked.parsed.notes ==
        std::vector<std::string>{"NOTIFY_ON has no effect without NOTIFY_URL"});
  REQUIRE(checked.parsed.problems.size() == 1);
  CHECK(contains(checked.parsed.problems[0], "METRICS_TEXTFILE: node_exporter reads only"));
}

}  // namespace
}  // namespace pgbackup
