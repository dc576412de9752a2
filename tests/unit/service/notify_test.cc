#include "common/service/notify.h"

#include <nlohmann/json.hpp>

#include "tests/support/error_of.h"
#include "tests/support/hasty_clock.h"
#include "tests/support/scripted_server.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Names = std::set<std::string>;

const UtcTime kTime{seconds(1795144500)};  // 2026-11-20T03:15:00Z

/// The report of a run after which the databases `failing` have failed.
RunReport report(const std::vector<std::string>& failing) {
  RunReport one{.program = "pg-backup",
                .instance = "db1",
                .job = "backup",
                .started = kTime,
                .ended = kTime + seconds(5),
                .taken = seconds(5)};
  for (const std::string& name : failing) {
    one.error = Error(ErrorKind::failed, "no", "look");
    one.states.push_back({.job = "backup",
                          .group = Group::database(name),
                          .destination = "s3",
                          .last_success = kTime - std::chrono::hours(24),
                          .failures = 2,
                          .last_error = name + " <broke> & \xff"});
  }
  return one;
}

struct Told {
  bool is_told;
  NoticeKind kind;
  std::vector<std::string> recovered;

  friend bool operator==(const Told&, const Told&) = default;
};

Told decide(const RunReport& one, NotifyOn on, const std::optional<Names>& told) {
  const auto notice = decide_notice(one, on, told);
  return {notice.has_value(), notice ? notice->kind : NoticeKind::success,
          notice ? notice->recovered : std::vector<std::string>()};
}

TEST_CASE("A message is sent when something changes") {
  const Told nothing{false, NoticeKind::success, {}};
  struct Row {
    std::optional<Names> told;
    std::vector<std::string> failing;
    Told change;
    Told failure;
    Told always;
  };
  const Told failure{true, NoticeKind::failure, {}};
  const Told success{true, NoticeKind::success, {}};
  const Told recovery{true, NoticeKind::recovery, {"app (s3)"}};
  const Told partial{true, NoticeKind::failure, {"app (s3)"}};
  const std::vector<Row> rows = {
      {std::nullopt, {}, nothing, nothing, success},
      {std::nullopt, {"app"}, failure, failure, failure},
      {Names{}, {}, nothing, nothing, success},
      {Names{}, {"app"}, failure, failure, failure},
      {Names{"app (s3)"}, {"app"}, nothing, failure, failure},
      {Names{"app (s3)"}, {"app", "crm"}, failure, failure, failure},
      {Names{"app (s3)"}, {"crm"}, partial, partial, partial},
      {Names{"app (s3)", "crm (s3)"}, {"crm"}, partial, partial, partial},
      {Names{"app (s3)"}, {}, recovery, recovery, recovery},
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    const RunReport one = report(rows[i].failing);
    CHECK(decide(one, NotifyOn::change, rows[i].told) == rows[i].change);
    CHECK(decide(one, NotifyOn::failure, rows[i].told) == rows[i].failure);
    CHECK(decide(one, NotifyOn::always, rows[i].told) == rows[i].always);
  }
}

TEST_CASE("After a restart what was overdue has recovered, and what fails is told anyway") {
  RunReport well = report({});
  well.late = {{.group = Group::database("app"), .destination = "s3"}};
  CHECK(decide(well, NotifyOn::change, std::nullopt) ==
        Told{true, NoticeKind::recovery, {"app (s3)"}});
  CHECK_FALSE(decide(well, NotifyOn::change, Names{}).is_told);  // by then it is known
  RunReport bad = report({"app"});
  bad.late = well.late;
  CHECK(decide(bad, NotifyOn::change, std::nullopt) == Told{true, NoticeKind::failure, {}});
}

TEST_CASE("A further group that a guard freezes is told") {
  RunReport frozen = report({});
  frozen.error = Error(ErrorKind::conflict, "nothing of app was touched");
  frozen.refused = {
      {.guard = "stalled", .group = Group::database("app"), .destination = "", .sentence = "s"}};
  const Names told = {"app: stalled"};
  CHECK(decide(frozen, NotifyOn::change, Names{}).kind == NoticeKind::failure);
  CHECK_FALSE(decide(frozen, NotifyOn::change, told).is_told);
  frozen.refused.push_back(
      {.guard = "volume", .group = Group::database("app"), .destination = "", .sentence = "s"});
  CHECK(decide(frozen, NotifyOn::change, told).is_told);
}

TEST_CASE("The JSON form has the documented fields, whatever the bytes") {
  const Message message =
      format_notice(report({"app"}), {NoticeKind::failure, {"crm"}}, NotifyFormat::json);
  CHECK(message.method == "POST");
  CHECK(message.headers == NameValues{{"Content-Type", "application/json"}});
  const auto json = nlohmann::json::parse(message.body);
  CHECK(json.at("event") == "failure");
  CHECK(json.at("program") == "pg-backup");
  CHECK(json.at("version") == PROJECT_VERSION);
  CHECK(json.at("instance") == "db1");
  CHECK(json.at("job") == "backup");
  CHECK(json.at("result") == "failed");
  CHECK(json.at("started") == "2026-11-20T03:15:00Z");
  CHECK(json.at("ended") == "2026-11-20T03:15:05Z");
  CHECK(json.at("seconds") == 5);
  CHECK(json.at("error") == "no");
  CHECK(json.at("hint") == "look");
  CHECK(json.at("recovered") == nlohmann::json::array({"crm"}));
  CHECK(json.at("trouble_count") == 1);
  const auto& trouble = json.at("troubles").at(0);
  CHECK(trouble.at("group") == "app");
  CHECK(trouble.at("destination") == "s3");
  CHECK(trouble.at("guard").is_null());
  CHECK(trouble.at("failures") == 2);
  CHECK(trouble.at("last_success") == "2026-11-19T03:15:00Z");
  CHECK(trouble.at("text") == "app <broke> & \xef\xbf\xbd");
  CHECK(contains(json.at("text").get<std::string>(), "pg-backup on db1: the backup failed: no"));
  CHECK(contains(json.at("text").get<std::string>(), "well again: crm"));
  const auto well = nlohmann::json::parse(
      format_notice(report({}), {NoticeKind::success, {}}, NotifyFormat::json).body);
  CHECK(well.at("event") == "success");
  CHECK(well.at("result") == "succeeded");
  CHECK(well.at("error").is_null());
  CHECK(well.at("hint").is_null());
  CHECK(well.at("troubles").empty());
}

TEST_CASE("Slack gets text without its markup") {
  const Message message =
      format_notice(report({"app"}), {NoticeKind::failure, {}}, NotifyFormat::slack);
  const auto json = nlohmann::json::parse(message.body);
  CHECK(json.size() == 1);
  CHECK(contains(json.at("text").get<std::string>(), "app &lt;broke&gt; &amp; "));
}

TEST_CASE("A name in a chat mentions nobody, and Discord takes the longest text") {
  std::vector<std::string> names = {"@everyone"};
  for (int i = 0; i < 100; ++i) names.push_back("@" + std::to_string(i));
  const auto json = nlohmann::json::parse(
      format_notice(report(names), {NoticeKind::failure, {}}, NotifyFormat::slack).body);
  const std::string text = json.at("text").get<std::string>();
  CHECK(contains(text,
                 "@\xe2\x80\x8b"
                 "everyone (s3)"));
  CHECK_FALSE(contains(text, "@everyone"));
  CHECK(text.ends_with("..."));
  CHECK(text.size() < 3000);  // with the escapes, which Slack does not count
}

TEST_CASE("Names are told in one line, whatever they hold") {
  const std::string bad = "a\nb\x1b[2J";
  const auto json = nlohmann::json::parse(
      format_notice(report({bad}), {NoticeKind::failure, {}}, NotifyFormat::json).body);
  CHECK(contains(json.at("text").get<std::string>(), "\na?b?[2J (s3): "));
  CHECK(json.at("troubles").at(0).at("group") == bad);
  CHECK(decide(report({}), NotifyOn::change, Names{work_name({Group::database(bad), "s3"}, "")})
            .recovered == std::vector<std::string>{"a?b?[2J (s3)"});
}

TEST_CASE("What has recovered is listed as far as troubles are") {
  Notice notice{NoticeKind::recovery, {}};
  for (int i = 0; i < 60; ++i) notice.recovered.push_back("db" + std::to_string(i));
  const auto json =
      nlohmann::json::parse(format_notice(report({}), notice, NotifyFormat::json).body);
  CHECK(json.at("recovered").size() == kMostTroubles);
  CHECK(contains(json.at("text").get<std::string>(), "db49 and 10 more\n"));
}

TEST_CASE("ntfy gets text with a title that is a header") {
  RunReport one = report({"app"});
  one.instance = "d\xc3\xa4\r\nX-Evil: 1";
  const Message message = format_notice(one, {NoticeKind::failure, {}}, NotifyFormat::ntfy);
  CHECK(message.headers == NameValues{{"Content-Type", "text/plain; charset=utf-8"},
                                      {"Title", "pg-backup on d????X-Evil: 1: failure"},
                                      {"Priority", "high"},
                                      {"Tags", "warning"}});
  CHECK(contains(message.body, "app (s3): app <broke>"));
  CHECK(format_notice(one, {NoticeKind::recovery, {}}, NotifyFormat::ntfy).headers[2].second ==
        "default");
}

TEST_CASE("No form grows with the number of troubles beyond what receivers take") {
  std::vector<std::string> many;
  for (int i = 0; i < 5000; ++i) many.push_back("database_" + std::to_string(i));
  const RunReport one = report(many);
  const Notice notice{NoticeKind::failure, {}};
  CHECK(format_notice(one, notice, NotifyFormat::json).body.size() < 100'000);
  CHECK(format_notice(one, notice, NotifyFormat::slack).body.size() < 20'000);
  CHECK(format_notice(one, notice, NotifyFormat::ntfy).body.size() < 4096);
  const auto json = nlohmann::json::parse(format_notice(one, notice, NotifyFormat::json).body);
  CHECK(json.at("trouble_count") == 5000);
  CHECK(json.at("troubles").size() == kMostTroubles);
}

TEST_CASE("What could not be delivered is told with the next report") {
  const std::string bad = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
  ScriptedServer server({bad, ok(""), ok("")});
  HastyClock clock;
  TestLog log(clock);
  Notifier notifier({.transports = [] { return std::make_unique<CurlTransport>(""); },
                     .clock = clock,
                     .log = log.log(),
                     .retry = {.total = milliseconds(0)}},
                    NotifyOn::change, NotifyFormat::json);
  const auto tell = [&](const std::vector<std::string>& failing) {
    notifier.tell({.report = report(failing), .url = Secret(server.url())}, {});
    return 0;
  };
  CHECK(error_of([&] { return tell({"app"}); }).has_value());
  CHECK(tell({"app"}) == 0);
  CHECK(tell({"app"}) == 0);  // known by now
  CHECK(tell({}) == 0);
  notifier.tell({.is_start = true, .report = report({}), .url = Secret(server.url())}, {});
  server.end();
  REQUIRE(server.requests.size() == 3);
  CHECK(contains(server.requests[0], "\"event\":\"failure\""));
  CHECK(contains(server.requests[1], "\"event\":\"failure\""));
  CHECK(contains(server.requests[2], "\"event\":\"recovery\""));
}

}  // namespace
}  // namespace pgbackup
