// Reads and writes durations and sizes as people do.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgbackup {

/// Parses digits and units, the longest first: `90`, `90s`, `15m`, `2h30m`, `30d`, `2w`; bare
/// digits are seconds. Returns nullopt for anything else, and for more than 100 years.
[[nodiscard]] std::optional<std::chrono::seconds> parse_duration(std::string_view text);
/// Returns the shortest exact form: `30d`, `6h`, `90s`, `0s`.
[[nodiscard]] std::string format_duration(std::chrono::seconds duration);

/// Returns an age in the largest unit that it fills: `3d`, `5h`, `12m`, `7s`; `-7s` of the future.
[[nodiscard]] std::string format_age(std::chrono::seconds age);

/// Parses digits and one unit without a space: `16MiB`, `10MB`; bare digits and `B` are bytes. `KiB
/// MiB GiB TiB` count in 1024, `KB MB GB TB` in 1000. Returns nullopt for anything else.
[[nodiscard]] std::optional<uint64_t> parse_bytes(std::string_view text);
/// Returns the shortest exact form that parse_bytes() takes: `16MiB`, `10MB`, `1500B`, `0B`.
[[nodiscard]] std::string format_exact_bytes(uint64_t bytes);

/// Returns a rounded size in the largest unit that keeps the number at 1 or more: `512 B`, `1.5
/// GiB`.
[[nodiscard]] std::string format_bytes(uint64_t bytes);

}  // namespace pgbackup
