// Time stamps as text, in UTC: ISO 8601 (manifest, logs), its basic form (backup ids, SigV4) and
// the HTTP date. Parsing is strict; nothing here knows what time it is (see clock.h).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pgbackup {

/// Whole seconds since 1970 in UTC.
using UtcTime = std::chrono::sys_seconds;

/// `2026-11-20T03:15:00Z`
[[nodiscard]] std::string format_iso(UtcTime time);
/// `20261120T031500Z` (ISO 8601 basic)
[[nodiscard]] std::string format_basic(UtcTime time);

/// `2026-11-20T03:15:00Z`; a fraction of a second is cut off. Anything else: nullopt.
[[nodiscard]] std::optional<UtcTime> parse_iso(std::string_view text);
/// `20261120T031500Z`
[[nodiscard]] std::optional<UtcTime> parse_basic(std::string_view text);
/// `Fri, 20 Nov 2026 03:15:00 GMT` (RFC 9110 section 5.6.7, IMF-fixdate only)
[[nodiscard]] std::optional<UtcTime> parse_http_date(std::string_view text);

}  // namespace pgbackup
