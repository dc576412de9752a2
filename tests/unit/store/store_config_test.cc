#include "common/store/store_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

struct Checked {
  StoreConfig config;
  ParsedOptions parsed;
  std::string problems;
};

/// With a bucket at a server that is not Amazon's, unless told otherwise; without a home.
Checked check(Environment environment, const std::string& only = {}) {
  environment.try_emplace("S3_BUCKET", "b");
  environment.try_emplace("S3_ENDPOINT", "http://s3.example.com");
  Checked result;
  result.config.environment = environment;
  result.config.only = only;
  const CommandLine command{.program = "test",
                            .summary = "",
                            .verbs = {{"now", ""}},
                            .options = store_options(result.config)};
  result.parsed = parse_options(command, {}, environment);
  check_store_config(result.config, result.parsed, result.parsed.problems);
  result.problems = fmt::format("{}", fmt::join(result.parsed.problems, "\n"));
  return result;
}

std::string problems(const Environment& environment, const std::string& only = {}) {
  return check(environment, only).problems;
}

TEST_CASE("Our own keys are a pair") {
  CHECK(problems({{"S3_ACCESS_KEY", "a"}, {"S3_SECRET_KEY", "s"}}).empty());
  CHECK(problems({{"S3_ACCESS_KEY", "a"}, {"S3_SECRET_KEY", "s"}, {"S3_SESSION_TOKEN", "t"}})
            .empty());
  CHECK(problems({{"S3_ACCESS_KEY", "a"}}) == "S3_ACCESS_KEY is set without S3_SECRET_KEY");
  CHECK(problems({{"S3_SECRET_KEY", "s"}}) == "S3_SECRET_KEY is set without S3_ACCESS_KEY");
  CHECK(problems({{"S3_SESSION_TOKEN", "t"}}) ==
        "S3_SESSION_TOKEN is set without S3_ACCESS_KEY and S3_SECRET_KEY");
}

TEST_CASE("Keys that are swapped are told by their forms") {
  const std::string id = "AKIAIOSFODNN7EXAMPLE";
  const std::string secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  const std::string garage_id = "GK31c2f218a2e44f485b94239e";
  const std::string garage_secret(64, 'b');
  const auto says = [](const std::string& access, const std::string& key) {
    return problems({{"S3_ACCESS_KEY", access}, {"S3_SECRET_KEY", key}});
  };
  CHECK(says(secret, id).starts_with("S3_ACCESS_KEY and S3_SECRET_KEY are swapped"));
  CHECK(says(garage_secret, garage_id).starts_with("S3_ACCESS_KEY and S3_SECRET_KEY are swapped"));
  CHECK(says(id, secret).empty());
  CHECK(says(garage_id, garage_secret).empty());
  CHECK(says("backup", "ABCDEFGHIJKLMNOPQRST").empty());  // of MinIO, chosen by a person
  CHECK(says(id, id).empty());
}

TEST_CASE("A prefix is made of plain segments") {
  const auto says = [](const std::string& prefix) {
    return problems({{"S3_ACCESS_KEY", "a"}, {"S3_SECRET_KEY", "s"}, {"S3_PREFIX", prefix}});
  };
  for (const auto* prefix : {"", "/", "a", "/a/b/", "a.b/c..d", "prod"}) {
    CAPTURE(prefix);
    CHECK(says(prefix).empty());
  }
  for (const auto* prefix : {"a b", " a", "a/ ", "a//b", "a/./b", "..", "a/..", "./a"}) {
    CAPTURE(prefix);
    CHECK(says(prefix).starts_with(fmt::format("S3_PREFIX: '{}' ", prefix)));
  }
}

TEST_CASE("A bucket given as a URL names the prefix, too") {
  struct Row {
    Environment environment;
    std::string bucket;
    std::string prefix;
  };
  for (const Row& row : std::vector<Row>{
           {{{"S3_BUCKET", "s3://bkt"}}, "bkt", ""},
           {{{"S3_BUCKET", "s3://bkt/"}}, "bkt", ""},
           {{{"S3_BUCKET", "s3://bkt/a/b"}}, "bkt", "a/b/"},
           {{{"S3_BUCKET", "s3://bkt/a/b/"}, {"S3_PREFIX", "/a/b"}}, "bkt", "a/b/"},
           {{{"S3_BUCKET", "s3://bkt"}, {"S3_PREFIX", "x"}}, "bkt", "x"},
           {{{"S3_BUCKET", ""}, {"WALE_S3_PREFIX", "s3://bkt/p"}}, "bkt", "p/"},
           {{{"S3_BUCKET", ""}, {"S3_BACKUP_BUCKET", "bkt"}, {"DB_BACKUP_PREFIX", "p"}},
            "bkt",
            "p"}}) {
    Environment environment = row.environment;
    environment["AWS_ACCESS_KEY_ID"] = "a";
    environment["AWS_SECRET_ACCESS_KEY"] = "s";
    const Checked checked = check(environment);
    CAPTURE(row.environment);
    CHECK(checked.problems.empty());
    CHECK(checked.config.s3.bucket == row.bucket);
    CHECK(checked.config.s3.prefix == row.prefix);
  }
  const Environment keys = {{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "s"}};
  for (const auto& [bucket, prefix, says] :
       std::vector<std::array<std::string, 3>>{{"s3://bkt/a", "b", "keep one of the prefixes"},
                                               {"s3://", "", "bucket"},
                                               {"s3:///a", "", "bucket"},
                                               {"S3://bkt", "", "bucket"},
                                               {"https://bkt/a", "", "bucket"},
                                               {"bkt/a", "", "bucket"}}) {
    Environment environment = keys;
    environment["S3_BUCKET"] = bucket;
    environment["S3_PREFIX"] = prefix;
    CAPTURE(bucket);
    CHECK(contains(problems(environment), says));
  }
}

TEST_CASE("An endpoint of wal-e says how the bucket is addressed") {
  const auto with = [](const std::string& endpoint, const std::string& addressing) {
    return check({{"AWS_ACCESS_KEY_ID", "a"},
                  {"AWS_SECRET_ACCESS_KEY", "s"},
                  {"S3_ENDPOINT", ""},
                  {"WALE_S3_ENDPOINT", endpoint},
                  {"S3_ADDRESSING", addressing}});
  };
  for (const auto& [endpoint, plain, addressing] :
       std::vector<std::tuple<std::string, std::string, S3Addressing>>{
           {"http+path://minio:9000", "http://minio:9000", S3Addressing::path},
           {"https+path://minio", "https://minio", S3Addressing::path},
           {"https+virtualhost://x:443", "https://x:443", S3Addressing::virtual_host},
           {"http+subdomain://x", "http://x", S3Addressing::virtual_host},
           {"http://x", "http://x", S3Addressing::automatic}}) {
    const Checked checked = with(endpoint, "");
    CAPTURE(endpoint);
    CHECK(checked.problems.empty());
    CHECK(checked.config.s3.endpoint == plain);
    CHECK(checked.config.s3.addressing == addressing);
  }
  CHECK(with("http+path://x", "path").problems.empty());
  CHECK(contains(with("http+path://x", "virtual").problems, "S3_ADDRESSING"));
  CHECK_FALSE(with("http+paths://x", "").problems.empty());
  CHECK_FALSE(with("+path://x", "").problems.empty());
}

TEST_CASE("Half a pair of ours is never completed by the variables of others") {
  const Environment others = {{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "s"}};
  CHECK(problems(others).empty());
  for (const auto* half : {"S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_SESSION_TOKEN"}) {
    Environment mixed = others;
    mixed[half] = "x";
    CHECK(contains(problems(mixed), "is set without"));
  }
}

TEST_CASE("With no source of credentials at all every one is named") {
  CHECK(problems({{"HOME", "/nowhere"}}) ==
        "there are no credentials for the bucket: S3_ACCESS_KEY is not set; AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY are not set; AWS_WEB_IDENTITY_TOKEN_FILE is not set; cannot read "
        "/nowhere/.aws/credentials: No such file or directory, cannot read /nowhere/.aws/config: "
        "No such file or directory; AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and "
        "AWS_CONTAINER_CREDENTIALS_FULL_URI are not set; the instance metadata service is asked "
        "only where S3_ENDPOINT is Amazon's");
  // Whether the instance has any shows only when it is asked.
  CHECK(problems({{"S3_ENDPOINT", ""}}).empty());
  CHECK(contains(problems({{"S3_ENDPOINT", ""}, {"AWS_EC2_METADATA_DISABLED", "true"}}),
                 "AWS_EC2_METADATA_DISABLED is true"));
}

TEST_CASE("One source that is set up is enough to begin") {
  const TemporaryFolder folder;
  folder.write(".aws/config", "[default]\ncredential_process = x\n");
  for (const auto& [name, value] : Environment{{"AWS_ACCESS_KEY_ID", "a"},
                                               {"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"},
                                               {"AWS_PROFILE", "x"},
                                               {"HOME", folder.path().string()},
                                               {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"},
                                               {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x"},
                                               {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://x"}}) {
    CAPTURE(name);
    CHECK(problems({{name, value}}).empty());
  }
}

TEST_CASE("Endpoint, region and authorities of other tools serve when ours are not set") {
  const Checked others = check({{"S3_ENDPOINT", ""},
                                {"AWS_ENDPOINT_URL", "http://minio:9000"},
                                {"AWS_DEFAULT_REGION", "eu-west-3"},
                                {"AWS_CA_BUNDLE", "/dev/null"},
                                {"AWS_ACCESS_KEY_ID", "a"}});
  CHECK(others.problems.empty());
  CHECK(others.config.s3.endpoint == "http://minio:9000");
  CHECK(configured_region(others.config) == "eu-west-3");
  CHECK(others.config.s3.ca_file == "/dev/null");
  CHECK(problems({{"AWS_CA_BUNDLE", "/not/there"}, {"AWS_ACCESS_KEY_ID", "a"}}) ==
        "AWS_CA_BUNDLE: cannot read /not/there: No such file or directory");
  const Checked closer = check({{"S3_ENDPOINT", ""},
                                {"AWS_ENDPOINT_URL_S3", "http://s3:1"},
                                {"AWS_ENDPOINT_URL", "http://all:2"},
                                {"AWS_REGION", "eu-west-1"},
                                {"AWS_DEFAULT_REGION", "eu-west-3"},
                                {"AWS_ACCESS_KEY_ID", "a"}});
  CHECK(closer.config.s3.endpoint == "http://s3:1");
  CHECK(configured_region(closer.config) == "eu-west-1");
  const Checked ours = check({{"AWS_ENDPOINT_URL_S3", "http://s3:1"},
                              {"S3_REGION", "garage"},
                              {"AWS_REGION", "eu-west-1"},
                              {"S3_ACCESS_KEY", "a"},
                              {"S3_SECRET_KEY", "s"}});
  CHECK(ours.config.s3.endpoint == "http://s3.example.com");
  CHECK(configured_region(ours.config) == "garage");
}

TEST_CASE("A region that a platform sets does not beat the one in the endpoint's name") {
  const auto region = [](const std::string& endpoint, Environment environment) {
    environment.merge(Environment{
        {"S3_ENDPOINT", endpoint}, {"AWS_REGION", "eu-west-1"}, {"AWS_ACCESS_KEY_ID", "a"}});
    return configured_region(check(environment).config);
  };
  // Empty: read from the name, which tests of s3_endpoint cover.
  CHECK(region("https://s3.eu-central-003.backblazeb2.com", {}).empty());
  CHECK(region("https://s3.ap-southeast-1.wasabisys.com:443", {}).empty());
  CHECK(region("https://s3.us-west-2.amazonaws.com", {}).empty());
  CHECK(region("https://s3.eu-central-003.backblazeb2.com", {{"S3_REGION", "x"}}) == "x");
  CHECK(region("", {}) == "eu-west-1");
  CHECK(region("http://minio:9000", {}) == "eu-west-1");
  CHECK(region("http://s3.storage.svc.cluster.local", {}) == "eu-west-1");
}

TEST_CASE("The older name of the prefix is one of the directory, too, and no other is") {
  const TemporaryFolder folder;
  const auto with = [&](Environment environment, const std::string& only = {}) {
    environment.insert(
        {{"BACKUP_DIR", folder.path().string()}, {"S3_ACCESS_KEY", "a"}, {"S3_SECRET_KEY", "s"}});
    return check(environment, only);
  };
  for (const auto* only : {"", "dir"}) {
    CAPTURE(only);
    CHECK(with({{"DB_BACKUP_PREFIX", "/daily/eu"}}, only).config.dir_prefix == "daily/eu/");
    CHECK(with({{"DB_BACKUP_PREFIX", "daily"}, {"S3_BUCKET", ""}}).config.dir_prefix == "daily/");
    CHECK(with({{"S3_PREFIX", "daily"}}, only).config.dir_prefix.empty());
    CHECK(with({{"S3_BUCKET", "s3://b/daily"}}, only).config.dir_prefix.empty());
    CHECK(with({{"S3_PREFIX", "daily"}, {"DB_BACKUP_PREFIX", "daily"}}, only)
              .config.dir_prefix.empty());
    for (const auto* bad : {"..", "a/../b", "a//b", "a b"}) {
      CAPTURE(bad);
      const std::string said = with({{"DB_BACKUP_PREFIX", bad}}, only).problems;
      CHECK(said.starts_with(fmt::format("DB_BACKUP_PREFIX: '{}' ", bad)));
    }
  }
}

TEST_CASE("Backups that lie in the directory without the prefix are found after an upgrade") {
  const TemporaryFolder folder;
  SystemClock clock;
  TestLog log(clock);
  StoreConfig config;
  config.backup_dir = folder.path();
  config.dir_prefix = "daily/";
  const auto location = [&] {
    return open_destinations(config, clock, log.log(), {}).at(0).store().location("x");
  };
  const std::string below = (folder.path() / "daily/x").string();
  CHECK(location() == below);
  folder.write("readme.txt", "no backup");
  folder.write("app/20260101T000000Z-00000001/app.dump.zst", "without a manifest");
  folder.write("daily/app/20260101T000000Z-00000001/manifest.json", "below the prefix");
  CHECK(location() == below);
  CHECK(log.text().empty());
  folder.write("app/20260101T000000Z-00000001/manifest.json", "{}");
  CHECK(location() == (folder.path() / "x").string());
  CHECK(contains(log.text(), "setting=DB_BACKUP_PREFIX"));
  config.dir_prefix.clear();
  CHECK(location() == (folder.path() / "x").string());
}

TEST_CASE("What is read from the directory alone needs no bucket that is set up well") {
  const Environment broken = {{"BACKUP_DIR", "/backups"}, {"S3_BUCKET", "not a bucket"},
                              {"S3_ENDPOINT", "ftp://x"}, {"S3_CA_FILE", "/not/there"},
                              {"S3_RETRY_TIME", "soon"},  {"S3_SECRET_KEY_FILE", "/not/there"}};
  for (const auto* target : {"", "s3"}) CHECK_FALSE(problems(broken, target).empty());
  CHECK(problems(broken, "dir").empty());
  CHECK(problems({}, "dir") == "--from dir: BACKUP_DIR is not set");
}

}  // namespace
}  // namespace pgbackup
