#!/usr/bin/env bash
# Software: PostgreSQL 17.12 with archive_command and restore_command.
#
# One would guess: a restore drill reads the archive and changes nothing for later restores; a restore
# without a target brings back the newest state of the production server.
#
# What happens: a base backup contains archive_mode and archive_command. The server of the drill becomes a
# primary on timeline 2 and archives 00000002.history next to the files of production, which is still on
# timeline 1; no file is overwritten, so no safety check objects. The default of recovery_target_timeline
# is "latest", the highest number, not the newest data. From then on every restore follows the drill: it
# succeeds, and all that production wrote after the drill is missing.
#
# Why it matters: the drill that is to prove the backups makes them unusable until somebody sets
# recovery_target_timeline to 1 by hand. A drill needs archive_mode=off before its first start.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

run mkdir /home/archive
start_postgres 17 archive_mode=on 'archive_command=test ! -f /home/archive/%f && cp %p /home/archive/%f'
sql 17 -c 'create table t as select g from generate_series(1, 100) g'
PGPORT=5417 pg 17 pg_basebackup -D /home/backup --checkpoint=fast

commit_and_archive() { # 100 more rows, and waits until they are in the archive
    local file
    file=$(sql 17 -c 'insert into t select g from generate_series(1, 100) g' -c 'select pg_walfile_name(pg_switch_wal())')
    until [ -e "$T/home/archive/$file" ]; do sleep 0.1; done
}
# restore PORT [SETTING...]: a server from the base backup and the archive; prints its rows and timeline.
restore() {
    local port=$1 setting
    shift
    run cp -a /home/backup "/home/$port"
    for setting in "port = $port" "restore_command = 'cp /home/archive/%f %p'" "$@"; do
        echo "$setting" >>"$T/home/$port/postgresql.auto.conf"
    done
    run touch "/home/$port/recovery.signal"
    PGPORT=$port pg 17 pg_ctl -D "/home/$port" -l "/home/$port.log" -w start >/dev/null 2>&1
    until [ "$(PGPORT=$port pg 17 psql -XAtc 'select pg_is_in_recovery()')" = f ]; do sleep 0.1; done
    PGPORT=$port pg 17 psql -XAtc \
        "select count(*) || ' rows, timeline ' || (select timeline_id from pg_control_checkpoint()) from t"
}
commit_and_archive
expect "The drill" "200 rows, timeline 2" "$(restore 5601)"
until [ -e "$T/home/archive/00000002.history" ]; do sleep 0.1; done
PGPORT=5601 pg 17 pg_ctl -D /home/5601 -m fast -w stop >/dev/null
commit_and_archive
commit_and_archive
expect "Production" "400 rows, timeline 1" "$(sql 17 -c \
    "select count(*) || ' rows, timeline ' || (select timeline_id from pg_control_checkpoint()) from t")"
expect "Failed tries of production's archive_command" 0 "$(sql 17 -c 'select failed_count from pg_stat_archiver')"
expect "The next restore, without a target" "200 rows, timeline 3" "$(restore 5602 'archive_mode = off')"
expect "With recovery_target_timeline = 1" "400 rows, timeline *" \
    "$(restore 5603 'archive_mode = off' 'recovery_target_timeline = 1')"
for port in 5602 5603; do pg 17 pg_ctl -D "/home/$port" -m fast -w stop >/dev/null; done
