// Converts times in UTC to text and back: ISO 8601 (manifest, logs), its basic form (backup ids,
// SigV4) and the HTTP date. Parsing is strict. Nothing here reads the time (see clock.h).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pgbackup {

/// Holds whole seconds since 1970 in UTC.
using UtcTime = std::chrono::sys_seconds;

/// Returns `2026-11-20T03:15:00Z`.
[[nodiscard]] std::string format_iso(UtcTime time);
/// Returns `20261120T031500Z` (ISO 8601 basic).
[[nodiscard]] std::string format_basic(UtcTime time);

/// Parses `2026-11-20T03:15:00Z` and cuts off a fraction of a second. Returns nullopt for anything
/// else.
[[nodiscard]] std::optional<UtcTime> parse_iso(std::string_view text);
/// Parses `20261120T031500Z`. Returns nullopt for anything else.
[[nodiscard]] std::optional<UtcTime> parse_basic(std::string_view text);
/// Parses `Fri, 20 Nov 2026 03:15:00 GMT` (RFC 9110 section 5.6.7, IMF-fixdate only). Returns
/// nullopt for anything else.
[[nodiscard]] std::optional<UtcTime> parse_http_date(std::string_view text);

}  // namespace pgbackup
