#!/usr/bin/env bash
# Software: pg_dump and psql of PostgreSQL 17.12.
#
# One would guess: a dump keeps what is stored; a stored generated column comes back with its value. What
# ALTER TEXT SEARCH CONFIGURATION changed is in the dump, as the change of any other object, or pg_dump
# refuses.
#
# What happens: a dump never holds values of generated columns, they are computed anew. And nothing that
# belongs to pg_catalog is dumped but its privileges: the usual `ALTER TEXT SEARCH CONFIGURATION english …`
# changes pg_catalog.english, and is lost without a word, as are functions made in pg_catalog. After a
# restore without an error the column of search terms holds other terms than before.
#
# Why it matters: searches give other results and nothing says so. A comparison of row counts after a
# restore drill finds nothing. A configuration of one's own (CREATE … COPY = english) is dumped.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17
export PGPORT=5417
sql 17 <<'SQL'
alter text search configuration english drop mapping for asciiword;
alter text search configuration english add mapping for asciiword with simple;
revoke execute on function pg_sleep(double precision) from public;
create function pg_catalog.helper() returns int language sql as 'select 1';
create table article (title text, words tsvector generated always as (to_tsvector('english'::regconfig, title)) stored);
insert into article values ('running dogs');
SQL
status=0
dump=$(pg 17 pg_dump 2>"$W/errors") || status=$?
expect "pg_dump" "exit 0, said ''" "exit $status, said '$(cat "$W/errors")'"
sql 17 -c 'create database restored'
pg 17 psql -Xqo /dev/null -v ON_ERROR_STOP=1 restored <<<"$dump"
expect "The row before" "running dogs|'dogs':2 'running':1" "$(sql 17 -c 'table article')"
expect "The row after the restore" "running dogs|'dog':2 'run':1" "$(sql 17 -d restored -c 'table article')"
expect "Lines of the dump about objects of pg_catalog" "REVOKE ALL ON FUNCTION pg_catalog.pg_sleep*" \
    "$(grep -E '^[A-Z].*(pg_catalog\.(pg_sleep|english|helper)|SEARCH)' <<<"$dump")"
