#include "common/store/s3/list.h"

#include <fmt/format.h>

#include <set>

#include "tests/support/error_of.h"
#include "tests/support/s3_fixture.h"
#include "tests/support/test.h"
#include "tests/support/unfinished.h"

namespace pgbackup {
namespace {

std::string object_xml(const std::string& key, const std::string& size = "1") {
  return fmt::format(
      "<Contents><Key>{}</Key><LastModified>2026-11-20T03:15:00Z</LastModified><Size>{}</Size>"
      "</Contents>",
      key, size);
}

/// A page of objects; `token` of the next one, empty: the last page.
FakeS3Reply object_page(const std::string& entries, const std::string& token) {
  return fake_reply(200, fmt::format("<ListBucketResult><IsTruncated>{}</IsTruncated>"
                                     "<NextContinuationToken>{}</NextContinuationToken>{}"
                                     "</ListBucketResult>",
                                     token.empty() ? "false" : "true", token, entries));
}

class ListFixture : public S3Fixture {
 public:
  ListFixture() { settings.prefix = "pg"; }

  std::set<std::string> list(const std::string& prefix = "") {
    std::set<std::string> keys;
    make_store()->list(prefix, [&](const ObjectInfo& object) { keys.insert(object.key); });
    return keys;
  }
  /// The reply to every request, made from its number (from 0).
  template <class Make>
  void answer(const Make& make) {
    server.before = [this, make](const FakeS3Request& /*request*/) {
      return std::optional<FakeS3Reply>(make(server.seen.size() - 1));
    };
  }
};

TEST_CASE_METHOD(ListFixture, "A list of objects without end ends with an error") {
  size_t most_requests = 3;
  SECTION("the same token again") {
    answer([](size_t n) { return object_page(object_xml(fmt::format("pg/{}", n)), "same"); });
  }
  SECTION("two tokens in turn") {
    answer([](size_t n) {
      return object_page(object_xml(fmt::format("pg/{}", n)), n % 2 == 0 ? "a" : "b");
    });
  }
  SECTION("no token") {
    server.before = [](const FakeS3Request&) {
      return fake_reply(200,
                        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>");
    };
  }
  SECTION("a token that fits into no URL") {
    answer([](size_t) { return object_page("", std::string(kMaxMarkerBytes + 1, 't')); });
  }
  SECTION("new tokens, but no objects") {
    answer([](size_t n) { return object_page("", std::to_string(n)); });
    most_requests = kMaxEmptyPages + 1;
  }
  SECTION("new tokens, but objects of other prefixes only") {
    answer([](size_t n) { return object_page(object_xml("other/k"), std::to_string(n)); });
    most_requests = kMaxEmptyPages + 1;
  }
  SECTION("new tokens and new objects") {
    answer([](size_t n) {
      return object_page(object_xml(fmt::format("pg/{}", n)), std::to_string(n));
    });
    most_requests = kMaxListPages + 1;
  }
  CHECK(fails_with(ErrorKind::corrupt, "list is", [&] { return list(); }));
  CHECK(server.seen.size() <= most_requests);
}

TEST_CASE_METHOD(ListFixture, "A list of unfinished uploads without end ends with an error") {
  server.before = [this](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    const size_t n = server.seen.size();
    if (!request.has("uploads")) return std::nullopt;
    return fake_reply(200, fmt::format("<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
                                       "<NextKeyMarker>k{}</NextKeyMarker>"
                                       "</ListMultipartUploadsResult>",
                                       n));
  };
  const auto store = make_store();
  CHECK(fails_with(ErrorKind::corrupt, "without end", [&] { return unfinished_of(*store); }));
  CHECK(server.seen.size() <= kMaxEmptyPages + 1);
}

TEST_CASE_METHOD(ListFixture, "Both markers lead to the next page of unfinished uploads") {
  std::vector<std::string> positions;
  server.before = [&](const FakeS3Request& request) -> std::optional<FakeS3Reply> {
    if (!request.has("uploads")) return std::nullopt;
    const auto marker = [&](const char* name) {
      return request.has(name) ? request.query.at(name) : std::string("-");
    };
    positions.push_back(marker("key-marker") + " " + marker("upload-id-marker"));
    const bool is_last = positions.size() == 3;
    return fake_reply(200,
                      fmt::format("<ListMultipartUploadsResult><IsTruncated>{}</IsTruncated>"
                                  "<NextKeyMarker>pg/k</NextKeyMarker>"
                                  "<NextUploadIdMarker>{}</NextUploadIdMarker>"
                                  "</ListMultipartUploadsResult>",
                                  is_last ? "false" : "true", positions.size() == 1 ? "id+1" : ""));
  };
  CHECK(unfinished_of(*make_store()).empty());
  CHECK(positions == std::vector<std::string>{"- -", "pg/k id+1", "pg/k -"});
}

TEST_CASE_METHOD(ListFixture, "A list of parts without end ends with an error") {
  answer([](size_t n) {
    return fake_reply(200, fmt::format("<ListPartsResult><IsTruncated>true</IsTruncated>"
                                       "<NextPartNumberMarker>{}</NextPartNumberMarker>"
                                       "</ListPartsResult>",
                                       n));
  });
  const auto store = make_store();
  const UnfinishedWrite write{.key = "k", .id = "u", .newest = clock.now()};
  CHECK(fails_with(ErrorKind::corrupt, "without end", [&] { return store->last_activity(write); }));
  CHECK(server.seen.size() <= kMaxEmptyPages + 1);
}

TEST_CASE_METHOD(ListFixture, "A list of versions without end leaves the object, with an error") {
  S3Config config = fake_s3_config("pg");
  config.delete_versions = true;
  S3Store store(std::move(config), clock, log.log(), {}, server.factory());
  answer([](size_t n) {
    return fake_reply(200, fmt::format("<ListVersionsResult><IsTruncated>true</IsTruncated>"
                                       "<NextKeyMarker>k{}</NextKeyMarker></ListVersionsResult>",
                                       n));
  });
  const std::vector<std::string> keys = {"k"};
  const auto failures = store.remove_all(keys);
  REQUIRE(failures.size() == 1);
  CHECK(contains(failures[0].error.message(), "without end"));
  CHECK(server.seen.size() <= kMaxEmptyPages + 1);
}

TEST_CASE_METHOD(ListFixture,
                 "Keys without the prefix that was asked for are no part of the list") {
  answer([](size_t) {
    return object_page(object_xml("pg/app/1/a") + object_xml("pg/web/1/a") + object_xml("pgx/a") +
                           object_xml("pg/") + object_xml("../pg/app/b"),
                       "");
  });
  CHECK(list("app/") == std::set<std::string>{"app/1/a"});
  CHECK(list() == std::set<std::string>{"app/1/a", "web/1/a"});
}

TEST_CASE_METHOD(ListFixture, "Entries that S3 cannot have make a list corrupt") {
  std::string entry;
  SECTION("a key that is too long") { entry = object_xml("pg/" + std::string(1022, 'k')); }
  SECTION("an absurd size") { entry = object_xml("pg/k", "1125899906842625"); }
  SECTION("a size that does not fit") { entry = object_xml("pg/k", "18446744073709551616"); }
  SECTION("a size that is no number") { entry = object_xml("pg/k", "1e3"); }
  SECTION("a negative size") { entry = object_xml("pg/k", "-1"); }
  SECTION("a size with a blank") { entry = object_xml("pg/k", " 1"); }
  SECTION("no key") { entry = object_xml(""); }
  SECTION("more elements than a page can have") {
    entry = object_xml("pg/k");
    for (int i = 0; i < 500'001; ++i) entry += "<a/><a/>";
  }
  answer([&](size_t) { return object_page(entry, ""); });
  CHECK(fails_with(ErrorKind::corrupt, "not usable", [&] { return list(); }));
}

TEST_CASE_METHOD(ListFixture, "The longest key and a page of many objects are fine") {
  const std::string longest = "pg/" + std::string(1021, '=');
  std::string entries = object_xml(longest, "1125899906842624");
  for (int i = 0; i < 1200; ++i) entries += object_xml(fmt::format("pg/{}", i));  // Ceph 20
  answer([&](size_t) { return object_page(entries, ""); });
  CHECK(list().size() == 1201);
}

TEST_CASE_METHOD(ListFixture, "Some empty pages in between do not end a list") {
  answer([](size_t n) {
    if (n == 500) return object_page(object_xml("pg/k"), "");
    return object_page("", std::to_string(n));
  });
  CHECK(list() == std::set<std::string>{"k"});
}

TEST_CASE_METHOD(ListFixture, "A failure whose text has no end is told by its status") {
  answer([](size_t) { return fake_reply(403, std::string(size_t{40} << 20U, 'x')); });
  CHECK(fails_with(ErrorKind::denied, "403 Forbidden", [&] { return list(); }));
}

TEST_CASE_METHOD(ListFixture, "A 403 to a HEAD says that the object may be absent") {
  answer([](size_t) { return fake_reply(403); });
  const auto error = error_of([&] { return make_store()->stat("k"); });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::denied);
  CHECK(contains(error->hint(), "s3:ListBucket"));
  CHECK(contains(error->hint(), "does not exist"));
}

}  // namespace
}  // namespace pgbackup
