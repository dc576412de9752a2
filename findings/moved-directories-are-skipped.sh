#!/usr/bin/env bash
# Software: the server, pg_basebackup and pg_verifybackup of PostgreSQL 17.12.
#
# One would guess: pg_basebackup copies what the server uses. A database whose directory was moved to another
# disk and replaced by a symbolic link works, so it is in the backup, or the backup fails.
#
# What happens: pg_basebackup follows the links in pg_tblspc and pg_wal, and skips every other link, with a
# WARNING ("skipping special file") and exit code 0. The manifest is made from what was copied, so
# pg_verifybackup is content. The database is listed in the restored server, and cannot be connected to.
#
# Why it matters: moving base/OID and putting a link in its place is what people do when a disk is full, and
# nothing fails for years. A postgresql.conf or pg_hba.conf that is a link (configuration management) is left
# out in the same way. The words of pg_basebackup have to be looked at, not the exit code alone.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17
export PGPORT=5417
sql 17 -c 'create database sales'
sql 17 -d sales -c 'create table t as select g from generate_series(1, 100) g'
directory=base/$(sql 17 -c "select oid from pg_database where datname = 'sales'")
stop_postgres 17
run mkdir /home/disk2
run mv "/home/17/$directory" /home/disk2/sales
run ln -s /home/disk2/sales "/home/17/$directory"
run mv /home/17/pg_hba.conf /home/disk2/pg_hba.conf
run ln -s /home/disk2/pg_hba.conf /home/17/pg_hba.conf
pg 17 pg_ctl -D /home/17 -l /home/17.log -w start >/dev/null
sql 17 -d sales -c "insert into t select g from generate_series(1, 100) g"
expect "Rows, after the directory was moved" 200 "$(sql 17 -d sales -c 'select count(*) from t')"

ended() { # COMMAND...: exit code and words
    local status=0 said
    said=$(pg 17 "$@" 2>&1) || status=$?
    echo "exit $status${said:+$'\n'}$said"
}
expect "pg_basebackup" "exit 0*WARNING:  skipping special file*WARNING:  skipping special file*" \
    "$(ended pg_basebackup -D /home/backup --checkpoint=fast)"
expect "pg_verifybackup" "exit 0*backup successfully verified" "$(ended pg_verifybackup /home/backup)"
stop_postgres 17
run cp /home/disk2/pg_hba.conf /home/backup/pg_hba.conf
pg 17 pg_ctl -D /home/backup -l /home/restored.log -w start >/dev/null
expect "Databases of the restored server" "*sales*" "$(sql 17 -c 'select datname from pg_database')"
expect "Connecting to it" "exit 2*is missing*" "$(ended psql -XAt -d sales -c 'select count(*) from t')"
