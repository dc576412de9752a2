// The time zone of the process: the only one besides UTC, and the one of schedules.
#pragma once

#include <string>

namespace pgbackup {

/// Sets the process's time zone (TZ in the environment). Must be called once at start, before any
/// thread. `name` is a name in the zone database (/usr/share/zoneinfo or $TZDIR), `UTC`, or a rule
/// such as `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX); empty is UTC. Throws `usage` for any other name,
/// which libc would silently take for UTC.
void set_time_zone(const std::string& name);

}  // namespace pgbackup
