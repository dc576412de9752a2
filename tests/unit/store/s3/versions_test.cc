#include "common/store/s3/versions.h"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>

#include "common/store/s3/store.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_s3.h"
#include "tests/support/s3_fixture.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using Keys = std::vector<std::string>;

struct Version {
  std::string key;
  std::string id;
  bool is_marker = false;
  std::string locked_until{};  ///< in this form the server tells it

  friend bool operator==(const Version& a, const Version& b) { return a.id == b.id; }
};

/// A bucket that keeps versions, newest first for each key, pages of two.
class Fixture : public S3Fixture {
 public:
  std::vector<Version> versions;
  bool tells_locks = true;
  std::function<std::optional<FakeS3Reply>(const FakeS3Request&)> fault;
  const std::unique_ptr<S3Store> made = make_store(config());
  S3Store& store = *made;

  Fixture() {
    server.before = [this](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      if (fault) {
        if (auto reply = fault(request)) return reply;
      }
      return handle(request);
    };
  }
  static S3Config config() {
    S3Config config = fake_s3_config("pg");
    config.delete_versions = true;
    return config;
  }
  /// Of `key`, from the newest to the oldest; a name in capitals is a delete marker.
  void add(const std::string& key, const Keys& ids, const std::string& locked_until = {}) {
    for (const std::string& id : ids) {
      versions.push_back({"pg/" + key, id, id.front() < 'a', locked_until});
    }
  }
  Keys left() const {
    Keys ids;
    for (const Version& version : versions) ids.push_back(version.id);
    return ids;
  }

 private:
  std::optional<FakeS3Reply> handle(const FakeS3Request& request) {
    if (request.has("versions")) return list(request);
    if (request.has("delete")) return remove_many(request);
    if (!request.has("versionId")) return fake_error(400, "the test expects versions only");
    const std::string id = request.query.at("versionId");
    if (request.method == "HEAD") return head(id);
    return erase(id) ? fake_reply(204) : fake_error(403, "AccessDenied");
  }
  FakeS3Reply list(const FakeS3Request& request) {
    std::string entries;
    const bool is_next = request.has("key-marker");
    size_t at = is_next ? std::stoul(request.query.at("version-id-marker")) : 0;
    size_t count = 0;
    for (; at < versions.size() && count < 2; ++at) {
      const Version& version = versions[at];
      if (!version.key.starts_with(request.query.at("prefix"))) continue;
      const bool is_latest = std::none_of(versions.begin(), versions.begin() + long(at),
                                          [&](const Version& v) { return v.key == version.key; });
      entries += fmt::format(
          "<{0}><Key>{1}</Key><VersionId>{2}</VersionId><IsLatest>{3}</IsLatest></{0}>",
          version.is_marker ? "DeleteMarker" : "Version", version.key, version.id, is_latest);
      ++count;
    }
    const bool is_truncated = at < versions.size();
    return fake_reply(
        200, fmt::format("<ListVersionsResult><IsTruncated>{}</IsTruncated><NextKeyMarker>k"
                         "</NextKeyMarker><NextVersionIdMarker>{}</NextVersionIdMarker>{}"
                         "</ListVersionsResult>",
                         is_truncated, at, entries));
  }
  FakeS3Reply remove_many(const FakeS3Request& request) {
    pugi::xml_document document;
    REQUIRE(document.load_string(request.body.c_str()));
    std::string entries;
    for (const pugi::xml_node& object : document.child("Delete").children("Object")) {
      const std::string id = object.child("VersionId").text().get();
      REQUIRE_FALSE(id.empty());
      const std::string name = fmt::format("<Key>{}</Key><VersionId>{}</VersionId>",
                                           object.child("Key").text().get(), id);
      entries += erase(id) ? "<Deleted>" + name + "</Deleted>"
                           : "<Error>" + name + "<Code>AccessDenied</Code></Error>";
    }
    return fake_reply(200, "<DeleteResult>" + entries + "</DeleteResult>");
  }
  FakeS3Reply head(const std::string& id) {
    const auto version = std::find_if(versions.begin(), versions.end(),
                                      [&](const Version& v) { return v.id == id; });
    NameValues headers;
    if (version != versions.end() && tells_locks) {
      const bool is_held = version->locked_until == "held";
      headers.emplace_back(
          is_held ? "x-amz-object-lock-legal-hold" : "x-amz-object-lock-retain-until-date",
          is_held ? "ON" : version->locked_until);
    }
    return fake_reply(200, {}, headers);
  }
  bool erase(const std::string& id) {
    return std::erase_if(versions,
                         [&](const Version& v) { return v.id == id && v.locked_until.empty(); }) >
               0 ||
           std::none_of(versions.begin(), versions.end(),
                        [&](const Version& v) { return v.id == id; });
  }
};

TEST_CASE_METHOD(Fixture, "All versions and delete markers of a key go, and of no other") {
  add("app/1/manifest.json", {"a1", "A2", "a3"});
  add("app/1/manifest.json.bak", {"b1"});
  add("app/1/x", {"c1", "c2", "c3"});
  add("app/2/manifest.json", {"d1"});
  CHECK(store.remove_all(Keys{"app/1/manifest.json", "app/2/manifest.json"}).empty());
  CHECK(left() == Keys{"b1", "c1", "c2", "c3"});
  CHECK(store.remove_all(Keys{"app/1/x", "app/1/manifest.json.bak", "app/1/absent"}).empty());
  CHECK(left().empty());
}

TEST_CASE_METHOD(Fixture, "What is seen goes last, and not while an older version stays") {
  add("app/1/x", {"A1", "a2"});
  add("app/1/y", {"B1", "b2"}, "2027-01-01T00:00:00.000000000Z");
  versions[2].locked_until.clear();  // the marker itself is not locked
  Keys batches;
  server.after = [&](const FakeS3Request& request, FakeS3Reply& /*reply*/) {
    if (request.has("delete") || request.method == "DELETE") batches.push_back(left().front());
  };
  const auto failures = store.remove_all(Keys{"app/1/x", "app/1/y"});
  CHECK(batches.front() == "A1");  // still there after the first batch
  CHECK(left() == Keys{"B1", "b2"});
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].key == "app/1/y");
  CHECK(failures[0].lock == "locked until 2027-01-01T00:00:00Z");
}

TEST_CASE_METHOD(Fixture, "A lock is told apart from a missing right") {
  add("app/1/x", {"a"}, "2027-01-01T00:00:00Z");
  add("app/2/x", {"b"}, "held");
  add("app/3/x", {"c"}, "2020-01-01T00:00:00Z");  // over: the refusal has another cause
  const auto locks = [&] {
    Keys texts;
    for (const auto& failure : store.remove_all(Keys{"app/1/x", "app/2/x", "app/3/x"})) {
      CHECK(failure.error.kind() == ErrorKind::denied);
      texts.push_back(failure.lock);
    }
    return texts;
  };
  CHECK(locks() == Keys{"locked until 2027-01-01T00:00:00Z", "under a legal hold", ""});
  tells_locks = false;
  CHECK(locks() == Keys{"", "", ""});
  CHECK(versions.size() == 3);
}

TEST_CASE_METHOD(Fixture, "A lock is known by its end, whatever the refusal is called") {
  add("app/1/x", {"a"}, "2027-01-01T00:00:00Z");
  fault = [](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (request.method != "DELETE") return std::nullopt;
    return fake_error(400, "InvalidRequest");  // MinIO
  };
  const auto failures = store.remove_all(Keys{"app/1/x"});
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].lock == "locked until 2027-01-01T00:00:00Z");
}

TEST_CASE_METHOD(Fixture, "A server that goes away is not asked for the lock of each version") {
  for (const char* const key : {"app/1/x", "app/1/y", "app/1/z"}) {
    add(key, {std::string(1, key[6])}, "2027-01-01T00:00:00Z");
  }
  fault = [](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (request.method == "HEAD") return fake_reply(503);
    return std::nullopt;
  };
  const auto begin = clock.steady();
  CHECK(store.remove_all(Keys{"app/1/x", "app/1/y", "app/1/z"}).size() == 3);
  CHECK(clock.steady() - begin < std::chrono::minutes(17));
}

TEST_CASE_METHOD(Fixture, "A hint of the server's error is not replaced") {
  add("app/1/x", {"a"});
  fault = [](const FakeS3Request&) { return fake_error(404, "NoSuchBucket"); };
  const auto failures = store.remove_all(Keys{"app/1/x"});
  REQUIRE(failures.size() == 1);
  CHECK(failures[0].error.hint().starts_with("there is no bucket \"bucket\" at this endpoint"));
}

TEST_CASE_METHOD(Fixture, "Nothing is removed of what cannot be listed") {
  add("app/1/x", {"a"});
  add("app/2/x", {"b"});
  add("app/3/x", {"c"});
  ErrorKind kind = ErrorKind::failed;
  const auto fail_list = [](FakeS3Reply reply) {
    return [reply](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
      return request.has("versions") ? std::optional(reply) : std::nullopt;
    };
  };
  SECTION("not known to the server") { fault = fail_list(fake_error(501, "NotImplemented")); }
  SECTION("not allowed") {
    fault = fail_list(fake_error(403, "AccessDenied"));
    kind = ErrorKind::denied;
  }
  SECTION("no answer: asked for one folder, not for each") {
    fault = fail_list(fake_error(503, "SlowDown"));
    kind = ErrorKind::transient;
  }
  SECTION("a circle") {
    fault =
        fail_list(fake_reply(200,
                             "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k"
                             "</NextKeyMarker></ListVersionsResult>"));
    kind = ErrorKind::corrupt;
  }
  SECTION("a version without an id") {
    fault = fail_list(
        fake_reply(200,
                   "<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>pg/app/1/x"
                   "</Key><IsLatest>true</IsLatest></Version></ListVersionsResult>"));
    kind = ErrorKind::corrupt;
  }
  const auto begin = clock.steady();
  const auto failures = store.remove_all(Keys{"app/1/x", "app/2/x", "app/3/x"});
  REQUIRE(failures.size() == 3);
  for (const RemovalFailure& failure : failures) {
    CHECK(failure.error.kind() == kind);
    CHECK(failure.error.hint().starts_with("S3_DELETE_VERSIONS") == (kind == ErrorKind::failed));
  }
  CHECK(versions.size() == 3);
  CHECK(clock.steady() - begin < std::chrono::minutes(17));
}

TEST_CASE_METHOD(Fixture, "After a stop no further folder is listed") {
  add("app/1/x", {"a"});
  add("app/2/x", {"b"});
  server.after = [&](const FakeS3Request& /*request*/, FakeS3Reply& /*reply*/) {
    stop.request_stop();
  };
  CHECK(fails_with(ErrorKind::canceled, "stopped", [&] {
    return store.remove_all(Keys{"app/1/x", "app/2/x"}).size();
  }));
  CHECK(server.seen.size() == 1);
}

}  // namespace
}  // namespace pgbackup
