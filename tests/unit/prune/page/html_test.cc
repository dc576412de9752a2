#include "prune/page/html.h"

#include <string>
#include <vector>

#include "prune/page/chart.h"
#include "prune/page/group_html.h"
#include "prune/page/page_text.h"
#include "prune/page/style.h"
#include "tests/support/page_fixture.h"
#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

size_t count_of(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

TEST_CASE("Text is escaped for elements and for attributes") {
  struct Row {
    std::string text;
    std::string html;
  };
  for (const Row& row : std::vector<Row>{{"app", "app"},
                                         {"", ""},
                                         {"Größe 🐘", "Größe 🐘"},
                                         {"<script>", "&lt;script&gt;"},
                                         {"a&amp;b", "a&amp;amp;b"},
                                         {"\"'>", "&quot;&#39;&gt;"},
                                         {"a\nb\tc\x1b[31m", "a?b?c?[31m"},
                                         {std::string("a\0b", 3), "a?b"},
                                         {"\xff<\xc3", "\xef\xbf\xbd&lt;\xef\xbf\xbd"},
                                         {"\xc2\x9b", "?"}}) {
    CAPTURE(row.text);
    CHECK(escape_html(row.text) == row.html);
  }
}

TEST_CASE_METHOD(PageFixture, "The page says how all stands, and what each group is") {
  const ZoneGuard zone("UTC");
  add(due("app", hours(2), hours(22)));
  CHECK(contains(format_page(page()), "<h1>The backup is good</h1>"));
  add(due("crm", hours(1), hours(22)));
  CHECK(contains(format_page(page()), "<h1>All backups are good</h1>"));
  add(due("late", days(3), -days(2)));
  const std::string html = format_page(page());
  CHECK(contains(html, "<h1>1 of 3 needs attention</h1>"));
  CHECK(contains(html, "<title>1 of 3 needs attention – PostgreSQL backups</title>"));
  CHECK(contains(html, "<bdi>crm</bdi></h3><span class=\"badge\">good</span>"));
  CHECK(contains(html, "<bdi>late</bdi></h3><span class=\"badge\">late</span>"));
  CHECK(contains(html,
                 "As of <time datetime=\"2026-11-20T12:00:00Z\">2026-11-20 12:00</time> (UTC)"));
  CHECK(contains(html, "younger than 30d<small>until <time datetime=\"2026-12-20T10:00:00Z\">"));
  CHECK(contains(html, "<dt>Verified</dt><dd>never"));
  CHECK(contains(html, "<dt>S3_BACKUP_MAX_AGE</dt><dd>30d</dd>"));
  CHECK(contains(
      html, "assume that backups go on as they are due, and that the rules stay as they are."));
  CHECK_FALSE(contains(html, "RETENTION_DRY_RUN is set"));
  settings.is_dry_run = true;
  CHECK(contains(format_page(page()), "RETENTION_DRY_RUN is set: nothing is deleted."));
}

TEST_CASE_METHOD(PageFixture, "An empty store and one that cannot be read say so") {
  CHECK(contains(format_page(page()), "<h1>There are no backups yet</h1>"));
  seen.before = [](std::string_view call, std::string_view) {
    if (call == "list") throw Error(ErrorKind::denied, "403 <AccessDenied>");
  };
  const std::string html = format_page(page());
  CHECK(contains(html, "<h1>The store cannot be read</h1>"));
  CHECK(contains(html, "403 &lt;AccessDenied&gt;"));
}

TEST_CASE_METHOD(PageFixture, "Nothing that comes from the store becomes markup") {
  const std::string evil = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
  Manifest made = due(evil, hours(2), hours(22));
  made.left_out = {{"left" + evil, "because " + evil}};
  add(made);
  Manifest broken = due("app", days(2), -days(1));
  broken.streams.front().objects.front().name = "x";
  const std::string key = add(broken);
  std::string& text = store.objects[key].bytes;
  text.replace(text.find("\"x\""), 3, R"("<script>alert(2)</script>")");
  settings.keep.emplace_back("ADOPT_DATABASE", evil);
  const std::string html = format_page(page());
  CHECK(contains(html, "&lt;script&gt;alert(1)"));
  for (const auto* const markup : {"<script", "<img", "onerror=alert(1)>\"", "<bdi><"}) {
    CAPTURE(markup);
    CHECK_FALSE(contains(html, markup));
  }
  CHECK(count_of(html, "</title>") == 1 + count_of(html, "</title></rect>"));
}

TEST_CASE_METHOD(PageFixture,
                 "The page loads nothing, and its policy permits its own style alone") {
  add(due("app", hours(2), hours(22)));
  const std::string html = format_page(page());
  for (const auto* const what :
       {"http:", "https:", "src=", "@import", "url(", " style=", "<script", "onload"}) {
    CAPTURE(what);
    std::string rest = html;
    const std::string allowed = "xmlns='http://www.w3.org/2000/svg'";
    if (rest.find(allowed) != std::string::npos) rest.erase(rest.find(allowed), allowed.size());
    CHECK_FALSE(contains(rest, what));
  }
  CHECK(contains(html, "content=\"default-src 'none'; style-src 'sha256-"));
  CHECK(contains(html, "<style>" + std::string(kPageStyle) + "</style>"));
  CHECK_FALSE(contains(page_policy(), "unsafe"));
  CHECK_FALSE(contains(kPageStyle, "<"));
}

TEST_CASE("A banner stands above the page, and only once") {
  const std::string page = format_page({.now = *parse_iso("2026-11-20T12:00:00Z")});
  const std::string first = add_banner(page, "a <b>");
  CHECK(contains(first, "<p class=\"bad\" role=\"alert\">a &lt;b&gt;</p>"));
  CHECK(first.find("role=\"alert\"") < first.find("<h1>"));
  CHECK(add_banner("no page", "x") == "no page");
  CHECK(contains(format_notice("soon <", 5), "<meta http-equiv=\"refresh\" content=\"5\">"));
  CHECK(contains(format_notice("soon <", 5), "<h1>soon &lt;</h1>"));
  CHECK_FALSE(contains(format_notice("soon", 0), "http-equiv=\"refresh\""));
}

TEST_CASE("Windows of moments say what lies between them") {
  const ZoneGuard zone("UTC");
  const UtcTime at = *parse_iso("2026-11-10T12:00:00Z");
  Page page{.now = at + days(10)};
  RecoveryWindow first{.id = "1", .from = at, .until = at + days(2), .begin = {}, .end = {}};
  first.gaps = {{1, {1}, {2}}, {1, {3}, {4}}};
  first.next = at + days(4);
  const RecoveryWindow second{
      .id = "2", .from = at + days(4), .until = at + days(10), .begin = {}, .end = {}};
  page.destinations.push_back({.servers = {{.system_identifier = "7",
                                            .objects = 1,
                                            .bytes = 16,
                                            .recovery = {.windows = {first, second}}},
                                           {.system_identifier = "8"}}});
  const std::string html = format_page(page);
  CHECK(contains(
      html,
      "Every moment from <time datetime=\"2026-11-10T12:00:00Z\">2026-11-10 12:00</time> to"));
  CHECK(contains(html, ": 2 stretches of the log are missing."));
  CHECK(contains(html, "1 object of its write-ahead log, 16 B"));
  CHECK(contains(html, "No moment can be restored: no whole base backup goes with it."));
  CHECK(contains(draw_windows(page.destinations[0].servers[0].recovery.windows, page.now),
                 R"(<rect class="x" x="200.0" width="200.0")"));
  CHECK(draw_windows({}, page.now).empty());
}

TEST_CASE("The calendar is told in stretches of days") {
  std::vector<PageDay> calendar(60);
  for (size_t i = 0; i < calendar.size(); ++i) {
    calendar[i].day = std::chrono::local_days(std::chrono::year(2026) / 10 / 1) + days(i);
  }
  CHECK(describe_days(calendar) == "No backup of the last 60 days is in the store.");
  for (size_t i = 50; i < 60; ++i) calendar[i].backups = 1;
  calendar[3].backups = 2;
  CHECK(describe_days(calendar) ==
        "Backups of 11 of the last 60 days are in the store: 4 Oct, 20 Nov to 29 Nov.");
  calendar[59].flawed = 1;
  const std::string svg = draw_days(calendar);
  CHECK(count_of(svg, "<rect") == 60);
  CHECK(count_of(svg, "class=\"y\"") == 10);
  CHECK(count_of(svg, "class=\"x\"") == 1);
  CHECK(contains(svg, "<title>4 Oct: 2 backups, 0 B</title>"));
  for (size_t i = 0; i < 60; i += 2) calendar[i].backups = 1;
  CHECK(contains(describe_days(calendar), "earlier stretches, "));
  for (PageDay& day : calendar) day.backups = 1;
  CHECK(describe_days(calendar) == "Backups of each of the last 60 days are in the store.");
}

TEST_CASE("Sizes are drawn from the oldest to the newest") {
  const UtcTime now = *parse_iso("2026-11-20T12:00:00Z");
  std::vector<PageBackup> backups(1);
  CHECK(draw_sizes(backups).empty());
  backups = {{.id = "b", .time = now, .bytes = 200},
             {.id = "a", .time = now - days(1), .bytes = 100}};
  CHECK(contains(draw_sizes(backups), "d=\"M0 54.0L1000 8.0\""));
  CHECK(describe_sizes(backups) ==
        "Sizes in the store: the newest has 200 B, the smallest 100 B, the largest 200 B.");
  for (PageBackup& backup : backups) backup = {.id = "x", .time = now, .bytes = 0};
  CHECK(contains(draw_sizes(backups), "M0 100.0L0 100.0"));
}

TEST_CASE("Times are those of the zone, with its offset") {
  const UtcTime time = *parse_iso("2026-11-20T20:00:00Z");
  const ZoneGuard zone("Asia/Kathmandu");
  CHECK(page_time(time) == "2026-11-21 01:45");
  CHECK(page_offset(time) == "UTC+05:45");
  CHECK(page_age(time, time + hours(3)) == "3h ago");
  CHECK(page_age(time, time - minutes(5)) == "in 5m");
  const ZoneGuard west("America/St_Johns");
  CHECK(page_offset(time) == "UTC-03:30");
  const ZoneGuard utc("UTC");
  CHECK(page_offset(time) == "UTC");
}

}  // namespace
}  // namespace pgbackup
