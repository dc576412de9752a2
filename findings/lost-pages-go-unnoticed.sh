#!/usr/bin/env bash
# Software: PostgreSQL 18.6 with data checksums: pg_checksums, pg_basebackup, pg_verifybackup, pg_amcheck,
# pg_dump, VACUUM.
#
# One would guess: with checksums on, a table whose pages were lost is noticed by one of the tools that
# check data; at the latest by pg_amcheck --heapallindexed, which compares tables with their indexes.
#
# What happens: a page of zeros has no checksum and counts as new and empty, and a file that ends early is
# a smaller table. After three pages of a table were overwritten with zeros and its last two were cut off,
# every tool reports success, VACUUM included, and a sequential scan and pg_dump leave the rows out.
# --heapallindexed looks for rows that the index lacks, not for index entries whose row is gone: the index
# still counts all rows.
#
# Why it matters: this is what a storage failure or a file system repair leaves behind, and the backups
# made from then on are all "verified". Only a foreign key finds it, when the dump is restored.
. "$(dirname "$0")/lib.sh"
packages forky postgresql-18=18.6-3

start_postgres 18
export PGPORT=5418
sql 18 <<'SQL'
create extension amcheck;
create table customer (id int primary key, name text);
insert into customer select g, repeat('x', 100) from generate_series(1, 20000) g;
create table invoice (customer int references customer);
insert into invoice select id from customer;
vacuum analyze;
checkpoint;
SQL
file=$T/home/18/$(sql 18 -c "select pg_relation_filepath('customer')")
expect "Checksums" on "$(sql 18 -c 'show data_checksums')"
stop_postgres 18
dd if=/dev/zero of="$file" bs=8192 seek=10 count=3 conv=notrunc status=none
truncate --size=-16384 "$file"

succeeds() { # COMMAND...: shows its exit code and its words
    local status=0 said
    said=$(pg 18 "$@" 2>&1) || status=$?
    expect "$*" "exit 0*" "exit $status${said:+$'\n'}$said"
}
succeeds pg_checksums --check -D /home/18
pg 18 pg_ctl -D /home/18 -l /home/18.log -w start >/dev/null
succeeds pg_basebackup -D /home/backup --checkpoint=fast
succeeds pg_verifybackup /home/backup
succeeds pg_amcheck --heapallindexed --parent-check --rootdescend --checkunique --on-error-stop postgres
succeeds psql -Xc "vacuum customer"
succeeds pg_dump --file=/home/dump.sql

expect "Rows that a sequential scan sees (20000 were stored)" 19720 \
    "$(sql 18 -c "set enable_indexscan = off; set enable_indexonlyscan = off; set enable_bitmapscan = off" \
        -c 'select count(*) from customer')"
rows=$(sed -n '/^COPY public.customer/,/^\\\.$/p' "$T/home/dump.sql" | grep -c x)
expect "Rows in the dump" 19720 "$rows"

sql 18 -c 'create database restored'
status=0
said=$(pg 18 psql -Xqo /dev/null -v ON_ERROR_STOP=1 --dbname=restored --file=/home/dump.sql 2>&1) || status=$?
expect "Restore of the dump, exit $status" "*violates foreign key constraint*" "$said"
