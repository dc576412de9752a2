#!/usr/bin/env bash
# Software: pg_dump and the server of PostgreSQL 17.12. Needs about 4 GB of memory.
#
# One would guess: what PostgreSQL stores, pg_dump can dump; the limit of a field is 1 GB.
#
# What happens: pg_dump reads bytea in its hexadecimal form, which has two letters a byte, and the server
# cannot build a row of more than 1 GB. A single value of more than 512 MB, which the application stores
# and reads in binary form without trouble, makes every dump of the database fail from then on, whatever
# the format; no setting of pg_dump helps. PGOPTIONS=-cbytea_output=escape does where most of the bytes
# are letters: the dump succeeds and can be restored.
#
# Why it matters: one upload by one user ends the logical backups of the whole database, and the table
# can only be left out (--exclude-table-data) or copied with COPY … (FORMAT binary) by hand. A limit on
# octet_length() in the schema prevents it.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17
export PGPORT=5417
sql 17 -c 'create table upload (id int, content bytea)' \
    -c "insert into upload values (1, convert_to(repeat('x', 600000000), 'UTF8'))"
expect "Bytes of the value, sum" "600000000|3b18e5ab4883e658a50417ccf62e6a3e" \
    "$(sql 17 -c 'select length(content), md5(content) from upload')"
for format in custom plain; do
    status=0
    said=$(pg 17 pg_dump --format="$format" --file=/home/dump 2>&1) || status=$?
    expect "pg_dump --format=$format" "exit 1*invalid memory alloc request size*" "exit $status, said '$said'"
done
expect "COPY … (FORMAT binary)" "exit 0" "$(sql 17 -c "\\copy upload to '/dev/null' (format binary)" && echo "exit $?")"
run PGOPTIONS=-cbytea_output=escape /usr/lib/postgresql/17/bin/pg_dump --format=custom --compress=1 --file=/home/dump
sql 17 -c 'drop table upload'
pg 17 pg_restore --dbname=postgres /home/dump
expect "After a restore of a dump with bytea_output=escape" "600000000|3b18e5ab4883e658a50417ccf62e6a3e" \
    "$(sql 17 -c 'select length(content), md5(content) from upload')"
