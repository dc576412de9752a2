#include "common/base/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/error.h"
#include "common/base/option_help.h"
#include "common/base/option_value.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

enum class Style { text, json };

/// A table with a row of every kind.
struct Settings {
  std::string bucket;
  Secret key;
  std::filesystem::path folder;
  bool dry_run = false;
  bool verify = true;
  int port = 5432;
  seconds interval{3600};
  std::optional<seconds> age;
  uint64_t part = uint64_t{16} << 20U;
  Style style = Style::text;

  CommandLine command{
      .program = "prog",
      .summary = "Does things.",
      .verbs = {{"serve", "Again and again."}, {"now", "Once."}},
      .options = {
          {.name = "S3_BUCKET",
           .value = &bucket,
           .help = "Bucket.",
           .fallbacks = {"AWS_BUCKET", "B"}},
          {.name = "S3_KEY", .value = &key, .help = "Key.", .fallbacks = {"AWS_KEY"}},
          {.name = "DIR", .value = &folder, .help = "Folder."},
          {.name = "--dry-run", .value = &dry_run, .help = "Only say."},
          {.name = "VERIFY", .value = &verify, .help = "Verify."},
          {.name = "DB_PORT", .value = Number{&port, 1, 65535}, .help = "Port."},
          {.name = "INTERVAL", .value = Duration{&interval, seconds(60)}, .help = "Interval."},
          {.name = "MAX_AGE", .value = Duration{&age, seconds(1)}, .help = "Age | none."},
          {.name = "PART", .value = Bytes{&part, 1024, 1U << 30U}, .help = "Part size."},
          {.name = "STYLE", .value = choice(&style, {"text", "json"}), .help = "Style."}}};

  ParsedOptions parse(const Environment& environment,
                      const std::vector<std::string>& arguments = {}) {
    return parse_options(command, arguments, environment);
  }
  /// The problems, one per line.
  std::string problems(const Environment& environment,
                       const std::vector<std::string>& arguments = {}) {
    return fmt::format("{}", fmt::join(parse(environment, arguments).problems, "\n"));
  }
};

TEST_CASE("A switch takes the words of YAML, Python and shell scripts") {
  for (const auto* text : {"true", "True", "TRUE", "yes", "Yes", "on", "ON", "1"}) {
    CAPTURE(text);
    Settings settings;
    settings.verify = false;
    CHECK(settings.problems({{"VERIFY", text}}).empty());
    CHECK(settings.verify);
  }
  for (const auto* text : {"false", "False", "no", "NO", "off", "Off", "0"}) {
    CAPTURE(text);
    Settings settings;
    settings.verify = true;
    CHECK(settings.problems({{"VERIFY", text}}).empty());
    CHECK_FALSE(settings.verify);
  }
}

TEST_CASE("What stands around a secret is pointed out, since nobody can see it") {
  for (const auto* text : {"\"secret\"", "'secret'", " secret", "secret ", "secret\t"}) {
    CAPTURE(text);
    Settings settings;
    const ParsedOptions parsed = settings.parse({{"S3_KEY", text}});
    if (std::string_view(text).ends_with('\t')) {
      CHECK(parsed.problems.size() == 1);
      continue;
    }
    CHECK(parsed.problems.empty());
    REQUIRE(parsed.notes.size() == 1);
    CHECK(parsed.notes.front().starts_with("S3_KEY has quotes or whitespace around it"));
    CHECK(parsed.notes.front().find("secret") == std::string::npos);
  }
  for (const auto* text : {"secret", "\"secret", "sec ret", "\"secret'", "\""}) {
    CAPTURE(text);
    CHECK(Settings().parse({{"S3_KEY", text}}).notes.empty());
  }
}

TEST_CASE("A size is taken in bytes or with a unit, within its bounds") {
  Settings settings;
  CHECK(settings.problems({{"PART", "5MiB"}}).empty());
  CHECK(settings.part == uint64_t{5} << 20U);
  for (const auto* text : {"5", "2GiB", "0", "5M", "-5MiB"}) {
    CAPTURE(text);
    CHECK(settings.problems({{"PART", text}}).find("PART") != std::string::npos);
  }
  CHECK(settings.part == uint64_t{5} << 20U);
}

std::string source_of(const ParsedOptions& parsed, std::string_view name) {
  for (const Setting& setting : parsed.settings) {
    if (setting.name == name) return setting.source;
  }
  return "none";
}

TEST_CASE("Without anything set the defaults stand") {
  Settings s;
  const ParsedOptions parsed = s.parse({});
  CHECK(parsed.problems.empty());
  CHECK(parsed.verb == "serve");
  CHECK(s.port == 5432);
  CHECK_FALSE(s.age);
  CHECK(source_of(parsed, "DB_PORT") == "default");
}

TEST_CASE("Variables, flags in both forms, and the command are taken") {
  Settings s;
  CHECK(s.problems({{"S3_BUCKET", "b"}, {"S3_KEY", "k"}, {"VERIFY", "false"}},
                   {"--db-port", "1", "now", "--interval=90s", "--dry-run", "--style", "json",
                    "--dir=/x y", "--max-age", "30d"})
            .empty());
  CHECK(s.bucket == "b");
  CHECK(s.key.reveal() == "k");
  CHECK_FALSE(s.verify);
  CHECK(s.port == 1);
  CHECK(s.interval == seconds(90));
  CHECK(s.dry_run);
  CHECK(s.style == Style::json);
  CHECK(s.folder == "/x y");
  CHECK(s.age == seconds(2592000));
  CHECK(s.parse({}, {"now"}).verb == "now");
}

TEST_CASE("A flag beats a variable, a variable a file, a file a fallback, that the default") {
  const TemporaryFolder folder;
  const std::string path = folder.write("b", "from-file\n");
  Environment environment;
  const auto bucket = [&](const std::vector<std::string>& arguments = {}) {
    Settings s;
    const ParsedOptions parsed = s.parse(environment, arguments);
    CHECK(parsed.problems.empty());
    return s.bucket + " " + source_of(parsed, "S3_BUCKET");
  };
  CHECK(bucket() == " default");
  environment["B"] = "second";
  CHECK(bucket() == "second B");
  environment["AWS_BUCKET"] = "first";
  CHECK(bucket() == "first AWS_BUCKET");
  environment["S3_BUCKET_FILE"] = path;
  CHECK(bucket() == "from-file file");
  CHECK(bucket({"--s3-bucket", "flag"}) == "flag flag");
  environment.erase("S3_BUCKET_FILE");
  environment["S3_BUCKET"] = "variable";
  CHECK(bucket() == "variable variable");
  CHECK(bucket({"--s3-bucket", "flag"}) == "flag flag");
}

/// Rows that older systems called by other names.
struct Renamed {
  int keep = 7;
  std::optional<seconds> age;
  std::string bucket;

  CommandLine command{
      .program = "prog",
      .summary = "Does things.",
      .verbs = {{"now", "Once."},
                {"hold", "Holds.", "GROUP/ID"},
                {"copy", "Copies.", "NAME PATH"},
                {"restore", "Restores.", "[ID]"}},
      .options = {
          {.name = "KEEP",
           .value = Number{&keep, 0, 100},
           .help = "So many.",
           .aliases = {{"MAX_N"}, {"RETAIN"}},
           .fallbacks = {"OTHERS"}},
          {.name = "AGE",
           .value = Duration{&age, seconds(1)},
           .help = "So old.",
           .aliases = {{"KEEP_DAYS", "d"}}},
          {.name = "BUCKET", .value = &bucket, .help = "Bucket.", .aliases = {{"S3_NAME"}}}}};

  std::string problems(const Environment& environment,
                       const std::vector<std::string>& arguments = {}) {
    parsed = parse_options(command, arguments, environment);
    return fmt::format("{}", fmt::join(parsed.problems, "\n"));
  }
  ParsedOptions parsed;
};

TEST_CASE(
    "An older system's name is as good as ours, and two may stand side by side if they agree") {
  struct Row {
    Environment environment;
    int keep;
    std::string source;
  };
  for (const Row& row : std::vector<Row>{
           {{{"MAX_N", "3"}}, 3, "MAX_N"},
           {{{"RETAIN", "3"}}, 3, "RETAIN"},
           {{{"KEEP", "3"}, {"MAX_N", "3"}}, 3, "variable"},
           {{{"KEEP", "3"}, {"MAX_N", "03"}}, 3, "variable"},
           {{{"MAX_N", "3"}, {"RETAIN", "3"}}, 3, "MAX_N"},
           {{{"KEEP", "0"}, {"MAX_N", "0"}, {"RETAIN", "0"}}, 0, "variable"},
           {{{"KEEP", "7"}, {"RETAIN", "7"}}, 7, "variable"},
           {{{"KEEP", "3"}, {"MAX_N", ""}}, 3, "variable"},
           {{{"KEEP", ""}, {"MAX_N", "3"}}, 3, "MAX_N"},
           {{{"MAX_N", ""}, {"RETAIN", ""}}, 7, "default"},
           {{{"OTHERS", "9"}, {"MAX_N", "3"}}, 3, "MAX_N"},
           {{{"OTHERS", "9"}, {"MAX_N", ""}}, 9, "OTHERS"},
       }) {
    Renamed s;
    CAPTURE(row.environment);
    CHECK(s.problems(row.environment).empty());
    CHECK(s.keep == row.keep);
    CHECK(source_of(s.parsed, "KEEP") == row.source);
    CHECK(is_set(s.parsed, "KEEP") == (row.source != "default"));
  }
  Renamed s;
  CHECK(s.problems({{"S3_NAME", "b"}, {"BUCKET", "b"}}).empty());
  CHECK(s.bucket == "b");
}

TEST_CASE("An older system's name has a file form, too, and is told from ours") {
  const TemporaryFolder folder;
  const std::string file = folder.write("three", "3\n");
  Renamed s;
  CHECK(s.problems({{"MAX_N_FILE", file}, {"S3_NAME", "b"}}).empty());
  CHECK(s.keep == 3);
  for (const Setting& setting : s.parsed.settings) {
    if (setting.name == "KEEP") CHECK(setting.given_as == "MAX_N_FILE");
    CHECK(setting.by_alias == (setting.name == "KEEP" || setting.name == "BUCKET"));
  }
  CHECK(s.problems({{"MAX_N_FILE", file}, {"MAX_N", "3"}}) ==
        "MAX_N and MAX_N_FILE are both set; keep one");
  CHECK(s.problems({{"MAX_N_FILE", file}, {"KEEP", "4"}}) ==
        "KEEP and MAX_N_FILE are two names for one setting and differ; keep one");
}

TEST_CASE("A mounted secret counts where nothing else says it") {
  const TemporaryFolder folder;
  const std::string file = folder.write("secret", "mounted\n");
  const std::string empty = folder.write("empty", "\n");
  const auto parse = [](const std::string& path, const Environment& environment) {
    Secret secret;
    const CommandLine command{.program = "prog",
                              .summary = "",
                              .verbs = {{"serve", ""}},
                              .options = {{.name = "KEY",
                                           .value = &secret,
                                           .help = "",
                                           .aliases = {{"OLD_KEY"}},
                                           .fallbacks = {"PGKEY"},
                                           .secret_file = path}}};
    const ParsedOptions parsed = parse_options(command, {}, environment);
    return std::string(secret.reveal()) + " from " + source_of(parsed, "KEY") +
           (parsed.problems.empty() ? "" : " " + parsed.problems[0]);
  };
  CHECK(parse(file, {}) == "mounted from " + file);
  CHECK(parse(file, {{"KEY", "x"}}) == "x from variable");
  CHECK(parse(file, {{"OLD_KEY", "x"}}) == "x from OLD_KEY");
  CHECK(parse(file, {{"PGKEY", "x"}}) == "x from PGKEY");
  CHECK(parse(file, {{"KEY", ""}}) == "mounted from " + file);
  CHECK(parse(empty, {}) == " from default");
  CHECK(parse(folder.path() / "none", {}) == " from default");
  CHECK(parse(folder.path() / "secret" / "x", {}) == " from default");
  CHECK(parse(folder.path(), {}).find("KEY: cannot read") != std::string::npos);
}

TEST_CASE("A verb answers to the name that an older system gave it") {
  const CommandLine command{
      .program = "prog",
      .summary = "",
      .verbs = {{.name = "serve", .help = "", .also = "prog-service /opt/prog.py"}, {"now", ""}},
      .options = {}};
  const auto verb = [&](const std::string& word) {
    const ParsedOptions parsed = parse_options(command, std::vector<std::string>{word}, {});
    return parsed.problems.empty() ? std::string(parsed.verb) : parsed.problems[0];
  };
  CHECK(verb("prog-service") == "serve");
  CHECK(verb("/opt/prog.py") == "serve");
  CHECK(verb("serve") == "serve");
  CHECK(verb("now") == "now");
  CHECK(verb("").starts_with("unknown command"));
  CHECK(verb("/opt/prog").starts_with("unknown command"));
  CHECK(verb("prog-service /opt/prog.py").starts_with("unknown command"));
  CHECK(verb("prog-servic").starts_with("unknown command"));
}

TEST_CASE("Two names for one setting that differ are an error that names both") {
  const TemporaryFolder folder;
  const std::string three = folder.write("three", "3\n");
  const auto differ = [](const std::string& one, const std::string& other) {
    return one + " and " + other + " are two names for one setting and differ; keep one";
  };
  struct Row {
    Environment environment;
    std::string problem;
  };
  for (const Row& row : std::vector<Row>{
           {{{"KEEP", "3"}, {"MAX_N", "4"}}, differ("KEEP", "MAX_N")},
           {{{"KEEP", "3"}, {"RETAIN", "0"}}, differ("KEEP", "RETAIN")},
           {{{"MAX_N", "3"}, {"RETAIN", "4"}}, differ("MAX_N", "RETAIN")},
           {{{"KEEP", "3"}, {"MAX_N", "4"}, {"RETAIN", "5"}},
            differ("KEEP", "MAX_N") + "\n" + differ("KEEP", "RETAIN")},
           {{{"KEEP", "3"}, {"MAX_N", "3"}, {"RETAIN", "5"}}, differ("KEEP", "RETAIN")},
           {{{"KEEP_FILE", three}, {"MAX_N", "4"}}, differ("KEEP_FILE", "MAX_N")},
           {{{"AGE", "30d"}, {"KEEP_DAYS", "31"}}, differ("AGE", "KEEP_DAYS")},
           {{{"AGE", "30"}, {"KEEP_DAYS", "30"}}, differ("AGE", "KEEP_DAYS")},
           {{{"AGE", "30d"}, {"KEEP_DAYS", "x"}}, differ("AGE", "KEEP_DAYS")},
           {{{"BUCKET", "b"}, {"S3_NAME", "B"}}, differ("BUCKET", "S3_NAME")},
           {{{"BUCKET", "b"}, {"S3_NAME", "b "}}, differ("BUCKET", "S3_NAME")},
       }) {
    CAPTURE(row.environment);
    CHECK(Renamed().problems(row.environment) == row.problem);
  }
  Renamed s;
  CHECK(s.problems({{"KEEP_FILE", three}, {"MAX_N", "3"}}).empty());
  CHECK(s.keep == 3);
  CHECK(source_of(s.parsed, "KEEP") == "file");
  CHECK(s.problems({{"KEEP_FILE", folder.path() / "none"}, {"MAX_N", "3"}})
            .starts_with("KEEP_FILE: cannot read"));
}

TEST_CASE("A flag is stronger than every name") {
  Renamed s;
  CHECK(s.problems({{"MAX_N", "3"}, {"KEEP_DAYS", "9"}}, {"--keep", "5", "--age=1h"}).empty());
  CHECK(s.keep == 5);
  CHECK(s.age == seconds(3600));
  CHECK(s.problems({}, {"--max-n", "5"}).starts_with("unknown option --max-n"));
}

TEST_CASE("A number without a unit is in that of the older system") {
  for (const auto* text : {"30", "30d", "720h", "030", "2592000s"}) {
    CAPTURE(text);
    Renamed s;
    CHECK(s.problems({{"KEEP_DAYS", text}}).empty());
    CHECK(s.age == seconds(2592000));
    CHECK(s.problems({{"AGE", "30d"}, {"KEEP_DAYS", text}}).empty());
    CHECK(s.problems({{"AGE", "2592000"}, {"KEEP_DAYS", text}}).empty());
  }
  for (const auto* text : {"0", "-1", "1.5", "30 ", " 30", "d", "30days", "+30", "1e3", "thirty",
                           "99999999999999999999"}) {
    CAPTURE(text);
    Renamed s;
    CHECK(s.problems({{"KEEP_DAYS", text}}).starts_with("KEEP_DAYS: '" + std::string(text)));
    CHECK_FALSE(s.age);
  }
}

TEST_CASE("Help and the documented table show the names of older systems") {
  Renamed s;
  const std::string help = help_text(s.command);
  CHECK(help.find("So many. Also: `MAX_N`, `RETAIN`. (default: 7)\n") != std::string::npos);
  CHECK(help.find("So old. Also: `KEEP_DAYS` (days).\n") != std::string::npos);
  CHECK(markdown_table(s.command).find("| So old. Also: `KEEP_DAYS` (days). |\n") !=
        std::string::npos);
}

TEST_CASE("A command may have several arguments, and one that may be left out") {
  using Words = std::vector<std::string>;
  Renamed s;
  CHECK(s.problems({}, {"copy", "a", "b"}).empty());
  CHECK(s.parsed.arguments == Words{"a", "b"});
  CHECK(s.problems({}, {"copy", "a"}) == "copy needs NAME PATH");
  CHECK(s.problems({}, {"copy", "a", "b", "c"}) == "unexpected argument c");
  CHECK(s.problems({}, {"restore", "LATEST"}).empty());
  CHECK(s.parsed.arguments == Words{"LATEST"});
  CHECK(s.problems({}, {"restore"}).empty());
  CHECK(s.parsed.arguments.empty());
  CHECK(s.problems({}, {"restore", "a", "b"}) == "unexpected argument b");
}

TEST_CASE("A command may have an argument, which it then needs") {
  Renamed s;
  CHECK(s.problems({}, {"hold", "app/1"}).empty());
  CHECK(s.parsed.verb == "hold");
  CHECK(s.parsed.arguments == std::vector<std::string>{"app/1"});
  CHECK(s.problems({}, {"--keep", "1", "hold", "--age=1h", "app/1"}).empty());
  CHECK(s.problems({}, {"now"}).empty());
  CHECK(s.parsed.arguments.empty());
  CHECK(s.problems({}, {"hold"}) == "hold needs GROUP/ID");
  CHECK(s.problems({}, {"hold", "app/1", "app/2"}) == "unexpected argument app/2");
  CHECK(s.problems({}, {"now", "app/1"}) == "unexpected argument app/1");
  CHECK(s.problems({}, {"app/1"}).starts_with("unknown command app/1"));
  CHECK(help_text(s.command).find("\n  hold GROUP/ID  Holds.\n") != std::string::npos);
}

TEST_CASE("An empty variable counts as unset") {
  Settings s;
  CHECK(s.problems({{"DB_PORT", ""}, {"DB_PORT_FILE", ""}, {"S3_BUCKET", ""}, {"B", "b"}}).empty());
  CHECK(s.port == 5432);
  CHECK(s.bucket == "b");
}

TEST_CASE("A secret comes from its file without the newline, and the file must be usable") {
  const TemporaryFolder folder;
  Settings s;
  CHECK(s.problems({{"S3_KEY_FILE", folder.write("key", " p@:/'\"%$ w \r\n")}}).empty());
  CHECK(s.key.reveal() == " p@:/'\"%$ w ");
  CHECK(Settings().problems({{"S3_KEY_FILE", folder.write("empty", "\n")}}).find("is empty") !=
        std::string::npos);
  CHECK(Settings().problems({{"S3_KEY_FILE", "/does/not/exist"}}) ==
        "S3_KEY_FILE: cannot read /does/not/exist: No such file or directory");
  CHECK(
      Settings().problems({{"S3_KEY_FILE", folder.path().string()}}).starts_with("S3_KEY_FILE: "));
  CHECK(Settings().problems({{"S3_KEY_FILE", "/dev/zero"}}) ==
        "S3_KEY_FILE: cannot read /dev/zero: File too large");
  CHECK(Settings().problems({{"S3_KEY", "x"}, {"S3_KEY_FILE", folder.write("k", "y")}}) ==
        "S3_KEY and S3_KEY_FILE are both set; keep one");
}

TEST_CASE("A secret's names are withheld with their files, and no other") {
  const Settings settings;
  CHECK(secret_variables(settings.command.options) ==
        std::vector<std::string>{"S3_KEY", "S3_KEY_FILE", "AWS_KEY"});
  const Environment left = without_secrets({{"S3_KEY", "k"},
                                            {"S3_KEY_FILE", "/k"},
                                            {"AWS_KEY", "k"},
                                            {"S3_BUCKET", "b"},
                                            {"PATH", "/bin"}},
                                           settings.command.options);
  CHECK(left == Environment{{"S3_BUCKET", "b"}, {"PATH", "/bin"}});
}

TEST_CASE("A secret's file is read anew, and what it said stays while it is being replaced") {
  Settings settings;
  const TemporaryFolder folder;
  const std::string path = folder.write("key", "old\n").string();
  const std::string bucket = folder.write("bucket", "one").string();
  const Environment environment = {{"S3_KEY_FILE", path}, {"S3_BUCKET_FILE", bucket}};
  const ParsedOptions parsed = settings.parse(environment);
  REQUIRE(parsed.problems.empty());
  const auto reread = [&] { return reread_secrets(settings.command.options, parsed, environment); };
  CHECK(reread().empty());
  CHECK(settings.key.reveal() == "old");
  folder.write("key", "new\n");
  folder.write("bucket", "two");
  CHECK(reread().empty());
  CHECK(settings.key.reveal() == "new");
  CHECK(settings.bucket == "one");  // what is no secret is read once
  for (const auto* half : {"", "\n", "a\nb"}) {
    folder.write("key", half);
    REQUIRE(reread().size() == 1);
    CHECK(reread().front().starts_with("S3_KEY: the previous value is kept"));
  }
  std::filesystem::remove(path);
  CHECK(reread().front().find("No such file") != std::string::npos);
  CHECK(settings.key.reveal() == "new");
}

TEST_CASE("A secret that came from a variable has no file to be read anew") {
  Settings settings;
  const Environment environment = {{"AWS_KEY", "k"}};
  const ParsedOptions parsed = settings.parse(environment);
  CHECK(reread_secrets(settings.command.options, parsed, environment).empty());
  CHECK(settings.key.reveal() == "k");
}

TEST_CASE("Paths, bools and flags have no file form") {
  const TemporaryFolder folder;
  Settings s;
  const std::string path = folder.write("v", "false");
  CHECK(s.problems({{"DIR_FILE", path}, {"VERIFY_FILE", path}, {"--dry-run_FILE", path}}).empty());
  CHECK(s.folder.empty());
  CHECK(s.verify);
}

TEST_CASE("A secret never shows: not in settings, problems or help") {
  const std::string secret = "hunter2-and-more";
  const TemporaryFolder folder;
  for (const Environment& environment :
       {Environment{{"S3_KEY", secret}}, Environment{{"AWS_KEY", secret}},
        Environment{{"S3_KEY_FILE", folder.write("k", secret)}},
        Environment{{"S3_KEY", secret}, {"S3_KEY_FILE", folder.write("k", secret)}}}) {
    Settings s;
    const ParsedOptions parsed = s.parse(environment);
    for (const Setting& setting : parsed.settings) {
      CHECK(setting.value.find(secret) == std::string::npos);
      if (setting.name == "S3_KEY") CHECK(setting.value == "(hidden)");
    }
    for (const std::string& problem : parsed.problems) {
      CHECK(problem.find(secret) == std::string::npos);
    }
    CHECK(help_text(s.command).find(secret) == std::string::npos);
    CHECK(markdown_table(s.command).find(secret) == std::string::npos);
  }
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--s3-key", secret}, {"--s3-key=" + secret}}) {
    Settings s;
    const std::string text = s.problems({}, arguments);
    CHECK(text == "--s3-key: every process can read a command line; set S3_KEY or S3_KEY_FILE");
    CHECK(s.key.empty());
  }
}

TEST_CASE("Every wrong command line is one sentence") {
  struct Row {
    std::vector<std::string> arguments;
    std::string problem;
  };
  for (const Row& row : std::vector<Row>{
           {{"now", "--s3-buket=x"}, "unknown option --s3-buket; did you mean --s3-bucket?"},
           {{"--s3-buket=x"}, "unknown option --s3-buket; did you mean --s3-bucket?"},
           {{"--quite-another-thing"}, "unknown option --quite-another-thing"},
           {{"--db-port"}, "--db-port needs a value"},
           {{"now", "--s3-bucket"}, "--s3-bucket needs a value"},
           {{"--dry-run=yes"}, "--dry-run takes no value"},
           {{"--help=x"}, "--help takes no value"},
           {{"nw"}, "unknown command nw; did you mean now?; the commands are serve, now"},
           {{"frobnicate"}, "unknown command frobnicate; the commands are serve, now"},
           {{"now", "again"}, "unexpected argument again"},
           {{"-x"}, "unknown option -x"},
           {{"-xh"}, "unknown option -x"},
           {{"-\xc3h"}, "unknown option -\xc3"}}) {
    CAPTURE(row.arguments);
    Settings s;
    CHECK(s.problems({}, row.arguments) == row.problem);
  }
}

TEST_CASE("Every wrong value is one sentence that names where it came from") {
  struct Row {
    std::string name;
    std::string value;
    std::string part;
  };
  for (const Row& row :
       std::vector<Row>{{"DB_PORT", "0", "a whole number from 1 to 65535"},
                        {"DB_PORT", "65536", "a whole number"},
                        {"DB_PORT", "-1", "a whole number"},
                        {"DB_PORT", "1.5", "a whole number"},
                        {"DB_PORT", " 1", "a whole number"},
                        {"DB_PORT", "1 ", "a whole number"},
                        {"DB_PORT", "0x10", "a whole number"},
                        {"DB_PORT", "99999999999999", "a whole number"},
                        {"DB_PORT", "tcp://10.0.0.1:5432", "enableServiceLinks"},
                        {"INTERVAL", "59", "too short: it must be at least 1m"},
                        {"INTERVAL", "1.5h", "a duration such as"},
                        {"INTERVAL", "6 h", "a duration such as"},
                        {"INTERVAL", "tcp://10.0.0.1:80", "enableServiceLinks"},
                        {"MAX_AGE", "0", "too short: it must be at least 1s"},
                        {"MAX_AGE", "-1d", "a duration such as"},
                        {"VERIFY", "y", "true or false"},
                        {"VERIFY", "2", "true or false"},
                        {"VERIFY", "true ", "true or false"},
                        {"VERIFY", "enabled", "true or false"},
                        {"STYLE", "xml", "one of text, json"},
                        {"STYLE", "JSON", "one of text, json"},
                        {"S3_BUCKET", "a\nb", "control character"},
                        {"S3_BUCKET", "-----BEGIN KEY-----\n\x1b", "control character"},
                        {"S3_BUCKET", "a\n-----BEGIN KEY-----\nb", "control character"},
                        {"S3_BUCKET", "tcp://10.0.0.1:80", "enableServiceLinks"}}) {
    CAPTURE(row.name, row.value);
    Settings s;
    const std::string text = s.problems({{row.name, row.value}});
    CHECK(text.starts_with(row.name + ": "));
    CHECK(text.find(row.part) != std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
    CHECK_FALSE(s.age);
  }
  CHECK(Settings().problems({}, {"--db-port", "x"}).starts_with("--db-port: 'x' is not"));
}

TEST_CASE("All problems come at once and as one Error of kind usage") {
  Settings s;
  const ParsedOptions parsed =
      s.parse({{"DB_PORT", "x"}, {"STYLE", "y"}}, {"--interval", "z", "later"});
  CHECK(parsed.problems.size() == 4);
  const auto error = error_of([&] {
    throw_problems("prog", parsed.problems);
    return 0;
  });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::usage);
  CHECK(error->hint() == "prog --help lists every setting");
  CHECK_NOTHROW(throw_problems("prog", {}));
}

TEST_CASE("Help and version are answered whatever else is wrong") {
  CHECK(Settings().parse({{"DB_PORT", "x"}}, {"--help"}).help);
  CHECK(Settings().parse({}, {"-h"}).help);
  CHECK(Settings().parse({}, {"now", "--version"}).version);
  CHECK_FALSE(Settings().parse({}, {"now"}).help);
}

}  // namespace
}  // namespace pgbackup
