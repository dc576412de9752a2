#include "common/store/s3/credentials/aws_profile.h"

#include <sys/stat.h>

#include <string>

#include "backup/config.h"
#include "common/store/s3/credentials/credential_process.h"
#include "prune/config.h"
#include "tests/support/credential_fixture.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

/// `key=value` of a profile in the order of the keys, or `absent`.
std::string read(std::string_view text, ProfileFile kind, std::string_view name) {
  ProfileValues values;
  if (!read_profile(text, kind, name, values)) return "absent";
  std::string all;
  for (const auto& [key, value] : values) {
    all += (all.empty() ? "" : " ") + key + "=" + std::string(value.reveal());
  }
  return all;
}

TEST_CASE("A profile is read from its section only") {
  const auto* const text =
      "# a comment\n; another\n\nstray = ignored\n[other]\nthis is not read at all\n"
      "[work]\r\naws_access_key_id=A\r\n  AWS_SECRET_ACCESS_KEY = S=/+ # kept\n"
      "Region =  eu-central-1\t\ns3 =\n  max_concurrent_requests = 20\n\tx = y\n[last]\na=1\n"
      "[work]\nlater = yes\nregion = not the first\n";
  CHECK(read(text, ProfileFile::credentials, "work") ==
        "aws_access_key_id=A later=yes region=eu-central-1 s3=");
  CHECK(read(text, ProfileFile::credentials, "last") == "a=1");
  CHECK(read(text, ProfileFile::credentials, "default") == "absent");
  CHECK(read("", ProfileFile::credentials, "default") == "absent");
}

TEST_CASE("The file of settings calls its sections profile, except for the default") {
  const auto* const text =
      "[default]\na=1\n[profile work]\nb=2\n[ profile  \"two words\" ]\nc=3\n[work]\nd=4\n"
      "[profiles]\n[sso-session s]\ne=5\n[profile default]\nf=6";
  CHECK(read(text, ProfileFile::config, "work") == "b=2");
  CHECK(read(text, ProfileFile::config, "two words") == "c=3");
  CHECK(read(text, ProfileFile::config, "default") == "a=1 f=6");
  CHECK(read(text, ProfileFile::config, "s") == "absent");
  CHECK(read(text, ProfileFile::config, "profiles") == "absent");
}

TEST_CASE("A line that is none is told by its number, never by its text") {
  for (const auto* text :
       {"[default]\n\nSECRET\n", "[x]\n\n[default\n", "[default]\n\n=SECRET\n"}) {
    CAPTURE(text);
    const auto error = error_of([&] { return read(text, ProfileFile::credentials, "default"); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::usage);
    CHECK(contains(error->message(), "line 3"));
    CHECK_FALSE(contains(error->message(), "SECRET"));
  }
}

struct Fixture : CredentialFixture {
  std::string fetch() { return show(fetch_profile(context(), stop.get_token())); }
};

TEST_CASE_METHOD(Fixture, "Profile: static keys, those of the file of credentials first") {
  folder.write(".aws/credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=S\n");
  folder.write(".aws/config",
               "[default]\naws_access_key_id=B\naws_session_token=T\n[profile w]\n"
               "aws_access_key_id=W\naws_secret_access_key=X");
  CHECK(why_no_profile(context()).empty());
  CHECK(fetch() == "A S T -");
  environment["AWS_PROFILE"] = "w";
  CHECK(fetch() == "W X  -");
}

TEST_CASE_METHOD(Fixture, "Profile: the files may lie elsewhere") {
  environment["AWS_SHARED_CREDENTIALS_FILE"] =
      folder.write("keys", "[default]\naws_access_key_id=A\naws_secret_access_key=S\n").string();
  environment["AWS_CONFIG_FILE"] = "~/settings";
  folder.write("settings", "[default]\naws_session_token=T\n");
  CHECK(fetch() == "A S T -");
}

TEST_CASE_METHOD(Fixture, "Profile: none is a reason to look on, unless someone has named it") {
  const std::string home = folder.path().string();
  CHECK(why_no_profile(context()) ==
        "cannot read " + home + "/.aws/credentials: No such file or directory, cannot read " +
            home + "/.aws/config: No such file or directory");
  folder.write(".aws/credentials", "[other]\n");
  CHECK(contains(why_no_profile(context()), "/.aws/credentials has no profile default"));
  environment["AWS_PROFILE"] = "w";
  CHECK(why_no_profile(context()).empty());
  CHECK(fails_with(ErrorKind::usage, "has no profile w", [&] { return fetch(); }));
  environment = {{"AWS_SHARED_CREDENTIALS_FILE", "/not/there"}};
  CHECK(why_no_profile(context()).empty());
  CHECK(fails_with(ErrorKind::not_found, "/not/there", [&] { return fetch(); }));
  environment.clear();
  CHECK(why_no_profile(context()) == "HOME is not set, HOME is not set");
}

TEST_CASE_METHOD(Fixture, "Profile: one that only names a region is a reason to look on") {
  folder.write(".aws/config", "[default]\nregion = eu-west-1\n");
  CHECK(contains(why_no_profile(context()), "holds no credentials"));
  environment["AWS_CONFIG_FILE"] = folder.write("empty", "\n").string();
  CHECK(contains(why_no_profile(context()), "is empty"));
  environment["AWS_CONFIG_FILE"] = "/dev/null";
  CHECK(contains(why_no_profile(context()), "/dev/null"));
  folder.write(".aws/config", "[default]\nsso_session = s\n");
  environment.erase("AWS_CONFIG_FILE");
  CHECK(why_no_profile(context()).empty());
}

TEST_CASE_METHOD(Fixture, "Profile: what it cannot do is said") {
  environment["AWS_PROFILE"] = "default";
  const auto refuses = [&](const std::string& lines, const std::string& says) {
    CAPTURE(lines);
    folder.write(".aws/config", "[default]\n" + lines);
    CHECK(fails_with(ErrorKind::usage, says, [&] { return fetch(); }));
  };
  refuses("region = x\n", "profile default: it holds no credentials");
  refuses("role_arn = r\nsource_profile = other\n", "source_profile is not supported");
  refuses("role_arn = r\ncredential_source = Environment\n", "credential_source is not supported");
  refuses("sso_session = s\nsso_account_id = 1\n", "sso_session is not supported");
  refuses("sso_start_url = https://x\n", "export-credentials");
  refuses("aws_access_key_id = A\n", "need each other");
  refuses("aws_secret_access_key = S\n", "need each other");
  refuses("aws_access_key_id = A\x01\naws_secret_access_key = S\n", "control character");
  refuses("broken\n", "line 2");
}

TEST_CASE_METHOD(Fixture, "Profile: a role by web identity, with a duration") {
  ScriptedServer server(
      {ok("<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
          "<AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T"
          "</SessionToken><Expiration>2026-11-20T04:15:00Z</Expiration></Credentials>"
          "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>")});
  environment["AWS_ENDPOINT_URL"] = server.url();
  const std::string token = folder.write("token", "t").string();
  folder.write(".aws/config",
               "[default]\nrole_arn = r\nduration_seconds = 900\n"
               "role_session_name = me\nweb_identity_token_file = " +
                   token + "\n");
  CHECK(fetch() == "A S T 2026-11-20T04:15:00Z");
  server.end();
  CHECK(contains(server.requests.at(0),
                 "RoleArn=r&RoleSessionName=me&DurationSeconds=900&WebIdentityToken=t"));
}

TEST_CASE("A command is split into words as a shell does, and no more") {
  using Words = std::vector<std::string>;
  CHECK(split_command("/bin/x a  b\t c ") == Words{"/bin/x", "a", "b", "c"});
  CHECK(split_command(R"('/opt/my tool' --a="b c" d\ e "" 'f"g' "h\"i'j" k'l'm)") ==
        Words{"/opt/my tool", "--a=b c", "d e", "", "f\"g", "h\"i'j", "klm"});
  CHECK(split_command("x $HOME `id` ; rm * | y > z & # t") ==
        Words{"x", "$HOME", "`id`", ";", "rm", "*", "|", "y", ">", "z", "&", "#", "t"});
  CHECK(split_command(R"(x '\n' y\)") == Words{"x", "\\n", "y\\"});
  for (const auto* bad : {"", "  \t", "x 'y", "x \"y", "\"", R"(x "y\")"}) {
    CAPTURE(bad);
    CHECK(fails_with(ErrorKind::usage, "credential_process", [&] { return split_command(bad); }));
  }
}

struct ProcessFixture : CredentialFixture {
  ProcessFixture() { environment["PATH"] = folder.path().string() + ":/usr/bin:/bin"; }

  void write_program(const std::string& name, const std::string& script) const {
    const std::filesystem::path file = folder.write(name, "#!/bin/sh\n" + script);
    chmod(file.c_str(), 0700);
  }
  std::string run(const std::string& command) {
    return show(run_credential_process(context(), command, stop.get_token()));
  }
};

const std::string kPrint =
    "echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"'$1'\"}'\n";

TEST_CASE_METHOD(ProcessFixture, "credential_process: its output is taken, its input is empty") {
  write_program("give keys", "cat\n" + kPrint);
  CHECK(run("'" + folder.path().string() + "/give keys' S") == "A S  -");
  CHECK(run("'give keys' S2") == "A S2  -");
  folder.write(".aws/config", "[default]\ncredential_process = \"give keys\" S3\n");
  CHECK(show(fetch_profile(context(), {})) == "A S3  -");
}

TEST_CASE_METHOD(ProcessFixture,
                 "credential_process: it sees AWS variables and no secret of either program") {
  BackupConfig backup;
  PruneConfig prune;
  for (const std::string& name : secret_variables(backup_command_line(backup).options)) {
    environment[name] = "database";
  }
  environment["AWS_PROFILE"] = "w";
  // As pg-prune has it, which may share its settings with pg-backup.
  environment = without_secrets(std::move(environment), prune_command_line(prune).options);
  write_program("p", "set -- \"$AWS_PROFILE/$(env | grep -c database)/$HOME\"\n" + kPrint);
  CHECK(run("p") == "A w/0/" + folder.path().string() + "  -");
}

TEST_CASE_METHOD(ProcessFixture, "credential_process: what goes wrong is told") {
  write_program("fails", "echo first >&2; echo 'the vault is sealed' >&2; echo SECRET; exit 3\n");
  write_program("killed", "kill -9 $$\n");
  write_program("html", "echo '<html>SECRET</html>'\n");
  write_program("endless", "while :; do echo SECRET SECRET SECRET SECRET SECRET SECRET; done\n");
  folder.write("no program", "x");
  const auto fails = [&](ErrorKind kind, const std::string& command, const std::string& says) {
    const auto error = error_of([&] { return run(command); });
    REQUIRE(error);
    CAPTURE(error->what());
    CHECK(error->kind() == kind);
    CHECK(contains(error->what(), says));
    CHECK_FALSE(contains(error->what(), "SECRET"));
  };
  fails(ErrorKind::failed, "fails", "fails: exited with 3: the vault is sealed");
  fails(ErrorKind::failed, "killed", "killed by signal 9");
  fails(ErrorKind::corrupt, "html", "html: the credentials are not usable");
  fails(ErrorKind::corrupt, "endless", "prints more than");
  fails(ErrorKind::usage, "not-there", "no program not-there in PATH");
  fails(ErrorKind::failed, "/not/there", "cannot start /not/there");
  fails(ErrorKind::failed, "'" + folder.path().string() + "/no program'", "cannot start");
}

TEST_CASE_METHOD(ProcessFixture, "credential_process: a stop ends it") {
  write_program("waits", "sleep 60\n");
  std::jthread stopper([&] { stop.request_stop(); });
  CHECK(fails_with(ErrorKind::canceled, "", [&] { return run("waits"); }));
}

}  // namespace
}  // namespace pgbackup
