// The status page as one HTML document that loads nothing and needs no script. Pure. Names, keys
// and texts come from whoever may write to the store, so all of them are escaped here.
// https://html.spec.whatwg.org/
#pragma once

#include <string>
#include <string_view>

#include "prune/page/model.h"

namespace pgbackup {

/// Returns `text` for the content of an element or a quoted attribute. Control characters become
/// `?`, and bytes that are no UTF-8 U+FFFD.
[[nodiscard]] std::string escape_html(std::string_view text);

/// Returns the policy by which a browser refuses everything but the page's own style sheet and
/// icon. https://www.w3.org/TR/CSP3/
[[nodiscard]] std::string page_policy();

/// Returns the whole document.
[[nodiscard]] std::string format_page(const Page& page);

/// Returns a small document that says `sentence`; it asks for itself again in `reload_seconds`,
/// unless these are 0.
[[nodiscard]] std::string format_notice(std::string_view sentence, int reload_seconds);

/// Returns `page`, as format_page() made it, with a sentence above everything else.
[[nodiscard]] std::string add_banner(std::string_view page, std::string_view sentence);

}  // namespace pgbackup
