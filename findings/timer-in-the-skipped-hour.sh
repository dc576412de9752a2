#!/usr/bin/env bash
# Software: systemd-analyze calendar of systemd 257.13.
#
# One would guess: a timer with OnCalendar=*-*-* 02:30 elapses once every day; on the day on which the
# clock jumps from 2 to 3, right after the jump, as Debian's cron runs such a job. A timer for every half
# hour elapses every half hour.
#
# What happens: on the day of the jump the timer does not elapse at all: the backup of the
# next night comes 47 hours after the one before. In autumn the hour that comes twice counts once, so "every
# half hour" has a gap of an hour and a half.
#
# Why it matters: many nightly backups are set to between 2 and 3 o'clock. A check that the newest backup
# is no older than 26 hours rings in spring, and a window of WAL or replication slots sized for a day is
# exceeded. Timers in UTC (OnCalendar=… UTC) have neither.
. "$(dirname "$0")/lib.sh"
packages trixie systemd=257.13-1~deb13u1 tzdata

# elapses BASE COUNT EXPRESSION: the times in Berlin.
elapses() {
    run TZ=Europe/Berlin systemd-analyze calendar --base-time="$1" --iterations="$2" "$3" |
        sed -nE 's/^ *(Next elapse|Iteration #[0-9]+): //p'
}
expect "OnCalendar=*-*-* 02:30 around 29 March 2026, a Sunday" \
    $'Sat 2026-03-28 02:30:00 CET\nMon 2026-03-30 02:30:00 CEST' "$(elapses '2026-03-28 00:00' 2 '*-*-* 02:30')"
expect "OnCalendar=*:0/30 around 3 o'clock on 25 October 2026" \
    $'Sun 2026-10-25 02:00:00 CEST\nSun 2026-10-25 02:30:00 CEST\nSun 2026-10-25 03:00:00 CET' \
    "$(elapses '2026-10-25 01:50' 3 '*:0/30')"
expect "OnCalendar=*-*-* 02:30 UTC around 29 March 2026" \
    $'Sat 2026-03-28 03:30:00 CET\nSun 2026-03-29 04:30:00 CEST' "$(elapses '2026-03-28 00:00' 2 '*-*-* 02:30 UTC')"
