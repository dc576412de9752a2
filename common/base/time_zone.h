// The time zone of the process: the only one that is not UTC, and the one of schedules.
#pragma once

#include <string>

namespace pgbackup {

/// Sets the process's time zone (TZ in the environment): once at start, before any thread. A name
/// in the zone database (/usr/share/zoneinfo or $TZDIR), `UTC`, or a rule such as
/// `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX); empty is UTC. Throws `usage` for any other, of which libc
/// would silently make UTC.
void set_time_zone(const std::string& name);

}  // namespace pgbackup
