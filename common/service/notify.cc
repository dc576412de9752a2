#include "common/service/notify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <utility>

#include "common/base/utc_time.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostTextBytes = 8000;

std::set<std::string> names_of_troubles(const RunReport& report) {
  std::set<std::string> names;
  for (const Trouble& trouble : troubles_of(report)) names.insert(trouble.name(report.job));
  return names;
}

/// Returns the names of what is taken to have been wrong before this run. A process that has just
/// started does not know, but what was overdue had failed, or nobody tried.
std::set<std::string> wrong_before(const RunReport& report,
                                   const std::optional<std::set<std::string>>& told) {
  if (told) return *told;
  std::set<std::string> names;
  for (const Work& work : report.late) names.insert(work_name(work, report.job));
  return names;
}

std::string_view name_of(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::failure:
      return "failure";
    case NoticeKind::recovery:
      return "recovery";
    case NoticeKind::success:
      return "success";
  }
  return "failure";
}

std::string_view result_of(const RunReport& report) {
  if (report.is_good()) return "succeeded";
  return report.is_refused() ? "refused" : "failed";
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json json_of(const Trouble& trouble) {
  return {
      {"group", text_or_null(trouble.work.group.name())},
      {"destination", text_or_null(trouble.work.destination)},
      {"guard", text_or_null(trouble.guard)},
      {"text", clipped(trouble.text, kMostErrorBytes)},
      {"failures", trouble.failures},
      {"last_success", trouble.last_success ? Json(format_iso(*trouble.last_success)) : Json()}};
}

/// Returns the first names of what has recovered.
std::span<const std::string> listed_names(const Notice& notice) {
  return std::span(notice.recovered).first(std::min(notice.recovered.size(), kMostTroubles));
}

std::string message_text(const RunReport& report, const Notice& notice) {
  std::string text = describe(report);
  const auto names = listed_names(notice);
  if (!names.empty()) {
    const size_t more = notice.recovered.size() - names.size();
    text += fmt::format("well again: {}{}\n", fmt::join(names, ", "),
                        more == 0 ? "" : fmt::format(" and {} more", more));
  }
  return clipped(text, kMostTextBytes);
}

std::string format_json(const RunReport& report, const Notice& notice) {
  const std::vector<Trouble> troubles = troubles_of(report);
  Json listed = Json::array();
  for (size_t i = 0; i < std::min(troubles.size(), kMostTroubles); ++i) {
    listed.push_back(json_of(troubles[i]));
  }
  const auto names = listed_names(notice);
  const Json message = {
      {"event", name_of(notice.kind)},
      {"program", report.program},
      {"version", PROJECT_VERSION},
      {"instance", report.instance},
      {"job", report.job},
      {"result", result_of(report)},
      {"started", format_iso(report.started)},
      {"ended", format_iso(report.ended)},
      {"seconds", report.taken.count()},
      {"text", message_text(report, notice)},
      {"error", report.error ? Json(clipped(report.error->message(), kMostErrorBytes)) : Json()},
      {"hint", report.error ? text_or_null(report.error->hint()) : Json()},
      {"troubles", std::move(listed)},
      {"trouble_count", troubles.size()},
      {"recovered", std::vector<std::string>(names.begin(), names.end())}};
  return message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Breaks what a chat would take for a mention, as of everyone, by an invisible character (U+200B).
std::string without_mentions(std::string_view text) {
  std::string broken;
  for (const char c : text) {
    broken += c;
    if (c == '@') broken += "\xe2\x80\x8b";
  }
  return broken;
}

/// Escapes what Slack would take for markup.
/// https://api.slack.com/reference/surfaces/formatting#escaping
std::string format_slack(const std::string& text) {
  constexpr size_t kMostBytes = 1900;  // Discord refuses more than 2000 characters
  const std::string escaped = escape_markup(clipped(without_mentions(text), kMostBytes));
  return Json({{"text", escaped}}).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Returns a title of ASCII, which is what a header may hold.
std::string ntfy_title(const RunReport& report, const Notice& notice) {
  std::string title =
      fmt::format("{} on {}: {}", report.program, report.instance, name_of(notice.kind));
  std::replace_if(
      title.begin(), title.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return title;
}

/// https://docs.ntfy.sh/publish/
Message format_ntfy(const RunReport& report, const Notice& notice) {
  constexpr size_t kMostBytes = 4000;  // ntfy turns a longer message into an attachment
  const bool is_failure = notice.kind == NoticeKind::failure;
  return {.headers = {{"Content-Type", "text/plain; charset=utf-8"},
                      {"Title", ntfy_title(report, notice)},
                      {"Priority", is_failure ? "high" : "default"},
                      {"Tags", is_failure ? "warning" : "white_check_mark"}},
          .body = clipped(message_text(report, notice), kMostBytes)};
}

}  // namespace

std::optional<Notice> decide_notice(const RunReport& report, NotifyOn on,
                                    const std::optional<std::set<std::string>>& told) {
  const std::set<std::string> wrong = names_of_troubles(report);
  const std::set<std::string> before = wrong_before(report, told);
  Notice notice;
  std::set_difference(before.begin(), before.end(), wrong.begin(), wrong.end(),
                      std::back_inserter(notice.recovered));
  if (!wrong.empty()) {
    notice.kind = NoticeKind::failure;
    if (on == NotifyOn::change && told && wrong == *told) return std::nullopt;
    return notice;
  }
  notice.kind = before.empty() ? NoticeKind::success : NoticeKind::recovery;
  if (notice.kind == NoticeKind::success && on != NotifyOn::always) return std::nullopt;
  return notice;
}

Message format_notice(const RunReport& report, const Notice& notice, NotifyFormat format) {
  if (format == NotifyFormat::ntfy) return format_ntfy(report, notice);
  return {.headers = {{"Content-Type", "application/json"}},
          .body = format == NotifyFormat::slack ? format_slack(message_text(report, notice))
                                                : format_json(report, notice)};
}

Notifier::Notifier(DeliveryMeans means, NotifyOn on, NotifyFormat format)
    : means_(std::move(means)), on_(on), format_(format) {}

void Notifier::tell(const Letter& letter, const std::stop_token& stop) {
  if (letter.is_start) return;
  if (const auto notice = decide_notice(letter.report, on_, told_)) {
    Receiver(means_, kNotifyUrl, letter.url.reveal())
        .send(format_notice(letter.report, *notice, format_), stop);
  }
  told_ = names_of_troubles(letter.report);
}

}  // namespace pgbackup
