#include "prune/page/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/printable.h"
#include "common/base/units.h"
#include "common/catalog/recovery_text.h"
#include "common/codec/digest.h"
#include "common/codec/encoding.h"
#include "prune/page/chart.h"
#include "prune/page/group_html.h"
#include "prune/page/page_text.h"
#include "prune/page/style.h"

namespace pgbackup {
namespace {

/// Stands where a banner goes.
constexpr std::string_view kBannerPlace = "<!-- banner -->";

/// Below this number all groups are open at first.
constexpr size_t kFewGroups = 4;

struct Totals {
  std::array<size_t, kGroupStates> states{};
  size_t groups = 0;
  size_t attention = 0;
  size_t backups = 0;
  uint64_t bytes = 0;
  size_t unread = 0;  ///< destinations
};

Totals totals_of(const Page& page) {
  Totals totals;
  for (const PageDestination& destination : page.destinations) {
    if (!destination.error.empty()) ++totals.unread;
    for (const PageGroup& group : destination.groups) {
      ++totals.groups;
      ++totals.states.at(static_cast<size_t>(group.verdict.state));
      totals.attention += needs_attention(group.verdict.state) ? 1 : 0;
      totals.backups += group.count;
      totals.bytes += group.bytes;
    }
  }
  return totals;
}

/// Returns the state that stands for all: the worst.
GroupState worst_of(const Totals& totals) {
  if (totals.unread > 0) return GroupState::failing;
  if (totals.groups == 0) return GroupState::never;
  for (size_t i = 0; i < kGroupStates; ++i) {
    if (totals.states.at(i) > 0) return static_cast<GroupState>(i);
  }
  return GroupState::good;
}

std::string headline_of(const Totals& totals) {
  if (totals.unread > 0) return "The store cannot be read";
  if (totals.groups == 0) return "There are no backups yet";
  if (totals.attention == 0) {
    return totals.groups == 1 ? "The backup is good" : "All backups are good";
  }
  return fmt::format("{} of {} {} attention", totals.attention, totals.groups,
                     totals.attention == 1 ? "needs" : "need");
}

std::string document_start(std::string_view title, std::string_view more) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" "
      "content=\"noindex\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">{}\n"
      "<title>{}</title><link rel=\"icon\" href=\"{}\">\n<style>{}</style></head>\n<body>",
      page_policy(), more, escape_html(title), kPageTabIcon, kPageStyle);
}

std::string format_tiles(const Totals& totals) {
  std::string html = R"(<ul class="tiles">)";
  for (size_t i = 0; i < kGroupStates; ++i) {
    const auto state = static_cast<GroupState>(i);
    if (totals.states.at(i) == 0) continue;
    html += fmt::format(R"(<li class="{}">{}{} {}</li>)", state_class(state),
                        icon(state_class(state)), totals.states.at(i), state_title(state));
  }
  return html + "</ul>";
}

std::string format_header(const Page& page, const Totals& totals) {
  const GroupState worst = worst_of(totals);
  return fmt::format(
      R"(<header><p class="over">PostgreSQL backups</p><div class="hero {0}">{1}<div><h1>{2}</h1>)"
      R"(<p class="sub">As of {3} ({4}{5}) · {6} backup{7}, {8}</p></div></div>{9}</header>)",
      state_class(worst), icon(state_class(worst)), headline_of(totals), time_element(page.now),
      escape_html(page.settings.zone),
      page.settings.zone == page_offset(page.now) ? "" : ", " + page_offset(page.now),
      totals.backups, totals.backups == 1 ? "" : "s", format_bytes(totals.bytes),
      format_tiles(totals));
}

std::string window_text(const RecoveryWindow& window) {
  std::string text = fmt::format("Every moment from {} to {} can be restored.",
                                 time_element(window.from), time_element(window.until));
  if (window.gaps.empty()) return text;
  text += window.next ? fmt::format(" Then nothing until {}", time_element(*window.next))
                      : std::string(" Nothing later");
  return text + fmt::format(": {} of the log {} missing.",
                            window.gaps.size() == 1
                                ? "a stretch"
                                : fmt::format("{} stretches", window.gaps.size()),
                            window.gaps.size() == 1 ? "is" : "are");
}

std::string format_server(const PageWal& server, UtcTime now) {
  const auto& windows = server.recovery.windows;
  std::string html = fmt::format(
      R"(<div class="card"><h3>Server {}</h3><p class="note">{} object{} of its write-ahead log, {}</p>)",
      escape_html(server.system_identifier), server.objects, server.objects == 1 ? "" : "s",
      format_bytes(server.bytes));
  if (windows.empty()) {
    html += R"(<p class="note">No moment can be restored: no whole base backup goes with it.</p>)";
  } else {
    html +=
        fmt::format(R"(<figure>{}<div class="ends"><span>{}</span><span>now</span></div></figure>)",
                    draw_windows(windows, now), page_time(windows.front().from));
  }
  html += R"(<ul class="plain">)";
  for (const RecoveryWindow& window : windows) html += "<li>" + window_text(window) + "</li>";
  for (const StrandedBase& base : server.recovery.stranded) {
    html += fmt::format("<li>{}.</li>", escape_html(describe_stranded(base)));
  }
  return html + "</ul></div>\n";
}

/// Returns what the cells of the calendar strips mean.
std::string format_legend(std::chrono::local_days first) {
  const auto cell = [](std::string_view css_class, std::string_view text) {
    return fmt::format(
        R"( <svg class="strip" viewBox="0 0 8 20" aria-hidden="true"><rect class="{}" width="8" height="20" rx="2"/></svg> {})",
        css_class, text);
  };
  return fmt::format(R"(<p class="legend">Each day from {} to today:{}{}{}</p>)", page_day(first),
                     cell("y", "a backup is in the store"), cell("x", "one is flawed"),
                     cell("", "none"));
}

std::string format_destination(const PageDestination& shown, UtcTime now, size_t number) {
  std::string html = fmt::format(
      R"(<section aria-labelledby="d{0}"><h2 id="d{0}">{1}<small>{2}</small></h2>)", number,
      shown.name.empty() ? "" : escape_html(shown.name) + " ", escape_html(shown.location));
  const auto add_bad = [&](const std::string& text) {
    html += fmt::format(R"(<p class="bad">{}</p>)", escape_html(text));
  };
  if (!shown.error.empty()) add_bad(shown.error);
  for (const std::string& problem : shown.problems) add_bad(problem);
  if (!shown.groups.empty()) html += format_legend(shown.groups.front().days.front().day);
  const bool are_few = shown.groups.size() < kFewGroups;
  for (const PageGroup& group : shown.groups) {
    html += format_group(group, now, are_few || needs_attention(group.verdict.state));
  }
  if (shown.unlisted > 0) {
    html +=
        fmt::format(R"(<p class="note">{} further databases are not shown.</p>)", shown.unlisted);
  }
  for (const std::string& text : shown.not_adopted) {
    html += fmt::format(R"(<p class="note">{}</p>)", escape_html(text));
  }
  if (!shown.servers.empty()) {
    html += "<h2>Point-in-time recovery</h2>";
    for (const PageWal& server : shown.servers) html += format_server(server, now);
  }
  return html + "</section>\n";
}

std::string format_rules(const PageSettings& settings) {
  std::string html =
      R"(<section aria-labelledby="rules"><h2 id="rules">The rules in force</h2><div class="card">)"
      R"(<p class="note">The times of deletion assume that backups go on as they are due, and that )"
      "the rules stay as they are. Where no new backup comes, the newest ones stay.</p>";
  if (settings.is_dry_run) {
    html += R"(<p class="verdict frozen">RETENTION_DRY_RUN is set: nothing is deleted.</p>)";
  }
  const auto add = [&](std::string_view title, const SettingRows& rows) {
    html += fmt::format(R"(<h3>{}</h3><dl class="rules">)", title);
    for (const auto& [name, value] : rows) html += fact(name, escape_html(value));
    html += "</dl>";
  };
  add("A backup stays while any of these keeps it", settings.keep);
  add("And besides", settings.besides);
  return html + "</div></section>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : escape_markup(printable(as_utf8(text)))) {
    if (c == '"') {
      escaped += "&quot;";
    } else if (c == '\'') {
      escaped += "&#39;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string page_policy() {
  const std::string digest = decode_hex(sha256_hex(kPageStyle)).value();
  return fmt::format(
      "default-src 'none'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action "
      "'none'",
      encode_base64(digest));
}

std::string format_page(const Page& page) {
  const Totals totals = totals_of(page);
  const std::string headline = headline_of(totals);
  std::string html = document_start(headline + " – PostgreSQL backups", "");
  html += R"(<a class="skip" href="#backups">Skip to the backups</a>)";
  html += kPageIcons;
  html += kBannerPlace;
  html += format_header(page, totals) + "<main id=\"backups\">\n";
  for (size_t i = 0; i < page.destinations.size(); ++i) {
    html += format_destination(page.destinations[i], page.now, i);
  }
  html += format_rules(page.settings);
  return html +
         fmt::format(
             "</main><footer>Made by pg-prune {} from what lies in the store. It says what a "
             "listing and the manifests tell: whether a backup can be restored shows when it "
             "is restored.</footer></body></html>\n",
             escape_html(PROJECT_VERSION));
}

std::string format_notice(std::string_view sentence, int reload_seconds) {
  const std::string reload =
      reload_seconds == 0
          ? ""
          : fmt::format(R"(<meta http-equiv="refresh" content="{}">)", reload_seconds);
  return document_start("PostgreSQL backups", reload) +
         fmt::format(
             "<header><p class=\"over\">PostgreSQL backups</p><h1>{}</h1></header></body></html>\n",
             escape_html(sentence));
}

std::string add_banner(std::string_view page, std::string_view sentence) {
  const size_t place = page.find(kBannerPlace);
  if (place == std::string_view::npos) return std::string(page);
  return fmt::format("{}<header><p class=\"bad\" role=\"alert\">{}</p></header>{}",
                     page.substr(0, place), escape_html(sentence), page.substr(place));
}

}  // namespace pgbackup
