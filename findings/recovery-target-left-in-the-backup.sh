#!/usr/bin/env bash
# Software: the server and pg_basebackup of PostgreSQL 17.12.
#
# One would guess: a recovery target that lies before the base backup is an error, for the state at that
# time cannot be reached any more ("recovery stop point is before consistent recovery point").
#
# What happens: a recovery_target_time that is years older than the backup counts as reached at the first
# commit after the backup. The server stops there, becomes a primary, and everything archived later is
# left out. pg_ctl reports success. Such a target gets there by itself: a point-in-time recovery leaves it
# in postgresql.auto.conf, where it has no effect until the next recovery, and every base backup of that
# server contains the file.
#
# Why it matters: once a server was recovered to a point in time, all restores of its later backups end
# right after the base backup, although the WAL is complete. The settings have to be removed from
# postgresql.auto.conf after a recovery, and a restore has to write its own over them.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

run mkdir /home/archive
start_postgres 17 archive_mode=on 'archive_command=cp %p /home/archive/%f'
# What a recovery of 2020 left behind; the running server is not concerned.
sql 17 -c "alter system set recovery_target_time = '2020-01-01 00:00:00'" \
    -c "alter system set recovery_target_action = 'promote'" \
    -c 'create table t as select g from generate_series(1, 100) g'
PGPORT=5417 pg 17 pg_basebackup -D /home/backup --checkpoint=fast
for _ in 1 2 3; do
    file=$(sql 17 -c 'insert into t select g from generate_series(1, 100) g' -c 'select pg_walfile_name(pg_switch_wal())')
    until [ -e "$T/home/archive/$file" ]; do sleep 0.1; done
done
expect "Rows of production, all archived" 400 "$(sql 17 -c 'select count(*) from t')"
stop_postgres 17

restore() { # PORT [SETTING]: prints the rows
    run cp -a /home/backup "/home/$1"
    printf '%s\n' "port = $1" "restore_command = 'cp /home/archive/%f %p'" 'archive_mode = off' "${2:-}" \
        >>"$T/home/$1/postgresql.auto.conf"
    run touch "/home/$1/recovery.signal"
    PGPORT=$1 pg 17 pg_ctl -D "/home/$1" -l "/home/$1.log" -w start >/dev/null 2>&1
    until [ "$(PGPORT=$1 pg 17 psql -XAtc 'select pg_is_in_recovery()')" = f ]; do sleep 0.1; done
    PGPORT=$1 pg 17 psql -XAtc 'select count(*) from t'
    pg 17 pg_ctl -D "/home/$1" -m fast -w stop >/dev/null
}
expect "Rows after a restore from the backup and the archive" 100 "$(restore 5601)"
expect "What the log says" "*recovery stopping before commit of transaction*" "$(grep 'recovery stopping' "$T/home/5601.log")"
expect "Rows after a restore that clears the target" 400 "$(restore 5602 "recovery_target_time = ''")"
