#include "common/store/s3/write_options.h"

#include <fmt/ranges.h>

#include <map>

#include "common/codec/encoding.h"
#include "common/store/s3/store.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_s3.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using Options = S3WriteOptions;
using Headers = std::map<std::string, std::string>;
using std::chrono::hours;

constexpr size_t kPart = 1000;

/// One object by a single PUT, one by an upload, and a small one; keeps every request.
class Fixture {
 public:
  FakeClock clock;
  TestLog log{clock};
  FakeS3 server{clock};
  std::map<std::string, FakeS3Request> requests;  ///< the last of each summary
  std::optional<S3Store> store;

  void open(const Options& options) {
    S3Config config;
    config.endpoint = "https://s3.example.com";
    config.bucket = "bucket";
    config.access_key = Secret("AKID");
    config.secret_key = Secret("secret");
    config.part_bytes = kPart;
    config.upload_concurrency = 1;
    config.write = options;
    store.emplace(std::move(config), clock, log.log(), std::stop_token(), server.factory());
    server.before = [this](const FakeS3Request& request) {
      requests.insert_or_assign(request.summary(), request);
      return std::nullopt;
    };
  }
  void write(const std::string& key, size_t count) {
    const auto writer = store->create(key);
    writer->write(std::string(count, 'x'));
    clock.advance(hours(1));  // the lock of all objects has one end
    writer->finish();
  }
  void write_all(const Options& options) {
    open(options);
    write("whole", kPart);
    write("parts", kPart + 1);
    store->put("manifest.json", "{}");
  }
  /// The headers of this request that go beyond what each has.
  Headers extra(const std::string& summary) {
    REQUIRE(requests.contains(summary));
    Headers headers = requests.at(summary).headers;
    for (const auto* name : {"host", "authorization", "x-amz-date", "x-amz-content-sha256",
                             "x-amz-meta-pgbackup-token"}) {
      headers.erase(name);
    }
    return headers;
  }
  std::string payload_hash(const std::string& summary) {
    return requests.at(summary).headers.at("x-amz-content-sha256");
  }
};

const std::vector<std::string> kCreating = {"PUT whole", "POST parts?uploads", "PUT manifest.json"};
const std::string kPartPut = "PUT parts?partNumber&uploadId";
const std::string kComplete = "POST parts?uploadId";

TEST_CASE_METHOD(Fixture, "By default nothing is asked for") {
  write_all({});
  for (const std::string& request : kCreating) CHECK(extra(request).empty());
  CHECK(extra(kPartPut).empty());
  CHECK(extra(kComplete).empty());
  CHECK_FALSE(store->locked_until());
}

TEST_CASE_METHOD(Fixture, "Encryption and storage class are asked for where objects are created") {
  write_all({.encryption = S3Encryption::kms,
             .kms_key_id = "arn:aws:kms:eu-west-1:1:key/2",
             .storage_class = "STANDARD_IA"});
  for (const std::string& request : kCreating) {
    CAPTURE(request);
    CHECK(extra(request) ==
          Headers{{"x-amz-server-side-encryption", "aws:kms"},
                  {"x-amz-server-side-encryption-aws-kms-key-id", "arn:aws:kms:eu-west-1:1:key/2"},
                  {"x-amz-storage-class", "STANDARD_IA"}});
  }
  CHECK(extra(kPartPut).empty());
  CHECK(extra(kComplete).empty());
  CHECK(creation_headers({.encryption = S3Encryption::aes256}, {}) ==
        NameValues{{"x-amz-server-side-encryption", "AES256"}});
}

TEST_CASE_METHOD(Fixture, "All objects of a run are locked until the same moment, with an MD5") {
  write_all({.lock_mode = S3LockMode::governance, .lock_retention = hours(24)});
  CHECK(format_iso(*store->locked_until()) == "2026-11-21T03:15:00Z");
  for (const std::string& request : kCreating) {
    CAPTURE(request);
    Headers headers = extra(request);
    CHECK(headers.contains("content-md5") == request.starts_with("PUT"));
    headers.erase("content-md5");
    CHECK(headers == Headers{{"x-amz-object-lock-mode", "GOVERNANCE"},
                             {"x-amz-object-lock-retain-until-date", "2026-11-21T03:15:00Z"}});
  }
  CHECK(extra("PUT manifest.json").at("content-md5") == "mZFLkyvTelC5g8XnyQrpOw==");
  // The last part has a byte: printf x | openssl md5 -binary | base64
  CHECK(extra(kPartPut) == Headers{{"content-md5", "ndTkYSaMgDT1yFZOFVxnpg=="}});
  CHECK(extra(kComplete).empty());
  CHECK(creation_headers({.lock_mode = S3LockMode::compliance}, clock.now())[0].second ==
        "COMPLIANCE");
}

TEST_CASE_METHOD(Fixture, "Unsigned payloads are those of objects and parts, nothing else") {
  write_all({.payload_signing = S3PayloadSigning::none});
  for (const auto* request : {"PUT whole", "PUT manifest.json"}) {
    CHECK(payload_hash(request) == "UNSIGNED-PAYLOAD");
  }
  CHECK(payload_hash(kPartPut) == "UNSIGNED-PAYLOAD");
  CHECK(payload_hash(kComplete).size() == 64);
  CHECK(store->remove_all(std::vector<std::string>{"whole", "parts"}).empty());
  CHECK(payload_hash("POST ?delete").size() == 64);
  CHECK(server.objects.size() == 1);
}

TEST_CASE_METHOD(Fixture, "Conditional writes go with what makes an object visible") {
  write_all({.is_conditional = true});
  for (const auto* request : {"PUT whole", "PUT manifest.json"}) {
    CHECK(extra(request) == Headers{{"if-none-match", "*"}});
  }
  CHECK(extra(kComplete) == Headers{{"if-none-match", "*"}});
  CHECK(extra(kPartPut).empty());
  CHECK(extra("POST parts?uploads").empty());
}

TEST_CASE_METHOD(Fixture, "With conditional writes an own object is known after a lost reply") {
  open({.is_conditional = true});
  std::map<std::string, int> lost;
  server.after = [&](const FakeS3Request& request, FakeS3Reply& /*reply*/) {
    const bool makes_visible = request.headers.contains("if-none-match");
    if (makes_visible && lost[request.summary()]++ < 2) throw_network_error();
  };
  CHECK_NOTHROW(write("whole", kPart));
  CHECK_NOTHROW(write("parts", 2 * kPart));
  CHECK_NOTHROW(store->put("manifest.json", "{}"));
  CHECK(server.objects.size() == 3);
  CHECK(server.uploads.empty());
  CHECK(lost.size() == 3);
}

TEST_CASE_METHOD(Fixture, "With conditional writes the race of two is settled by a repeat") {
  open({.is_conditional = true});
  std::map<std::string, int> races;
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    const bool makes_visible = request.headers.contains("if-none-match");
    if (!makes_visible || races[request.summary()]++ > 0) return std::nullopt;
    return fake_error(409, "ConditionalRequestConflict");
  };
  CHECK_NOTHROW(write("whole", kPart));
  CHECK_NOTHROW(write("parts", 2 * kPart));
  CHECK_NOTHROW(store->put("manifest.json", "{}"));
  CHECK(races.size() == 3);
}

TEST_CASE_METHOD(Fixture, "With conditional writes a foreign object is a conflict and stays") {
  open({.is_conditional = true});
  for (const auto* key : {"whole", "parts", "manifest.json"}) {
    server.objects[key] = {.bytes = "foreign", .token = "other", .modified = clock.now()};
  }
  const auto refused = [&](const auto& call) {
    const auto error = error_of(call);
    return error && error->kind() == ErrorKind::conflict &&
           error->message().find("there is an object of this name already") != std::string::npos;
  };
  CHECK(refused([&] { write("whole", kPart); }));
  CHECK(refused([&] { write("parts", 2 * kPart); }));
  CHECK(refused([&] { store->put("manifest.json", "{}"); }));
  for (const auto& [key, object] : server.objects) CHECK(object.bytes == "foreign");
  CHECK(server.objects.size() == 3);
  CHECK(server.uploads.empty());
}

std::string problems_of(const Environment& environment, std::string_view scheme = "https") {
  Options options;
  const CommandLine command{
      .program = "x", .summary = "", .verbs = {{"now", ""}}, .options = write_option_rows(options)};
  ParsedOptions parsed = parse_options(command, {}, environment);
  check_write_options(options, scheme, parsed.problems);
  return fmt::format("{}", fmt::join(parsed.problems, "\n"));
}

TEST_CASE("Settings of writing that fit together are taken") {
  for (const Environment& good : std::vector<Environment>{
           {},
           {{"S3_STORAGE_CLASS", "GLACIER_IR"}},
           {{"S3_STORAGE_CLASS", "ONEZONE_IA"}},
           {{"S3_SERVER_SIDE_ENCRYPTION", "AES256"}},
           {{"S3_SERVER_SIDE_ENCRYPTION", "aws:kms"}},
           {{"S3_SERVER_SIDE_ENCRYPTION", "aws:kms"}, {"S3_KMS_KEY_ID", "k"}},
           {{"S3_OBJECT_LOCK_MODE", "GOVERNANCE"}, {"S3_OBJECT_LOCK_RETENTION", "30d"}},
           {{"S3_PAYLOAD_SIGNING", "unsigned"}},
           {{"S3_CONDITIONAL_WRITES", "true"}}}) {
    CHECK(problems_of(good).empty());
  }
}

TEST_CASE("Settings of writing that cannot work are named with the reason") {
  struct Case {
    Environment environment;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{{"S3_STORAGE_CLASS", "GLACIER"}}, "cannot be read before they are restored by hand"},
      {{{"S3_STORAGE_CLASS", "DEEP_ARCHIVE"}}, "cannot be read before they are restored by hand"},
      {{{"S3_STORAGE_CLASS", "standard"}}, "is not the name of a storage class"},
      {{{"S3_STORAGE_CLASS", "A\r\nx-amz-acl: public-read"}}, "S3_STORAGE_CLASS"},
      {{{"S3_SERVER_SIDE_ENCRYPTION", "aes"}}, "S3_SERVER_SIDE_ENCRYPTION"},
      {{{"S3_KMS_KEY_ID", "k"}}, "it needs S3_SERVER_SIDE_ENCRYPTION=aws:kms"},
      {{{"S3_SERVER_SIDE_ENCRYPTION", "AES256"}, {"S3_KMS_KEY_ID", "k"}}, "S3_KMS_KEY_ID"},
      {{{"S3_OBJECT_LOCK_MODE", "GOVERNANCE"}}, "set both or neither"},
      {{{"S3_OBJECT_LOCK_RETENTION", "30d"}}, "set both or neither"},
      {{{"S3_OBJECT_LOCK_MODE", "LOCKED"}}, "S3_OBJECT_LOCK_MODE"},
      {{{"S3_OBJECT_LOCK_MODE", "COMPLIANCE"}, {"S3_OBJECT_LOCK_RETENTION", "0"}}, "RETENTION"},
      {{{"S3_PAYLOAD_SIGNING", "off"}}, "S3_PAYLOAD_SIGNING"},
      {{{"S3_CONDITIONAL_WRITES", "maybe"}}, "S3_CONDITIONAL_WRITES"},
  };
  for (const Case& wrong : cases) {
    CAPTURE(wrong.says);
    CHECK(problems_of(wrong.environment).find(wrong.says) != std::string::npos);
  }
  CHECK(problems_of({{"S3_PAYLOAD_SIGNING", "unsigned"}}, "http").find("needs an https endpoint") !=
        std::string::npos);
}

}  // namespace
}  // namespace pgbackup
