#!/usr/bin/env bash
# Software: pg_checksums, pg_basebackup, pg_combinebackup and pg_verifybackup of PostgreSQL 17.12.
#
# One would guess: after `pg_checksums --enable` has written every page anew, the next incremental backup holds every
# page, or is refused; or pg_combinebackup refuses to combine it with a full backup without checksums.
#
# What happens: pg_checksums writes no WAL, so the WAL summaries know of no change, and the incremental backup is
# small. pg_combinebackup prints a warning, makes a cluster in which checksums are on and nearly no page has
# one, and exits with 0. pg_verifybackup says "backup successfully verified". The server starts, and nobody
# can connect: "invalid page in block 0 of relation global/1260", as if the disk were broken.
#
# Why it matters: checksums are switched on once, in a maintenance window, and the chain of incremental backups goes on
# for weeks; restores are scripts, in which a warning gets lost. Take a full backup after pg_checksums. The combined
# cluster is whole: `pg_checksums --disable` and then `--enable` there makes it usable.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

ended() { # COMMAND...: exit code and words
    local status=0 said
    said=$(pg 17 "$@" 2>&1) || status=$?
    echo "exit $status${said:+$'\n'}$said"
}
start_postgres 17 summarize_wal=on autovacuum=off
export PGPORT=5417
sql 17 -c "create table t as select g as id, repeat('x', 400) as note from generate_series(1, 20000) g" \
    -c 'vacuum freeze t' -c checkpoint
pg 17 pg_basebackup -D /home/full --checkpoint=fast
stop_postgres 17
expect "pg_checksums --enable" "exit 0*Checksums enabled in cluster*" "$(ended pg_checksums --enable -D /home/17)"
pg 17 pg_ctl -D /home/17 -l /home/17.log -w start >/dev/null
sql 17 -c "update t set note = 'new' where id = 5"
expect "pg_basebackup --incremental" "exit 0" \
    "$(ended pg_basebackup -D /home/incremental --incremental=/home/full/backup_manifest --checkpoint=fast)"
file=$(sql 17 -c "select pg_relation_filepath('t')")
expect "The file of the table: bytes in the full backup, in the incremental one" "9??????, ?????" \
    "$(stat -c %s "$T/home/full/$file"), $(stat -c %s "$T/home/incremental/${file%/*}/INCREMENTAL.${file##*/}")"
stop_postgres 17

expect "pg_combinebackup" "exit 0*warning: only some backups have checksums enabled*" \
    "$(ended pg_combinebackup --output=/home/combined /home/full /home/incremental)"
expect "pg_verifybackup" "exit 0*backup successfully verified*" "$(ended pg_verifybackup /home/combined)"
expect "The start of the combined cluster" "exit 0*server started*" \
    "$(ended pg_ctl -D /home/combined -l /home/combined.log -w start)"
expect "psql" "exit 2*FATAL:  invalid page in block 0 of relation global/*" "$(ended psql -XAtc 'select count(*) from t')"
pg 17 pg_ctl -D /home/combined -m fast -w stop >/dev/null
pg 17 pg_checksums --disable -D /home/combined >/dev/null 2>&1
pg 17 pg_checksums --enable -D /home/combined >/dev/null 2>&1
pg 17 pg_ctl -D /home/combined -l /home/combined.log -w start >/dev/null
expect "psql after pg_checksums --disable and --enable" "exit 0*20000" "$(ended psql -XAtc 'select count(*) from t')"
