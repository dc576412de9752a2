#!/usr/bin/env bash
# Software: pgBackRest 2.55.1 with PostgreSQL 17.12.
#
# One would guess: `pgbackrest restore --type=time --target='… 14:00:00'` chooses the last backup before the
# moment that the server then recovers to.
#
# What happens: a target without a zone has two readers. pgBackRest takes it for the time zone of the process (TZ,
# /etc/localtime) and chooses the backup by that. PostgreSQL takes it for the zone in postgresql.conf. When the
# host's zone is behind the server's, pgBackRest chooses a backup made after the moment that is wanted; PostgreSQL
# finds its target already passed, stops at the first commit and becomes a primary. Both report success.
#
# Why it matters: databases that are set to local time on hosts or in containers in UTC are the rule. The restore
# to "just before the mistake" brings back the state after it, and nothing says so. The target needs an offset.
. "$(dirname "$0")/lib.sh"
packages trixie pgbackrest=2.55.1-1 postgresql-17=17.12-0+deb13u1

run mkdir /home/repository /home/log
cat >"$T/home/pgbackrest.conf" <<'CONF'
[global]
repo1-path=/home/repository
repo1-retention-full=5
log-path=/home/log
start-fast=y
[main]
pg1-path=/home/17
pg1-port=5417
pg1-socket-path=/s
CONF
backrest() { run pgbackrest --config=/home/pgbackrest.conf --stanza=main "$@"; }
start_postgres 17 archive_mode=on timezone=Asia/Kolkata \
    'archive_command=pgbackrest --config=/home/pgbackrest.conf --stanza=main archive-push %p'
export PGPORT=5417
backrest stanza-create
sql 17 -c 'create table t as select g from generate_series(1, 100) g'
backrest --type=full backup
sleep 2
target=$(sql 17 -c "select to_char(now(), 'YYYY-MM-DD HH24:MI:SS')")
offset=$(sql 17 -c "select to_char(now(), 'OF')")
sleep 2
sql 17 -c 'delete from t' -c 'create table later (g int)'
backrest --type=full backup
sql 17 -c 'insert into later values (1)' -c 'select pg_switch_wal()' -o /dev/null
stop_postgres 17

restore() { # TARGET: prints the exit codes and the rows
    local status=0 started=0
    run rm -rf /home/17
    run mkdir -m 700 /home/17
    backrest restore --type=time "--target=$1" --target-action=promote --archive-mode=off || status=$?
    pg 17 pg_ctl -D /home/17 -l /home/restored.log -w start >/dev/null || started=$?
    until [ "$(sql 17 -c 'select pg_is_in_recovery()')" = f ]; do sleep 0.1; done
    echo "exit $status, exit $started, $(sql 17 -c 'select count(*) from t') rows"
    stop_postgres 17
}
expect "Restore to '$target$offset'" "exit 0, exit 0, 100 rows" "$(restore "$target$offset")"
expect "Restore to '$target'" "exit 0, exit 0, 0 rows" "$(restore "$target")"
