#!/usr/bin/env bash
# Software: pg_dump of PostgreSQL 18.6.
#
# One would guess: pg_dump leaves out what an extension's script makes, and keeps what users added to the
# extension's tables: it keeps their privileges, and it has the rows of configuration tables.
#
# What happens: of what users add to a table that belongs to an extension, only GRANT and the membership in
# a publication are in the dump. A primary key, an index, a trigger, a row security policy and the switch
# that enables it, a rule, a comment and extended statistics are left out. There is no warning and the
# exit code is 0.
#
# Why it matters: tables of extensions hold users' data (PostGIS, pg_partman, pgq, an application packaged
# as an extension). After a restore rows that were hidden by a policy can be read by everybody with the
# grant, which is there, and the unique key that kept duplicates out is gone.
. "$(dirname "$0")/lib.sh"
packages forky postgresql-18=18.6-3

extension=$T/usr/share/postgresql/18/extension
printf "default_version = '1.0'\n" >"$extension/shop.control"
cat >"$extension/shop--1.0.sql" <<'SQL'
create table rate (code text, percent numeric);
select pg_catalog.pg_extension_config_dump('rate', '');
SQL
start_postgres 18 wal_level=logical
export PGPORT=5418
sql 18 <<'SQL'
create extension shop;
create role reader;
insert into rate values ('a', 7);
grant select on rate to reader;
alter table rate add primary key (code);
create index rate_percent on rate (percent);
create function public.audit() returns trigger language plpgsql as 'begin return new; end';
create trigger audit before insert on rate for each row execute function audit();
create policy hidden on rate using (false);
alter table rate enable row level security;
create rule keep as on delete to rate do instead nothing;
comment on table rate is 'rates of tax';
create statistics rate_both on code, percent from rate;
create publication all_rates for table rate;
SQL
status=0
dump=$(pg 18 pg_dump 2>"$W/errors") || status=$?
expect "pg_dump" "exit 0, said ''" "exit $status, said '$(cat "$W/errors")'"
expect "Lines of the dump that name the table" \
    $'COPY public.rate (code, percent) FROM stdin;\nALTER PUBLICATION all_rates ADD TABLE ONLY public.rate;\nGRANT SELECT ON TABLE public.rate TO reader;' \
    "$(grep -E 'rate( |;|$)|rate_' <<<"$dump" | grep -v '^--')"
sql 18 -c 'create database restored'
pg 18 psql -Xqo /dev/null -v ON_ERROR_STOP=1 restored <<<"$dump"
for database in postgres restored; do
    seen=$(sql 18 -d "$database" -c "select count(*) || ' indexes, ' || (select count(*) from pg_trigger where tgrelid = 'rate'::regclass)
        || ' triggers, ' || (select count(*) from pg_policy) || ' policies, row security ' || (select relrowsecurity from pg_class
        where oid = 'rate'::regclass) from pg_index where indrelid = 'rate'::regclass")
    if [ "$database" = postgres ]; then wanted='2 indexes, 1 triggers, 1 policies, row security true'; else
        wanted='0 indexes, 0 triggers, 0 policies, row security false'
    fi
    expect "In the database $database" "$wanted" "$seen"
done
