#!/usr/bin/env bash
# Software: pgBackRest 2.55.1 with PostgreSQL 17.12.
#
# One would guess: a backup that finds pages with invalid checksums fails, or is at least not counted by the
# retention: the last backup without an error stays.
#
# What happens: `pgbackrest backup` warns, marks the backup with "error" and exits with 0. The retention counts
# it like any other. With repo1-retention-full=1 the same command that found the damage removes the last backup
# from which the pages could have been restored; with more, the good ones are gone some backups later.
#
# Why it matters: the check that is on by default to find damage early ends with the removal of what would
# repair it. A job has to look for the error in `pgbackrest info` and stop the expiry (--no-expire-auto).
. "$(dirname "$0")/lib.sh"
packages trixie pgbackrest=2.55.1-1 postgresql-17=17.12-0+deb13u1

run mkdir /home/repository /home/log
cat >"$T/home/pgbackrest.conf" <<'CONF'
[global]
repo1-path=/home/repository
repo1-retention-full=1
log-path=/home/log
start-fast=y
[main]
pg1-path=/home/17
pg1-port=5417
pg1-socket-path=/s
CONF
backrest() { run pgbackrest --config=/home/pgbackrest.conf --stanza=main "$@"; }
start_postgres 17 archive_mode=on autovacuum=off \
    'archive_command=pgbackrest --config=/home/pgbackrest.conf --stanza=main archive-push %p'
export PGPORT=5417
stop_postgres 17
pg 17 pg_checksums --enable -D /home/17 >/dev/null 2>&1
pg 17 pg_ctl -D /home/17 -l /home/17.log -w start >/dev/null
backrest stanza-create
# Nothing is to write the page again and thereby repair it.
sql 17 -c "create table t as select g as id, repeat('x', 100) as note from generate_series(1, 20000) g" \
    -c 'vacuum freeze t' -c checkpoint
file=$(sql 17 -c "select pg_relation_filepath('t')")
backrest --type=full backup
good=$(find "$T/home/repository/backup/main" -name '*F' -type d -printf '%f\n')

printf '!' | dd of="$T/home/17/$file" bs=1 seek=$((10 * 8192 + 5000)) conv=notrunc status=none
status=0
said=$(backrest --type=full backup 2>&1) || status=$?
expect "The backup after the damage, exit $status" "*WARN: invalid page checksum*page 10*" "$said"
expect "Its exit code" 0 "$status"
left=$(find "$T/home/repository/backup/main" -name '*F' -type d -printf '%f\n')
expect "Backups that are left, the good one among them" "1 0" \
    "$(wc -w <<<"$left") $(grep -c "$good" <<<"$left" || true)"
expect "pgbackrest info" "*status: ok*error(s) detected during backup*" "$(backrest info)"
