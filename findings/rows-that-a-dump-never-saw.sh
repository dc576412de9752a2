#!/usr/bin/env bash
# Software: pg_dump and the server of PostgreSQL 17.12.
#
# One would guess: pg_dump reads one snapshot, so a table is dumped as it was when the dump began, or
# pg_dump fails. A change that commits while pg_dump still waits for its locks is either not seen, or seen
# whole.
#
# What happens: pg_dump takes its snapshot first and its locks afterwards. What rewrites a table in
# between (TRUNCATE and a new load in one transaction, ALTER TABLE … TYPE) leaves neither the old nor the
# new rows for that snapshot: the dump has the table with 0 rows, for ALTER TABLE with the old type of the
# column. There is no message and the exit code is 0. Nobody who used the tables ever saw them empty.
#
# Why it matters: nightly loads and schema migrations run at the hour of backups, and one lock that is
# held for a while (pg_dump waits for it) makes the window long. Only a comparison of row counts, or of
# sizes with the dump before, shows it.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17
export PGPORT=5417
sql 17 <<'SQL'
create table busy as select 1 as a;
create table loaded as select g from generate_series(1, 1000) g;
create table migrated as select g from generate_series(1, 1000) g;
SQL
# A session holds the lock of one table for as long as the file /home/hold exists.
run touch /home/hold
sql 17 -c 'begin' -c 'lock table busy' -c '\! touch /home/locked; while [ -e /home/hold ]; do sleep 0.1; done' -c 'commit' &
until [ -e "$T/home/locked" ]; do sleep 0.1; done
pg 17 pg_dump --file=/home/dump.sql 2>"$W/errors" &
dump=$!
until [ "$(sql 17 -c "select count(*) from pg_stat_activity where application_name = 'pg_dump' and wait_event_type = 'Lock'")" = 1 ]; do
    sleep 0.1
done
sql 17 -c 'begin; truncate loaded; insert into loaded select g from generate_series(1, 2000) g; commit' \
    -c 'alter table migrated alter g type bigint'
run rm /home/hold
status=0
wait "$dump" || status=$?
expect "pg_dump" "exit 0, said ''" "exit $status, said '$(cat "$W/errors")'"
rows() { sed -n "/^COPY public.$1 /,/^\\\\\.\$/p" "$T/home/dump.sql" | grep -c '^[0-9]' || true; }
expect "Rows of the table that was loaded anew (1000 before, 2000 after)" 0 "$(rows loaded)"
expect "Rows of the table whose column changed its type (1000 before and after)" 0 "$(rows migrated)"
expect "Its column in the dump" "*g integer*" "$(grep -A 1 'CREATE TABLE public.migrated' "$T/home/dump.sql")"
