#include "prune/page/read_store.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "common/catalog/hold.h"
#include "prune/page/cached_store.h"
#include "tests/support/error_of.h"
#include "tests/support/page_fixture.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;

class ReadFixture : public PageFixture {
 public:
  ReadFixture() {
    seen.before = [this](std::string_view call, std::string_view key) {
      const std::lock_guard lock(mutex);
      calls.push_back(std::string(call) + " " + std::string(key));
    };
  }
  /// Returns how many manifests the next page takes out of the store.
  size_t count_opened() {
    calls.clear();
    static_cast<void>(read());
    return static_cast<size_t>(
        std::count_if(calls.begin(), calls.end(),
                      [](const std::string& call) { return call.starts_with("open "); }));
  }

  std::mutex mutex;
  std::vector<std::string> calls;
};

TEST_CASE_METHOD(ReadFixture, "Each manifest is read once, by several readers, for all pages") {
  for (int i = 0; i < 100; ++i) add("app", hours(1 + i));
  for (int i = 0; i < 100; ++i) add("crm", hours(1 + i));
  CHECK(count_opened() == 200);
  CHECK(count_opened() == 0);
  add("app", hours(0));
  CHECK(count_opened() == 1);
  CHECK(count_opened() == 0);
}

TEST_CASE_METHOD(ReadFixture, "A manifest that was replaced or is new at its place is read again") {
  const std::string key = add("app", hours(1));
  CHECK(count_opened() == 1);
  store.objects[key].modified += std::chrono::seconds(1);
  CHECK(count_opened() == 1);
  store.objects.erase(key);
  CHECK(count_opened() == 0);
  add("app", hours(1));
  CHECK(count_opened() == 1);
}

TEST_CASE_METHOD(ReadFixture, "A backup that lost an object is looked at again, and is damaged") {
  const std::string key = add("app", hours(1));
  CHECK(read().at(0).facts.begin()->second.damage.empty());
  store.objects.erase(key.substr(0, key.rfind('/')) + "/app.dump.zst");
  add_object(key.substr(0, key.rfind('/')) + "/more", hours(1));
  CHECK(read().at(0).facts.begin()->second.damage == "app.dump.zst is missing");
}

TEST_CASE_METHOD(ReadFixture, "What is damaged is remembered, and what may not be read is not") {
  store.objects[add("app", hours(1))].bytes = "{";
  static_cast<void>(read());
  // The guards and the facts of runs ask for the text, which is in the cache.
  CHECK(count_opened() == 0);
  seen.before = [](std::string_view call, std::string_view key) {
    if (call == "open" && key.starts_with("crm/")) throw Error(ErrorKind::denied, "403");
  };
  add("crm", hours(1));
  const std::vector<StoreView> denied_views = read();
  const StoreView& denied = denied_views.at(0);
  CHECK(std::count_if(denied.facts.begin(), denied.facts.end(),
                      [](const auto& one) { return one.second.problem.ends_with(": 403"); }) == 1);
  seen.before = [](std::string_view, std::string_view) {};
  const std::vector<StoreView> allowed_views = read();
  const StoreView& allowed = allowed_views.at(0);
  CHECK(std::count_if(allowed.facts.begin(), allowed.facts.end(),
                      [](const auto& one) { return one.second.problem.ends_with(": 403"); }) == 0);
}

TEST_CASE_METHOD(ReadFixture, "A store that does not answer is an error, and of two only its own") {
  for (int i = 0; i < 100; ++i) add("app", hours(1 + i));
  for (const auto* const call : {"list", "open"}) {
    CAPTURE(call);
    seen.before = [call](std::string_view what, std::string_view) {
      if (what == call) throw Error(ErrorKind::transient, "no reply");
    };
    const std::vector<StoreView> views = read();
    REQUIRE(views.size() == 1);
    REQUIRE(views[0].error);
    CHECK(views[0].error->message().ends_with("no reply"));
    CHECK_FALSE(views[0].seen);
  }
  MemoryStore other(clock);
  StoreReader two([&](const std::stop_token&) { return both(other, seen); }, rules, adoption,
                  clock);
  const std::vector<StoreView> views = two.read({});
  REQUIRE(views.size() == 2);
  CHECK_FALSE(views[0].error);
  CHECK(views[0].name == kDirDestination);
  CHECK(views[1].error);
  const Page made = make_page(views, settings, now);
  CHECK(made.destinations.at(1).error.ends_with("no reply"));
}

TEST_CASE_METHOD(ReadFixture, "A stop request ends it") {
  add("app", hours(1));
  std::stop_source stop;
  stop.request_stop();
  CHECK(fails_with(ErrorKind::canceled, "stopped", [&] { return reader.read(stop.get_token()); }));
}

TEST_CASE_METHOD(ReadFixture, "Clocks that differ are told") {
  add("app", hours(1));
  ShiftedClock wrong(clock, hours(1));
  StoreReader shifted([&](const std::stop_token&) { return only(seen); }, rules, adoption, wrong);
  const std::vector<StoreView> views = shifted.read({});
  REQUIRE(views.at(0).problems.size() == 1);
  CHECK(views[0].problems[0].find("clock") != std::string::npos);
}

TEST_CASE_METHOD(ReadFixture, "A page changes nothing in the store") {
  add_daily("app", 40);
  add_leftover("crm");
  const auto before = store.objects.size();
  static_cast<void>(read());
  CHECK(store.objects.size() == before);
  for (const std::string& call : calls) {
    CAPTURE(call);
    CHECK((call.starts_with("list") || call.starts_with("open") || call.starts_with("now") ||
           call.starts_with("stat") || call.starts_with("last_activity")));
  }
  ManifestCache cache;
  CachedStore cached(seen, cache);
  CHECK(fails_with(ErrorKind::failed, "must not change a", [&] { return cached.put("a", ""), 0; }));
  CHECK(fails_with(ErrorKind::failed, "must not change a", [&] { return cached.remove("a"), 0; }));
  CHECK(fails_with(ErrorKind::failed, "must not change a", [&] { return cached.create("a"); }));
  CHECK(fails_with(ErrorKind::failed, "must not change a", [&] {
    return cached.remove_unfinished({.key = "a", .id = "", .newest = now}), 0;
  }));
}

TEST_CASE("As many backups are shown as fit on a page") {
  CHECK(rows_for(0) == kMostRowsOfGroup);
  CHECK(rows_for(1) == kMostRowsOfGroup);
  CHECK(rows_for(200) == 150);
  CHECK(rows_for(1000) == 30);
  CHECK(rows_for(100'000) == 10);
}

TEST_CASE("The texts that are kept are bounded, and forgotten with their manifests") {
  ManifestCache cache;
  const std::string text(size_t{1} << 20U, 'x');
  for (int i = 0; i < 20; ++i) {
    const std::string key = std::to_string(i);
    cache.note({.key = key, .bytes = 1, .modified = UtcTime()});
    cache.keep_text(key, text);
  }
  size_t kept = 0;
  for (int i = 0; i < 20; ++i) kept += cache.text(std::to_string(i)) ? 1 : 0;
  CHECK(kept == kMostCachedText / text.size());
  cache.forget_others();  // all were noted
  CHECK(cache.text("0"));
  cache.note({.key = "1", .bytes = 1, .modified = UtcTime()});
  cache.forget_others();
  CHECK_FALSE(cache.text("0"));
  CHECK(cache.text("1"));
  cache.note({.key = "new", .bytes = 1, .modified = UtcTime()});
  cache.keep_text("new", text);
  CHECK(cache.text("new"));
  cache.keep_text("unknown", text);
  CHECK_FALSE(cache.text("unknown"));
}

}  // namespace
}  // namespace pgbackup
