#!/usr/bin/env bash
# Software: pg_dump of PostgreSQL 17.12 (18.6 behaves the same).
#
# One would guess: an option that names a partitioned table concerns its rows: --table dumps them,
# --exclude-table-data leaves them out, --exclude-table leaves out the table with its partitions.
#
# What happens: each option means the parent alone, which has no rows. --table gives an empty table,
# --exclude-table-data changes nothing (all rows are in the dump), and --exclude-table gives a dump that
# cannot be restored: it attaches partitions to a table that is not in it. Nothing is said, the exit code
# is 0. The options that mean what one thinks are --table-and-children and so on, since 16.
#
# Why it matters: a script that worked for years changes its meaning on the day on which somebody
# partitions the table: the dump of the most important table is empty, or the excluded one, usually the
# largest, fills the disk.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17
export PGPORT=5417
sql 17 <<'SQL'
create table orders (id int) partition by range (id);
create table orders_1 partition of orders for values from (0) to (100);
create table orders_2 partition of orders for values from (100) to (200);
insert into orders select g from generate_series(0, 149) g;
SQL
dump() { # OPTION: the rows, tables and attachments of the dump, and how pg_dump ended
    local status=0 said
    said=$(pg 17 pg_dump "$1" --file=/home/dump.sql 2>&1) || status=$?
    echo "exit $status, said '$said', tables: $(grep -c '^CREATE TABLE' "$T/home/dump.sql" || true)," \
        "attached: $(grep -c 'ATTACH PARTITION' "$T/home/dump.sql" || true)," \
        "rows: $(grep -c '^[0-9]' "$T/home/dump.sql" || true)"
}
expect "pg_dump --table=orders" "exit 0, said '', tables: 1, attached: 0, rows: 0" "$(dump --table=orders)"
expect "pg_dump --exclude-table-data=orders" "exit 0, said '', tables: 3, attached: 2, rows: 150" \
    "$(dump --exclude-table-data=orders)"
expect "pg_dump --exclude-table=orders" "exit 0, said '', tables: 2, attached: 2, rows: 150" "$(dump --exclude-table=orders)"
sql 17 -c 'create database restored'
expect "Restore of the last" '*relation "public.orders" does not exist*' \
    "$(pg 17 psql -Xqo /dev/null -v ON_ERROR_STOP=1 --dbname=restored --file=/home/dump.sql 2>&1 || true)"
expect "pg_dump --table-and-children=orders" "exit 0, said '', tables: 3, attached: 2, rows: 150" \
    "$(dump --table-and-children=orders)"
