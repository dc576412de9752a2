#!/usr/bin/env bash
# Software: the server and pg_basebackup of PostgreSQL 17.12.
#
# One would guess: a server refuses a tablespace directory that belongs to another cluster or is in use, as it
# refuses a data directory in use. `pg_basebackup` in plain format refuses an existing tablespace directory.
#
# What happens: the base.tar of a backup in tar format names the tablespaces in the file tablespace_map. A
# server that starts from it makes the links itself, to the original places. Where production is on the same
# machine, or its disks are mounted, both servers now use the same files, and neither log says a word. A table
# that the drill empties or drops is gone from production at once, since its file is removed. What the drill
# changes shows up in production's tables later, in the place of its own rows, when it reads the pages again and its
# transaction numbers have caught up.
#
# Why it matters: unpacking base.tar beside the running server is the quick way to look into a backup, and it
# destroys tablespaces of production. tablespace_map has to be changed before the first start.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17
export PGPORT=5417
run mkdir /home/disk2 /home/backup
sql 17 -c "create tablespace disk2 location '/home/disk2'"
sql 17 -c "create table account (id int, owner text) tablespace disk2" \
    -c "create table balance (id int) tablespace disk2" -c 'insert into balance select generate_series(1, 1000)' \
    -c "insert into account select g, 'production' from generate_series(1, 1000) g" -c checkpoint
pg 17 pg_basebackup --format=tar -D /home/backup --checkpoint=fast
sql 17 -c "update account set owner = 'production, later'" -c checkpoint

run mkdir -m 700 /home/drill
tar -xf "$T/home/backup/base.tar" -C "$T/home/drill"
tar -xf "$T/home/backup/pg_wal.tar" -C "$T/home/drill/pg_wal"
chown -R 1000:1000 "$T/home/drill"
PGPORT=5601 pg 17 pg_ctl -D /home/drill -o '-p 5601' -l /home/drill.log -w start >/dev/null
drill() { PGPORT=5601 pg 17 psql -XAtq "$@"; }
expect "Tablespace of the drill" /home/disk2 \
    "$(drill -c "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'disk2'")"
expect "Warnings and errors in the log of the drill" 0 \
    "$(grep -cE 'WARNING|ERROR|FATAL|PANIC' "$T/home/drill.log" || true)"
drill -c 'create table scratch ()' -c "update account set owner = 'drill'" -c 'truncate balance' -c checkpoint
pg 17 pg_ctl -D /home/drill -m fast -w stop >/dev/null

ended() { # SQL: exit code and words of production
    local status=0 said
    said=$(pg 17 psql -XAtq -F ' ' -c "$1" 2>&1) || status=$?
    echo "exit $status"$'\n'"$said"
}
expect "The table that the drill emptied, in production" "exit 1*could not open file*" \
    "$(ended 'select count(*) from balance')"
pg 17 pg_ctl -D /home/17 -l /home/17.log -m fast -w restart >/dev/null
sql 17 -c 'create table a ()' -c 'create table b ()' -c 'create table c ()'
expect "The table that the drill changed, in production after a restart" "exit 0*drill [1-9]*" \
    "$(ended 'select owner, count(*) from account group by owner order by owner')"
expect "Warnings in the log of production" 0 "$(grep -cE 'WARNING|FATAL|PANIC' "$T/home/17.log" || true)"
