#!/usr/bin/env bash
# Software: pgtt 4.1 and pgFaceting 0.2.0 with PostgreSQL 17.12, pg_dump and pg_restore.
#
# One would guess: a database with an extension that has configuration tables, and has marked them for pg_dump,
# works after a restore as before: that is what the marking is for.
#
# What happens: these two extensions keep the object identifiers (OIDs) of the user's tables in such a table. pg_dump
# copies the number, the restored table has another one, and pg_restore exits with 0. A global temporary table of pgtt
# can then neither be read nor written, and pgFaceting does not find the table that it serves, whose rows and triggers
# are there.
#
# Why it matters: the restore reports success and all rows are there, the application fails. The number can be that of
# another table by chance, or of none for years. After a restore the registrations have to be made again; a restore drill
# has to use the extensions, not count rows. Look for columns of type oid in `select unnest(extconfig)::regclass from
# pg_extension`; columns of type regclass are dumped by name and come back right.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1 postgresql-17-pgtt=4.1-1 postgresql-17-pgfaceting=0.2.0-4 \
    postgresql-17-roaringbitmap=0.5.4-3+b1

start_postgres 17
export PGPORT=5417
sql 17 -o /dev/null 2>/dev/null <<'SQL'
create extension roaringbitmap;
create extension pgfaceting;
create table document (id int primary key, kind text);
insert into document select g, 'kind ' || g % 3 from generate_series(1, 90) g;
select faceting.add_faceting_to_table('document', key => 'id', facets => array[faceting.plain_facet('kind')]);
SQL
# pgtt puts its own schema first, so its session comes last.
sql 17 -o /dev/null -c 'create extension pgtt' -c "load 'pgtt'" \
    -c 'create /*GLOBAL*/ temporary table basket (article int) on commit preserve rows'
# basket DATABASE, kinds DATABASE: what a new session sees.
basket() { sql 17 -d "$1" -c "load 'pgtt'" -c 'insert into basket values (7)' -c 'select article from basket' 2>&1 || true; }
kinds() { sql 17 -d "$1" -c "select count(*) from faceting.top_values('document'::regclass)" 2>&1 || true; }
rows() { sql 17 -d "$1" -c 'select count(*) from document'; }
expect "The global temporary table" 7 "$(basket postgres)"
expect "Values of the facet" 3 "$(kinds postgres)"

pg 17 pg_dump -Fc -f /home/dump
sql 17 -c 'create database restored'
status=0
said=$(pg 17 pg_restore -d restored /home/dump 2>&1) || status=$?
expect "pg_restore" "exit 0, said ''" "exit $status, said '$said'"
expect "Rows restored" 90 "$(rows restored)"
expect "The global temporary table after the restore" "*ERROR:  relation * does not exist*" "$(basket restored)"
expect "The facet after the restore" "*ERROR:  Table * not found*" "$(kinds restored)"
