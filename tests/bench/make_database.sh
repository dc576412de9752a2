#!/usr/bin/env bash
# make_database.sh MIB: the database PGDATABASE, whose plain dump is about that large; the same every time.
# events 50 %, articles, documents and orders (partitioned) 12 % each, blobs (incompressible) 8 %, users 4 %,
# 200 small tables 2 %.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
percent=$(($1 * 1048576 / 100))

run() { psql -qX -v ON_ERROR_STOP=1; }
copy() { # TABLE PERCENT
    echo "\\copy $1 from program '$here/generate_rows.py $1 $((percent * $2))'"
}

PGDATABASE=postgres run <<<"create database \"$PGDATABASE\""
run <<'SQL'
create table events (id bigint, ts timestamptz not null, user_id int not null, session uuid not null, kind text not null,
    ip inet, url text, user_agent text, amount numeric(12, 2), body text, payload jsonb);
create table articles (id bigint, title text, author_id int, created timestamptz, tags text[], body text);
create table documents (id uuid, created timestamptz, version int, doc jsonb);
create table orders (id bigint, ts timestamptz not null, user_id int, total numeric(12, 2), tax numeric(12, 4),
    currency char(3), status text, address text, token uuid, remark text) partition by range (ts);
select format('create table orders_2026_%s partition of orders for values from (%L) to (%L)', lpad(m::text, 2, '0'),
    make_date(2026, m, 1), make_date(2026, m, 1) + interval '1 month') from generate_series(1, 12) m \gexec
create table blobs (id bigint, name text, version int, data bytea);
create table users (id bigint, name text, mail text, pwhash text, created timestamptz, about text, active bool);
select format('create table small_%s (id int, name text, about text, score double precision)', lpad(i::text, 3, '0'))
    from generate_series(1, 200) i \gexec
SQL

copy events 50 | run &
events=$!
{ copy articles 12; copy documents 12; copy orders 12; copy blobs 8; copy users 4; } | run
wait "$events"
"$here/generate_rows.py" small $((percent * 2 / 200)) >"$BENCH_WORK/small.copy"
for i in $(seq -w 1 200); do echo "\\copy small_$i from '$BENCH_WORK/small.copy'"; done | run

run <<'SQL'
alter table events add primary key (id);
create index on events (ts);
create index on events (user_id, kind);
alter table articles add primary key (id);
create index on articles (created);
create index on articles using gin (tags);
alter table documents add primary key (id);
create index on documents ((doc -> 'owner' ->> 'id'));
alter table orders add primary key (id, ts);
create index on orders (user_id);
create index on orders (token);
alter table blobs add primary key (id);
alter table users add primary key (id);
create unique index on users (mail);
create view paid as select * from orders where status = 'paid';
create function order_total(int) returns numeric language sql as 'select sum(total) from orders where user_id = $1';
select format('alter table %I add primary key (id)', relname) from pg_class where relname like 'small____' \gexec
vacuum (freeze, analyze);
checkpoint;
SQL
psql -XAtc "select 'database ' || pg_size_pretty(pg_database_size(current_database()))"
