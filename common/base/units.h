// Durations and sizes as people write and read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgbackup {

/// Digits and one unit: `90`, `90s`, `15m`, `6h`, `30d`, `2w`; bare digits are seconds. At most
/// 100 years. Anything else: nullopt.
[[nodiscard]] std::optional<std::chrono::seconds> parse_duration(std::string_view text);
/// The shortest exact form: `30d`, `6h`, `90s`, `0s`.
[[nodiscard]] std::string format_duration(std::chrono::seconds duration);

/// Digits and one unit: `16MiB`, `10MB`, `512 KiB` is not; bare digits and `B` are bytes. `KiB MiB
/// GiB TiB` count in 1024, `KB MB GB TB` in 1000. Anything else: nullopt.
[[nodiscard]] std::optional<uint64_t> parse_bytes(std::string_view text);
/// The shortest exact form that parse_bytes() takes: `16MiB`, `10MB`, `1500B`, `0B`.
[[nodiscard]] std::string format_exact_bytes(uint64_t bytes);

/// In the largest unit that keeps it at 1 or more: `512 B`, `1.5 GiB`.
[[nodiscard]] std::string format_bytes(uint64_t bytes);

}  // namespace pgbackup
