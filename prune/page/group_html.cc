#include "prune/page/group_html.h"

#include <fmt/format.h>

#include <iterator>

#include "common/base/units.h"
#include "prune/page/chart.h"
#include "prune/page/html.h"
#include "prune/page/page_text.h"

namespace pgbackup {
namespace {

std::string chip(std::string_view css_class, const std::string& text) {
  return fmt::format(R"( <b class="chip {}">{}</b>)", css_class, escape_html(text));
}

/// Returns what stands under a time: how far off it is.
std::string age(UtcTime time, UtcTime now) { return escape_html(page_age(time, now)); }

std::string fate_text(const PageBackup& backup, UtcTime now) {
  switch (backup.fate) {
    case Fate::stays:
      return "";
    case Fate::leaves:
      return fmt::format("<small>until {}, {}</small>", time_element(backup.leaves_at),
                         age(backup.leaves_at, now));
    case Fate::goes_next:
      return "<small>the next run deletes it</small>";
  }
  return "";
}

std::string chips_of(const PageBackup& backup) {
  std::string chips;
  if (!backup.flaw.empty()) chips += chip("damaged", backup.flaw);
  if (backup.is_held) chips += chip("frozen", "held");
  if (backup.locked_until)
    chips += chip("frozen", "locked until " + page_time(*backup.locked_until));
  if (backup.verification && backup.verification->is_passed) {
    chips += chip("good", fmt::format("verified {} ({})", page_time(backup.verification->time),
                                      depth_name(backup.verification->depth)));
  }
  return chips;
}

void add_row(const PageBackup& backup, UtcTime now, std::string& html) {
  std::string size = format_bytes(backup.bytes);
  if (backup.uncompressed_bytes > 0) {
    size += fmt::format("<small>of {}</small>", format_bytes(backup.uncompressed_bytes));
  }
  fmt::format_to(
      std::back_inserter(html), "<tr><td>{}<code>{}</code>{}<td class=\"n\">{}<td>{}{}{}\n",
      time_element(backup.time), escape_html(backup.id),
      backup.taken ? fmt::format("<small>took {}</small>", format_age(*backup.taken)) : "", size,
      escape_html(backup.reasons), chips_of(backup), fate_text(backup, now));
}

std::string format_backups(const PageGroup& group, UtcTime now) {
  std::string html = fmt::format(
      R"(<details class="all"><summary>{}, newest first</summary><table><thead><tr>)"
      R"(<th scope="col">Begun<th scope="col" class="n">Size<th scope="col">Why it stays, and until when</thead>)"
      "<tbody>\n",
      group.unlisted == 0 ? page_count(group.count, "backup")
                          : fmt::format("The newest {} of {}", group.backups.size(),
                                        page_count(group.count, "backup")));
  for (const PageBackup& backup : group.backups) add_row(backup, now, html);
  html += "</tbody></table>";
  if (group.unlisted > 0) {
    html += fmt::format(
        R"(<p class="note">{} not shown: pg-prune plan lists all of them.</p>)",
        group.unlisted == 1 ? "1 older one is" : fmt::format("{} older ones are", group.unlisted));
  }
  return html + "</details>";
}

std::string format_facts(const PageGroup& group, UtcTime now) {
  std::string html = R"(<dl class="facts">)";
  html += group.last_success ? fact("Last success", time_element(*group.last_success),
                                    age(*group.last_success, now))
                             : fact("Last success", "none");
  html += group.due ? fact("Next one due", time_element(*group.due), age(*group.due, now))
                    : fact("Next one due", "not known", "no schedule is told");
  html += fact("In the store", page_count(group.count, "backup"), format_bytes(group.bytes));
  html += fact("Newest", group.last_success ? format_bytes(group.last_bytes) : "none");
  html += group.verification ? fact("Verified", time_element(group.verification->time),
                                    age(group.verification->time, now))
                             : fact("Verified", "never", "as far as this store tells");
  html += fact("Holds and locks", fmt::format("{} held, {} locked", group.held, group.locked));
  return html + "</dl>";
}

std::string format_sizes(const PageGroup& group) {
  const std::string sizes = draw_sizes(group.backups);
  if (sizes.empty()) return "";
  return fmt::format(R"(<figure>{}<div class="ends"><span>{}</span><span>{}</span></div>)"
                     "<figcaption>{}</figcaption></figure>",
                     sizes, page_time(group.backups.back().time),
                     page_time(group.backups.front().time), describe_sizes(group.backups));
}

}  // namespace

std::string icon(std::string_view name) {
  return fmt::format(
      R"(<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><use href="#{}"/></svg>)", name);
}

std::string time_element(UtcTime time) {
  return fmt::format(R"(<time datetime="{}">{}</time>)", format_iso(time), page_time(time));
}

std::string fact(std::string_view name, const std::string& value, const std::string& small) {
  return fmt::format("<div><dt>{}</dt><dd>{}{}</dd></div>", escape_html(name), value,
                     small.empty() ? "" : fmt::format("<small>{}</small>", small));
}

std::string format_group(const PageGroup& group, UtcTime now, bool is_open) {
  const GroupState state = group.verdict.state;
  std::string html = fmt::format(
      R"(<details class="group {0}"{1}><summary>{2}<div class="who"><h3><bdi>{3}</bdi></h3>)"
      R"(<span class="badge">{4}</span><span class="when">{5}</span></div>{6}</summary>)"
      R"(<div class="body"><p class="verdict">{7}</p>)",
      state_class(state), is_open ? " open" : "", icon(state_class(state)),
      escape_html(group_title(group.group)), state_title(state),
      group.last_success ? age(*group.last_success, now) : "", draw_days(group.days),
      escape_html(group.verdict.sentence));
  for (const std::string& note : group.notes) {
    html += fmt::format(R"(<p class="note">{}</p>)", escape_html(note));
  }
  if (!group.backups.empty()) {
    html += fmt::format(R"(<div class="columns">{}{}</div><p class="note">{}</p>)",
                        format_facts(group, now), format_sizes(group), describe_days(group.days));
    html += format_backups(group, now);
  }
  return html + "</div></details>\n";
}

}  // namespace pgbackup
