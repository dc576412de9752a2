#!/usr/bin/env bash
# Software: pgBackRest 2.55.1 with PostgreSQL 17.12.
#
# One would guess: when the repository cannot be reached in the middle of a recovery, the recovery stops
# with an error or waits. pgBackRest tells "this segment does not exist" (exit code 1) from an error (exit
# code 103 here), so the server can tell them apart too.
#
# What happens: PostgreSQL takes every exit code of restore_command from 1 to 125 for "there is no such
# segment". With 103 the server regards the archive as read to its end, becomes a primary on a new
# timeline and accepts writes, without the rows in the segments that it could not get. `pg_ctl start`
# reports success.
#
# Why it matters: one short outage of the store while the server recovers loses all that was archived
# after it, and the new timeline makes it hard to notice and to repair. Other tools are no different:
# barman-cloud-wal-restore 3.13.3 exits with 2 when it cannot reach the store, cp with 1. A restore_command should turn every
# failure but "not there" into a code above 125, as the second restore below does.
. "$(dirname "$0")/lib.sh"
packages trixie pgbackrest=2.55.1-1 postgresql-17=17.12-0+deb13u1

run mkdir /home/repository /home/log
cat >"$T/home/pgbackrest.conf" <<'CONF'
[global]
repo1-path=/home/repository
repo1-retention-full=2
log-path=/home/log
[main]
pg1-path=/home/17
pg1-port=5417
pg1-socket-path=/s
CONF
backrest() { run pgbackrest --config=/home/pgbackrest.conf --stanza=main "$@"; }
start_postgres 17 archive_mode=on \
    'archive_command=pgbackrest --config=/home/pgbackrest.conf --stanza=main archive-push %p'
backrest stanza-create
sql 17 -c 'create table t as select g from generate_series(1, 100) g'
backrest --type=full backup
for _ in 1 2 3; do
    sql 17 -c 'insert into t select g from generate_series(1, 100) g' -c 'select pg_switch_wal()' -o /dev/null
done
expect "Rows before" 400 "$(sql 17 -c 'select count(*) from t')"
stop_postgres 17
last=$(find "$T/home/repository/archive/main" -name '0000*-*.gz' -printf '%f\n' | sort | tail -n 2 | head -n 1 | cut -c 1-24)

# restore EXIT: restores, with a stand-in for an outage before pgbackrest and the commands EXIT after it,
# and starts the server.
restore() {
    run rm -rf /home/17 /home/codes /home/restored.log
    run mkdir -m 700 /home/17
    backrest restore
    cat >"$T/home/restore.sh" <<SH
# The repository is away from the moment on at which this segment is asked for.
[ "\$1" != $last ] || mv /home/repository /home/away
pgbackrest --config=/home/pgbackrest.conf --stanza=main archive-get "\$1" "\$2" >>/home/archive-get.out 2>&1
code=\$?
echo "\$1 exit \$code" >>/home/codes
$1
SH
    echo "restore_command = 'sh /home/restore.sh %f %p'" >>"$T/home/17/postgresql.auto.conf"
    PGPORT=5417 pg 17 pg_ctl -D /home/17 -l /home/restored.log -w start >/dev/null 2>&1
}

# The exit code of pgbackrest itself, as in the restore_command that `pgbackrest restore` writes.
# shellcheck disable=SC2016 # The restore script is to expand it.
restore 'exit $code'
until [ "$(sql 17 -c 'select pg_is_in_recovery()')" = f ]; do sleep 0.1; done
expect "Exit codes of pgbackrest archive-get" "*$last exit 103*" "$(grep -v history "$T/home/codes")"
expect "Rows of the restored server, which is a primary" 200 "$(sql 17 -c 'select count(*) from t')"
expect "Its timeline" 2 "$(sql 17 -c 'select timeline_id from pg_control_checkpoint()')"
stop_postgres 17

mv "$T/home/away" "$T/home/repository"
# shellcheck disable=SC2016
restore '[ $code -le 1 ] || exit 255; exit $code' || true
for _ in $(seq 100); do
    ! grep -q FATAL "$T/home/restored.log" || break
    sleep 0.1
done
expect "With 255 for every failure but \"not there\"" '*could not restore file*255*' \
    "$(grep -m 1 'FATAL' "$T/home/restored.log")"
