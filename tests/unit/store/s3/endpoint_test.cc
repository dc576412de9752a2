#include "common/store/s3/endpoint.h"

#include "common/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("An endpoint is a host, with scheme and port where they differ from https") {
  const S3Endpoint plain = parse_s3_endpoint("s3.example.com", "");
  CHECK(plain.scheme == "https");
  CHECK(plain.authority() == "s3.example.com");
  CHECK_FALSE(plain.is_aws);
  CHECK(parse_s3_endpoint("http://10.0.0.5:9000", "").authority() == "10.0.0.5:9000");
  CHECK(parse_s3_endpoint("http://10.0.0.5:9000", "").scheme == "http");
  CHECK(parse_s3_endpoint("minio:9000", "").authority() == "minio:9000");
  CHECK(parse_s3_endpoint("https://h:443", "").authority() == "h");
  CHECK(parse_s3_endpoint("http://h:80", "").authority() == "h");
  CHECK(parse_s3_endpoint("http://h:443", "").authority() == "h:443");
  CHECK(parse_s3_endpoint("http://[::1]:9000", "").authority() == "[::1]:9000");
  CHECK(parse_s3_endpoint("[fd00::1]", "").authority() == "[fd00::1]");
}

TEST_CASE("No endpoint means AWS") {
  CHECK(parse_s3_endpoint("", "").authority() == "s3.amazonaws.com");
  CHECK(parse_s3_endpoint("", "eu-central-1").authority() == "s3.eu-central-1.amazonaws.com");
  CHECK(parse_s3_endpoint("", "").is_aws);
  CHECK(parse_s3_endpoint("https://s3.eu-west-3.amazonaws.com", "").is_aws);
  CHECK(parse_s3_endpoint("https://s3.cn-north-1.amazonaws.com.cn", "").is_aws);
  CHECK(parse_s3_endpoint("", "cn-north-1").host == "s3.cn-north-1.amazonaws.com.cn");
  CHECK_FALSE(parse_s3_endpoint("https://s3.notamazonaws.com", "").is_aws);
  CHECK_FALSE(parse_s3_endpoint("https://amazonaws.com.example.org", "").is_aws);
}

TEST_CASE("What is not an endpoint is refused with the reason") {
  for (const auto* text : {"https://",
                           "http://",
                           "ftp://h",
                           "s3://bucket",
                           "https://h/bucket",
                           "h/b",
                           "https://h?x",
                           "https://h#x",
                           "https://user:secret@h",
                           "https://h:",
                           "https://h:0",
                           "https://h:65536",
                           "https://h:80a",
                           "https://h:-1",
                           ":9000",
                           "h h",
                           " h",
                           "https://ä",
                           "https://.h",
                           "https://[::1",
                           "https://[]",
                           "https://::1",
                           "tcp//h"}) {
    CAPTURE(text);
    try {
      static_cast<void>(parse_s3_endpoint(text, ""));
      FAIL("taken");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      CHECK(error.message().find("S3_ENDPOINT") != std::string::npos);
      CHECK(error.message().find("secret") == std::string::npos);
    }
  }
}

TEST_CASE("A slash at the end is told from a path") {
  const auto parsing = [](const char* text) {
    return [text] { return parse_s3_endpoint(text, ""); };
  };
  CHECK(parse_s3_endpoint("https://h/", "").host == "h");
  CHECK(parse_s3_endpoint("http://h:9000/", "").authority() == "h:9000");
  CHECK(fails_with(ErrorKind::usage, "has a path", parsing("https://h/b/")));
  CHECK(fails_with(ErrorKind::usage, "has a path", parsing("https://h//")));
  CHECK(fails_with(ErrorKind::usage, "names no host", parsing("https:///")));
}

TEST_CASE("The region is read from hosts that name one") {
  CHECK(region_of_host("s3.eu-central-1.amazonaws.com") == "eu-central-1");
  CHECK(region_of_host("s3.dualstack.eu-west-1.amazonaws.com") == "eu-west-1");
  CHECK(region_of_host("s3.us-west-004.backblazeb2.com") == "us-west-004");
  CHECK(region_of_host("s3.fr-par.scw.cloud") == "fr-par");
  CHECK(region_of_host("s3.gra.io.cloud.ovh.net") == "gra");
  for (const auto* host : {"s3.amazonaws.com", "localhost", "s3.localhost", "10.0.0.5", "[::1]",
                           "s3.example.com", "minio.eu-central-1.example.com", "s3.EU.example.com",
                           "s3..example.com", "s3.backups.svc.cluster.local", ""}) {
    CAPTURE(host);
    CHECK(region_of_host(host) == "us-east-1");
  }
}

TEST_CASE("Virtual hosts are for AWS and for those who ask") {
  const S3Endpoint aws = parse_s3_endpoint("", "");
  const S3Endpoint other = parse_s3_endpoint("https://s3.example.com", "");
  CHECK(uses_virtual_host(S3Addressing::automatic, aws, "my-bucket"));
  for (const auto* bucket : {"my.bucket", "My-Bucket", "my_bucket", "-bucket", "bucket-", "ab"}) {
    CAPTURE(bucket);
    CHECK_FALSE(uses_virtual_host(S3Addressing::automatic, aws, bucket));
  }
  CHECK_FALSE(uses_virtual_host(S3Addressing::automatic, aws, std::string(64, 'a')));
  CHECK_FALSE(uses_virtual_host(S3Addressing::automatic, other, "my-bucket"));
  CHECK_FALSE(uses_virtual_host(S3Addressing::path, aws, "my-bucket"));
  CHECK(uses_virtual_host(S3Addressing::virtual_host, other, "my.bucket"));
}

TEST_CASE("A bucket is a plain name") {
  for (const auto* bucket : {"b", "my-bucket", "My_Bucket.2", "tenant:bucket"}) {
    CHECK_NOTHROW(check_bucket_name(bucket));
  }
  for (const auto* bucket : {"", "a/b", "s3://b", "a b", "b/", ".", "..", "b?x", "bücket", "a\n"}) {
    CAPTURE(bucket);
    CHECK_THROWS_AS(check_bucket_name(bucket), Error);
  }
}

TEST_CASE("A prefix is always a folder") {
  CHECK(normalized_prefix("") == "");
  CHECK(normalized_prefix("/") == "");
  CHECK(normalized_prefix("backup") == "backup/");
  CHECK(normalized_prefix("/backup/") == "backup/");
  CHECK(normalized_prefix("//a/b//") == "a/b/");
}

}  // namespace
}  // namespace pgbackup
