// The probe and its judge together, against the fake server: each permission missing, each
// configuration of a bucket that harms.
#include "common/service/bucket_check.h"

#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "common/service/finding.h"
#include "tests/support/s3_fixture.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

constexpr const char* kFolder = "app/20261120T031500Z-9f3a1c2b";
constexpr const char* kKey = "pg/app/20261120T031500Z-9f3a1c2b/probe";
constexpr const char* kPlain = "<VersioningConfiguration/>";

class Fixture : public S3Fixture {
 public:
  BucketWish wish{.area = "s3://bucket/pg/", .prefix = "pg/"};
  S3WriteOptions write;
  bool deletes_versions = false;
  std::string lifecycle;  ///< rules; empty: none is configured
  std::string versioning = kPlain;
  std::string lock;                                     ///< empty: none is configured
  std::function<bool(const FakeS3Request&)> is_denied;  ///< answered with AccessDenied
  std::function<std::optional<FakeS3Reply>(const FakeS3Request&)> instead;

  Fixture() {
    settings.retry = kSingleAttempt;
    server.before = [this](const FakeS3Request& request) { return answer(request); };
  }

  Findings check() {
    S3Config config = fake_s3_config("pg");
    config.retry = kSingleAttempt;
    config.write = write;
    config.write.is_conditional = wish.is_conditional;
    config.delete_versions = wish.deletes_versions;
    S3Probe probe(std::move(config), clock, log.log(), stop.get_token(), server.factory());
    facts =
        wish.user == StoreUser::writer ? probe.try_writing(kFolder) : probe.try_removing(kFolder);
    return judge_bucket(facts, wish);
  }

  /// Returns `level: sentence` of the finding about `subject`, else "".
  std::string about(const std::string& subject) {
    for (const Finding& finding : check()) {
      if (finding.subject == subject) {
        advice = finding.advice;
        is_fatal = finding.is_fatal;
        return fmt::format("{}: {}", finding_level_name(finding.level), finding.sentence);
      }
    }
    return "";
  }

  void deny(const std::string& summary) {
    is_denied = [summary](const FakeS3Request& request) { return request.summary() == summary; };
  }

  S3ProbeFacts facts;
  std::string advice;
  bool is_fatal = false;

 private:
  std::optional<FakeS3Reply> answer(const FakeS3Request& request) {
    if (is_denied && is_denied(request)) return fake_error(403, "AccessDenied");
    if (instead) {
      if (std::optional<FakeS3Reply> reply = instead(request)) return reply;
    }
    if (request.has("versioning")) return fake_reply(200, versioning);
    if (request.has("lifecycle")) {
      return lifecycle.empty() ? fake_error(404, "NoSuchLifecycleConfiguration")
                               : fake_reply(200, "<LifecycleConfiguration>" + lifecycle +
                                                     "</LifecycleConfiguration>");
    }
    if (request.has("object-lock")) {
      return lock.empty() ? fake_error(404, "ObjectLockConfigurationNotFoundError")
                          : fake_reply(200, lock);
    }
    return std::nullopt;
  }
};

bool denies_deletion(const FakeS3Request& request) {
  return request.method == "DELETE" && !request.has("uploadId");
}

TEST_CASE_METHOD(Fixture, "With the least permissions all is well, and what stays is told") {
  is_denied = denies_deletion;
  server.objects["pg/app/other"] = {.bytes = "x", .token = {}, .modified = clock.now()};
  const Findings findings = check();
  CAPTURE(format_findings_text(findings));
  CHECK(exit_code_of(findings) == 0);
  CHECK(about("permission to delete") == "ok: these keys lack it, as they should");
  CHECK(about("left behind") == fmt::format("ok: s3://bucket/{}, which pg-prune sweeps", kKey));
  CHECK(server.objects.size() == 2);  // nothing else was touched
  CHECK(server.uploads.empty());
}

TEST_CASE_METHOD(Fixture, "Keys that may not ask about the bucket are no fault") {
  is_denied = [](const FakeS3Request& request) {
    return denies_deletion(request) || request.has("versioning") || request.has("lifecycle") ||
           request.has("object-lock");
  };
  CHECK(exit_code_of(check()) == 0);
  CHECK(about("versions") == "unknown: these keys may not ask");
  CHECK(about("life cycle") == "unknown: these keys may not ask");
  CHECK(about("Object Lock") == "unknown: these keys may not ask");
}

TEST_CASE_METHOD(Fixture, "Keys that may delete are a warning, and nothing is left behind") {
  CHECK(about("permission to delete") ==
        "attention: these keys may delete backups: whoever steals them can destroy every backup");
  CHECK(advice.find("deploy/iam/pg-backup.json") != std::string::npos);
  CHECK_FALSE(is_fatal);
  CHECK(exit_code_of(check()) == 3);
  CHECK(about("left behind").empty());
  CHECK(server.objects.empty());
  CHECK(server.uploads.empty());
}

TEST_CASE_METHOD(Fixture, "Each permission that pg-backup lacks is named with its cure") {
  struct Row {
    std::string summary;
    std::string subject;
    std::string action;
    bool is_fatal = true;
  };
  const std::vector<Row> rows = {
      {"GET ?list-type&max-keys&prefix", "permission to list", "s3:ListBucket on the bucket"},
      {fmt::format("PUT {}", kKey), "permission to write",
       "s3:PutObject on the objects below the prefix"},
      {fmt::format("GET {}", kKey), "permission to read", "s3:GetObject on the objects"},
      {fmt::format("POST {}?uploads", kKey), "uploads in parts", "s3:PutObject on the objects"},
      {"GET ?prefix&uploads", "permission to list uploads",
       "s3:ListBucketMultipartUploads on the bucket", false},
      {fmt::format("DELETE {}?uploadId", kKey), "permission to abort uploads",
       "s3:AbortMultipartUpload on the objects", false}};
  for (const Row& row : rows) {
    CAPTURE(row.subject);
    deny(row.summary);
    CHECK(about(row.subject).starts_with("attention: "));
    CHECK(about(row.subject).find("403 AccessDenied") != std::string::npos);
    CHECK(advice.starts_with("grant " + row.action));
    CHECK(advice.ends_with("deploy/iam/pg-backup.json has the policy"));
    CHECK(is_fatal == row.is_fatal);
    CHECK(exit_code_of(check()) == 3);
  }
}

TEST_CASE_METHOD(Fixture, "Each permission that pg-prune lacks is named with its cure") {
  wish.user = StoreUser::remover;
  CHECK(about("permission to list parts").empty());  // of what
  server.uploads["up"] = {
      .key = "pg/app/other", .token = {}, .initiated = clock.now(), .parts = {}};
  CHECK(exit_code_of(check()) == 0);
  struct Row {
    std::string summary;
    std::string subject;
    std::string action;
  };
  const std::vector<Row> rows = {
      {"GET ?list-type&max-keys&prefix", "permission to list", "s3:ListBucket"},
      {fmt::format("DELETE {}", kKey), "permission to delete", "s3:DeleteObject"},
      {"GET ?max-uploads&prefix&uploads", "permission to list uploads",
       "s3:ListBucketMultipartUploads"},
      {"GET pg/app/other?uploadId", "permission to list parts", "s3:ListMultipartUploadParts"},
      {fmt::format("DELETE {}?uploadId", kKey), "permission to abort uploads",
       "s3:AbortMultipartUpload"}};
  for (const Row& row : rows) {
    CAPTURE(row.subject);
    deny(row.summary);
    CHECK(about(row.subject).starts_with("attention: "));
    CHECK(advice.starts_with(fmt::format("grant {} on", row.action)));
    CHECK(advice.ends_with("deploy/iam/pg-prune.json has the policy"));
  }
}

TEST_CASE_METHOD(Fixture, "pg-prune writes nothing, and needs to delete versions where it shall") {
  wish.user = StoreUser::remover;
  wish.deletes_versions = true;
  CHECK(about("permission to delete versions") == "ok: versions can be deleted");
  deny(fmt::format("DELETE {}?versionId", kKey));
  CHECK(about("permission to delete versions").starts_with("attention: "));
  for (const std::string& summary : server.seen) {
    CHECK_FALSE(summary.starts_with("PUT"));
    CHECK_FALSE(summary.starts_with("POST"));
  }
}

TEST_CASE_METHOD(Fixture, "Of an object with versions all are deleted where that is allowed") {
  server.after = [](const FakeS3Request& request, FakeS3Reply& reply) {
    const bool is_write = request.method == "PUT" || request.method == "DELETE";
    if (is_write && !request.has("uploadId") && !request.has("versionId")) {
      reply.response.headers.emplace_back("x-amz-version-id", request.method);
    }
  };
  CHECK(about("permission to delete").find("with all their versions") != std::string::npos);
  CHECK(server.count(fmt::format("DELETE {}?versionId", kKey)) == 2);  // and the delete marker
}

TEST_CASE_METHOD(Fixture,
                 "Unknown keys, a missing bucket and a dead server end the check at once") {
  struct Row {
    std::function<FakeS3Reply()> reply;
    std::string words;
  };
  const std::vector<Row> rows = {
      {[] { return fake_error(403, "SignatureDoesNotMatch"); }, "403 SignatureDoesNotMatch"},
      {[] { return fake_error(403, "InvalidAccessKeyId"); }, "403 InvalidAccessKeyId"},
      {[] { return fake_error(404, "NoSuchBucket"); }, "404 NoSuchBucket"},
      {[] { return fake_error(503, "SlowDown"); }, "503 SlowDown"},
      {[]() -> FakeS3Reply { throw_network_error(); }, "the network failed"}};
  for (const Row& row : rows) {
    CAPTURE(row.words);
    server.seen.clear();
    instead = [&](const FakeS3Request&) { return row.reply(); };
    const std::string said = about("server");
    CHECK(said.starts_with("failed: "));
    CHECK(said.find(row.words) != std::string::npos);
    CHECK(is_fatal);
    CHECK(server.seen.size() == 1);
    CHECK(exit_code_of(check()) == 1);
  }
}

TEST_CASE_METHOD(Fixture, "A bucket in another region is found out") {
  server.region = "eu-central-1";
  CHECK(about("region") ==
        "attention: the bucket is in eu-central-1, and us-east-1 was tried first");
  CHECK(advice == "set S3_REGION=eu-central-1");
}

TEST_CASE_METHOD(Fixture, "A clock that is off is told, with its direction") {
  CHECK(about("clock") == "ok: differs from the server's by 0s");
  server.ahead = std::chrono::minutes(10);
  CHECK(about("clock") == "attention: this machine is 10m behind the server");
  server.ahead = -std::chrono::minutes(10);
  CHECK(about("clock") == "attention: this machine is 10m ahead of the server");
}

TEST_CASE_METHOD(Fixture, "An object that comes back changed is told") {
  server.after = [](const FakeS3Request& request, FakeS3Reply& reply) {
    if (request.summary() == fmt::format("GET {}", kKey)) {
      reply.response.body = "another";
      reply.response.headers = {};
    }
  };
  CHECK(about("permission to read").find("is not the one that was written") != std::string::npos);
  CHECK(is_fatal);
}

TEST_CASE_METHOD(Fixture, "Whether the server obeys a condition matters where it is asked to") {
  CHECK(about("conditional writes").starts_with("ok: the server can refuse to overwrite"));
  wish.is_conditional = true;
  CHECK(about("conditional writes") == "ok: the server refuses to overwrite");
  instead = [](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    const bool is_put = request.method == "PUT";
    return is_put ? std::optional(fake_reply(200, {}, {{"etag", "\"x\""}})) : std::nullopt;
  };
  CHECK(about("conditional writes") ==
        "attention: the server ignores If-None-Match and overwrites");
  wish.is_conditional = false;
  CHECK(about("conditional writes").starts_with("ok: the server ignores If-None-Match"));
}

TEST_CASE_METHOD(Fixture,
                 "A bucket whose policy demands conditions is told from one without rights") {
  is_denied = [](const FakeS3Request& request) {
    return request.method == "PUT" && request.header("if-none-match").empty();
  };
  CHECK(about("permission to write") ==
        "attention: the bucket takes only writes that do not overwrite (If-None-Match)");
  CHECK(advice == "set S3_CONDITIONAL_WRITES=true");
  wish.is_conditional = true;
  CHECK(about("permission to write") == "ok: an object was written");
}

std::string rule(const std::string& inner, const std::string& filter = "<Prefix></Prefix>",
                 const std::string& status = "Enabled") {
  return fmt::format("<Rule><ID>r</ID>{}<Status>{}</Status>{}</Rule>", filter, status, inner);
}

TEST_CASE_METHOD(Fixture, "Rules of the life cycle are told where they harm what is ours") {
  const std::string expire = "<Expiration><Days>7</Days></Expiration>";
  const std::string well = "ok: no rule of the bucket harms backups or uploads";
  struct Row {
    std::string rules;
    std::string said;
  };
  const std::vector<Row> rows = {
      {"", well},
      {rule(expire),
       "attention: the rule 'r' for '*' deletes backups after 7 days, whatever "
       "pg-prune decides"},
      {rule(expire, "<Filter><Prefix>pg/app/</Prefix></Filter>"),
       "attention: the rule 'r' for 'pg/app/*' deletes backups after 7 days, whatever pg-prune "
       "decides"},
      {rule("<Expiration><Date>2027-01-01T00:00:00Z</Date></Expiration>"),
       "attention: the rule 'r' for '*' deletes backups at a date, whatever pg-prune decides"},
      {rule("<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>"
            "</AbortIncompleteMultipartUpload>"),
       "attention: the rule 'r' for '*' gives up uploads after 1 day: a backup that takes longer "
       "fails"},
      {rule("<Transition><Days>30</Days><StorageClass>DEEP_ARCHIVE</StorageClass></Transition>"),
       "attention: the rule 'r' for '*' moves backups to DEEP_ARCHIVE, where none can be read "
       "before it is thawed"},
      {rule(expire, "<Filter><Prefix>logs/</Prefix></Filter>"), well},
      {rule(expire, "<Prefix></Prefix>", "Disabled"), well},
      {rule(expire, "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>"), well},
      {rule("<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"),
       well},
      {rule("<NoncurrentVersionExpiration><NoncurrentDays>9</NoncurrentDays>"
            "</NoncurrentVersionExpiration>"),
       well},
      {rule("<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>"
            "</AbortIncompleteMultipartUpload>"),
       well},
      {rule("<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>"),
       well}};
  for (const Row& row : rows) {
    CAPTURE(row.rules);
    lifecycle = row.rules;
    CHECK(about("life cycle") == row.said);
  }
}

TEST_CASE_METHOD(Fixture, "Versions that nothing ever deletes are for pg-prune to tell") {
  versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
  CHECK(about("versions") == "ok: the bucket keeps them");
  wish.user = StoreUser::remover;
  CHECK(
      about("versions").starts_with("attention: the bucket keeps them, so what pg-prune deletes"));
  lifecycle = rule(
      "<NoncurrentVersionExpiration><NoncurrentDays>9</NoncurrentDays>"
      "</NoncurrentVersionExpiration>");
  CHECK(about("versions") == "ok: the bucket keeps them");
  lifecycle.clear();
  wish.deletes_versions = true;
  CHECK(about("versions") == "ok: the bucket keeps them");
  versioning = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
  CHECK(about("versions") == "ok: the bucket keeps none");
}

TEST_CASE_METHOD(Fixture, "A lock that is wanted and absent, or there and not wanted, is told") {
  CHECK(about("Object Lock") == "ok: the bucket has none");
  wish.locks = true;
  CHECK(about("Object Lock") ==
        "attention: S3_OBJECT_LOCK_MODE is set, and the bucket has no Object Lock");
  CHECK(is_fatal);
  lock =
      "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
      "<DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
      "</ObjectLockConfiguration>";
  CHECK(about("Object Lock") == "ok: the bucket has it");
  wish.locks = false;
  CHECK(about("Object Lock").starts_with("attention: the bucket locks by default (GOVERNANCE)"));
  wish.user = StoreUser::remover;
  CHECK(about("Object Lock") == "ok: the bucket has it, and no setting asks for it");
}

TEST_CASE_METHOD(Fixture, "Where objects are locked the probe is locked for a minute only") {
  write.lock_mode = S3LockMode::compliance;
  write.lock_retention = std::chrono::days(3650);
  std::vector<std::string> until;
  instead = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    const std::string end = request.header("x-amz-object-lock-retain-until-date");
    if (!end.empty()) until.push_back(end);
    return std::nullopt;
  };
  static_cast<void>(check());
  REQUIRE(until.size() == 3);  // two writes and an upload
  for (const std::string& end : until) {
    CHECK(end == format_iso(clock.now() + std::chrono::minutes(1)));
  }
}

TEST_CASE_METHOD(Fixture, "An answer about the bucket that is no answer is unknown") {
  versioning = "<html/>";
  CHECK(about("versions").starts_with("unknown: the reply of the server is not usable"));
  instead = [](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (request.has("lifecycle")) return fake_error(501, "NotImplemented");
    return std::nullopt;
  };
  CHECK(about("life cycle").starts_with("unknown: GET s3://bucket/ (lifecycle): 501"));
}

TEST_CASE_METHOD(Fixture, "A look writes nothing") {
  S3Config config = fake_s3_config("pg");
  config.retry = kSingleAttempt;
  S3Probe probe(std::move(config), clock, log.log(), stop.get_token(), server.factory());
  const Findings findings = judge_reach(probe.look(), wish);
  CHECK(exit_code_of(findings) == 0);
  CHECK(server.seen == std::vector<std::string>{"GET ?list-type&max-keys&prefix"});
}

}  // namespace
}  // namespace pgbackup
