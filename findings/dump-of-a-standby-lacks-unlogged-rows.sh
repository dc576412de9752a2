#!/usr/bin/env bash
# Software: pg_dump of PostgreSQL 17.12.
#
# One would guess: pg_dump of a standby fails at an unlogged table, since a standby cannot read it: SELECT
# says "cannot access temporary or unlogged relations during recovery". Or it gives the rows.
#
# What happens: pg_dump notices that the server is a standby and leaves out the rows of all unlogged
# tables and the positions of unlogged sequences, as if --no-unlogged-table-data had been given. It says
# nothing and exits with 0. The same command on the primary dumps rows and positions.
#
# Why it matters: dumps are taken from a standby to spare the primary. The dump restores without an error,
# into empty tables and sequences that begin again at 1.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17
export PGPORT=5417
sql 17 <<'SQL'
create table logged as select 1 as a;
create unlogged table session (id int generated always as identity, v text);
insert into session (v) select 'x' from generate_series(1, 100);
create unlogged sequence ticket;
select setval('ticket', 500) \g /dev/null
SQL
pg 17 pg_basebackup -D /home/standby --write-recovery-conf --checkpoint=fast
echo "port = 5500" >>"$T/home/standby/postgresql.auto.conf"
pg 17 pg_ctl -D /home/standby -l /home/standby.log -w start >/dev/null

expect "SELECT on the standby" "*cannot access temporary or unlogged relations during recovery*" \
    "$(PGPORT=5500 pg 17 psql -XAtc 'select count(*) from session' 2>&1 || true)"
for port in 5417 5500; do
    status=0
    PGPORT=$port pg 17 pg_dump >"$W/$port.sql" 2>"$W/$port.errors" || status=$?
    expect "pg_dump on port $port" "exit 0, said ''" "exit $status, said '$(cat "$W/$port.errors")'"
done
expect "Data in the dump of the primary" "*COPY public.logged*COPY public.session*session_id_seq', 100*ticket', 500*" \
    "$(grep -E '^(COPY|SELECT pg_catalog.setval)' "$W/5417.sql")"
expect "Data in the dump of the standby" "COPY public.logged (a) FROM stdin;" \
    "$(grep -E '^(COPY|SELECT pg_catalog.setval)' "$W/5500.sql")"
pg 17 pg_ctl -D /home/standby -m fast -w stop >/dev/null
