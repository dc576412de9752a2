#!/usr/bin/env bash
# Software: the server and pg_basebackup of PostgreSQL 17.12.
#
# One would guess: recovery_target_time = '… 14:00:00 UTC-5' is two o'clock in the zone that everybody calls
# UTC-5, five hours behind UTC, just as '… 14:00:00-05' is.
#
# What happens: letters before the offset make it a POSIX time zone, whose sign is the other way round. UTC-5 is
# five hours ahead of UTC, so the target lies ten hours earlier; UTC+3, GMT+2 and so on go wrong in the same way.
# Earlier than the base backup, it ends the recovery at the first commit after it: the server becomes a primary,
# and pg_ctl reports success.
#
# Why it matters: a target is written in a hurry, from the time in somebody's message. A wrong one restores
# another state, or, to the other side, runs past the mistake that it was to avoid. Only the log says which
# moment was understood: "starting point-in-time recovery to …".
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

run mkdir /home/archive
start_postgres 17 archive_mode=on 'archive_command=cp %p /home/archive/%f' timezone=UTC
export PGPORT=5417
sql 17 -c 'create table t as select g from generate_series(1, 100) g'
pg 17 pg_basebackup -D /home/backup --checkpoint=fast
for _ in 1 2 3; do sql 17 -c 'insert into t select g from generate_series(1, 100) g'; done
sleep 2
now=$(date +%s)
sleep 2
file=$(sql 17 -c 'delete from t' -c 'select pg_walfile_name(pg_switch_wal())')
until [ -e "$T/home/archive/$file" ]; do sleep 0.1; done
stop_postgres 17

restore() { # TARGET: prints the exit code of the start, the moment that the server understood, and the rows
    local status=0
    run rm -rf /home/restored /home/restored.log
    run cp -a /home/backup /home/restored
    printf '%s\n' "restore_command = 'cp /home/archive/%f %p'" 'archive_mode = off' 'recovery_target_action = promote' \
        "recovery_target_time = '$1'" >>"$T/home/restored/postgresql.conf"
    run touch /home/restored/recovery.signal
    pg 17 pg_ctl -D /home/restored -l /home/restored.log -w start >/dev/null || status=$?
    until [ "$(sql 17 -c 'select pg_is_in_recovery()')" = f ]; do sleep 0.1; done
    echo "exit $status"
    sed -n 's/.*starting point-in-time recovery to //p' "$T/home/restored.log"
    echo "$(sql 17 -c 'select count(*) from t') rows"
    pg 17 pg_ctl -D /home/restored -m fast -w stop >/dev/null
}
utc() { TZ=UTC date -d "@$((now + $1 * 3600))" '+%F %T'; } # HOURS: the moment before the mistake, shifted
target=$(utc -5)
expect "Target '$target-05'" "exit 0
$(utc 0)+00
400 rows" "$(restore "$target-05")"
expect "Target '$target UTC-5'" "exit 0
$(utc -10)+00
100 rows" "$(restore "$target UTC-5")"
