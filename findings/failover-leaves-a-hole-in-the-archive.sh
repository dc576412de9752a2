#!/usr/bin/env bash
# Software: the server and pg_basebackup of PostgreSQL 17.12.
#
# One would guess: after a failover the new primary archives what the old one had not archived yet. It has
# these segments in its pg_wal, and archive_mode is on there too.
#
# What happens: with archive_mode=on a standby marks each segment as archived at the moment it has received it,
# in the belief that the primary archives it. Once promoted, it archives the WAL that it writes itself, and none
# of those segments. Its pg_stat_archiver shows no failure, and later segments arrive without end. A restore from
# a base backup before the failover replays up to the hole, takes it for the end of the archive and becomes a
# primary, with exit code 0.
#
# Why it matters: an archive that lags or fails is common on the day of a failover, it is the same outage. All
# base backups from before are then good up to the hole only. The manual's remedy is archive_mode=always on the
# standby; otherwise the first thing after a failover is a new base backup.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

run mkdir /home/archive
start_postgres 17 archive_mode=on 'archive_command=test ! -e /home/outage && cp %p /home/archive/%f' \
    wal_keep_size=1GB
export PGPORT=5417
next() { sql 17 -c 'insert into t select g from generate_series(1, 100) g' -c 'select pg_walfile_name(pg_switch_wal())'; }
await() { # CONDITION: until this SQL is true on the server of $PGPORT
    until [ "$(pg 17 psql -XAtc "$1" 2>&1)" = t ]; do sleep 0.1; done
}
sql 17 -c 'create table t as select g from generate_series(1, 100) g'
pg 17 pg_basebackup -D /home/backup --checkpoint=fast
pg 17 pg_basebackup -R -D /home/standby --checkpoint=fast
echo 'port = 5601' >>"$T/home/standby/postgresql.conf"
PGPORT=5601 pg 17 pg_ctl -D /home/standby -l /home/standby.log -w start >/dev/null
file=$(next)
await "select last_archived_wal >= '$file' from pg_stat_archiver"

# The archive is away from now on; the primary goes on, the standby receives everything, and the primary dies.
run touch /home/outage
lost=$(next) && next >/dev/null && next >/dev/null
expect "Rows of the old primary" 500 "$(sql 17 -c 'select count(*) from t')"
end=$(sql 17 -c 'select pg_current_wal_lsn()')
PGPORT=5601 await "select pg_last_wal_replay_lsn() >= '$end'"
pg 17 pg_ctl -D /home/17 -m immediate -w stop >/dev/null
run rm /home/outage
export PGPORT=5601
pg 17 pg_ctl -D /home/standby -w promote >/dev/null
new() { pg 17 psql -XAtq -F ' ' "$@"; }
new -c 'insert into t select g from generate_series(1, 100) g' -c 'select pg_switch_wal()' >/dev/null
await "select last_archived_wal > '00000002' and last_archived_wal !~ 'history' from pg_stat_archiver"
expect "Rows of the new primary" 600 "$(new -c 'select count(*) from t')"
expect "The segment is in its pg_wal" "*$lost" "$(ls "$T/home/standby/pg_wal/$lost")"
expect "It counts as archived" "*$lost.done" "$(ls "$T/home/standby/pg_wal/archive_status/$lost.done")"
expect "Failures of its archiver" 0 "$(new -c 'select failed_count from pg_stat_archiver')"
expect "In the archive it is not" 0 "$(find "$T/home/archive" -name "$lost" | wc -l)"
expect "The archive has WAL of the new timeline" "*00000002.history*00000002000000*" "$(ls "$T/home/archive")"

printf '%s\n' 'port = 5602' "restore_command = 'cp /home/archive/%f %p'" 'archive_mode = off' \
    >>"$T/home/backup/postgresql.conf"
run touch /home/backup/recovery.signal
export PGPORT=5602
status=0
pg 17 pg_ctl -D /home/backup -l /home/restored.log -w start >/dev/null || status=$?
expect "Exit code of the start of the restored server" 0 "$status"
await 'select not pg_is_in_recovery()'
expect "Its rows" 200 "$(pg 17 psql -XAtc 'select count(*) from t')"
