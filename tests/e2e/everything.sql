-- A database with everything that pg_dump carries; read by round_trip.sh.
create extension hstore;
create extension pg_trgm schema public;
create extension citext;
create schema "Odd Schema";
comment on schema "Odd Schema" is 'a comment with ''quotes'' and "double" ones';

create domain positive as int check (value > 0);
create type mood as enum ('sad', 'ok', 'very "happy"');
create type pair as (a int, b text);
create type span as range (subtype = float8, subtype_diff = float8mi);
create collation german (provider = libc, locale = 'C');

create sequence counter start 17 increment 5 cycle maxvalue 1000;
select nextval('counter'), nextval('counter');

create table person (
    id bigint generated always as identity primary key,
    name text collate german not null,
    mail citext unique,
    mood mood default 'ok',
    size positive,
    attributes hstore,
    document jsonb,
    raw bytea,
    tags text[],
    at timestamptz,
    span span,
    pair pair,
    address inet,
    xml xml,
    name_length int generated always as (length(name)) stored,
    exclude using gist (span with &&)
);
comment on table person is 'people';
comment on column person.raw is E'tab\there, newline\nthere, backslash \\';
insert into person (name, mail, mood, size, attributes, document, raw, tags, at, span, pair, address, xml)
select 'name ' || i, 'Mail' || i || '@example.org', (enum_range(null::mood))[1 + i % 3], i,
    hstore('k' || i, 'v'), jsonb_build_object('i', i, 'text', repeat('ü', i % 50)),
    decode(md5(i::text), 'hex'), array['a', null, 'with "quote"', 'back\slash', '{', i::text],
    '2026-03-29 01:30:00+00'::timestamptz + i * interval '1 hour', span(i, i + 1), row(i, 'b,' || i)::pair,
    '10.0.0.0'::inet + i, xmlparse(content '<a>' || i || '</a>')
from generate_series(1, 2000) i;
insert into person (name, raw) values (E'tab\t newline\n backslash\\ \\. cr\r', '\x00ff'),
    ('', ''), ('\N', null), (repeat('long', 100000), decode(repeat('00', 300000), 'hex'));
create index person_trgm on person using gin (name gin_trgm_ops);
create index person_part on person (lower(name)) where size > 10;
create statistics person_statistics on mood, size from person;
alter table person cluster on person_pkey;

create table dropped_column (a int, b text, c int);
insert into dropped_column values (1, 'x', 2);
alter table dropped_column drop column b;

create table "Odd ""Schema"" Table" ("select" int, "Größe in m²" numeric(1000, 3), "a'b" text, " " text);
insert into "Odd ""Schema"" Table" values (1, 12345678901234567890.125, 'x', ' '), (null, 'NaN', null, '');
create table "Odd Schema".";drop table person;--" (id int primary key);
insert into "Odd Schema".";drop table person;--" select generate_series(1, 10);

create table measurement (id int, day date not null, value float8, primary key (id, day)) partition by range (day);
create table measurement_2025 partition of measurement for values from ('2025-01-01') to ('2026-01-01');
create table measurement_2026 partition of measurement for values from ('2026-01-01') to ('2027-01-01')
    partition by hash (id);
create table measurement_2026_0 partition of measurement_2026 for values with (modulus 2, remainder 0);
create table measurement_2026_1 partition of measurement_2026 for values with (modulus 2, remainder 1);
create table measurement_rest partition of measurement default;
insert into measurement select i, '2024-06-01'::date + i, i / 7.0 from generate_series(1, 1000) i;

create table parent (id int primary key);
create table child (extra text) inherits (parent);
insert into child values (1, 'inherited');
create unlogged table scratch (a int);
insert into scratch values (42);
create table empty_table ();
create table reference (id int references person (id) on delete cascade deferrable initially deferred);

create view adults as select * from person where size > 18 with local check option;
create materialized view per_mood as select mood, count(*) from person group by mood;
create materialized view not_populated as select 1 as one with no data;
create recursive view numbers (n) as select 1 union all select n + 1 from numbers where n < 10;

create function touch() returns trigger language plpgsql as $body$
begin
    new.name := new.name || '$$ touched';
    return new;
end
$body$;
create trigger touch before update on person for each row when (old.mood = 'sad') execute function touch();
alter table person disable trigger touch;
create procedure noop() language sql as 'select 1';
create function added(int, int) returns int language sql immutable as 'select $1 + $2';
create aggregate total (int) (sfunc = added, stype = int, initcond = '0');
create operator <+> (leftarg = int, rightarg = int, function = added);
create cast (pair as text) with inout;
create rule no_delete as on delete to dropped_column do instead nothing;
create function on_ddl() returns event_trigger language plpgsql as 'begin end';
create event trigger watch on ddl_command_end execute function on_ddl();

create role reader nologin;
create role "Writer Role" nologin;
grant select on person to reader with grant option;
grant insert (name), update (name) on person to "Writer Role";
grant usage on schema "Odd Schema" to reader;
revoke execute on function added(int, int) from public;
alter default privileges in schema "Odd Schema" grant select on tables to reader;
alter table person enable row level security;
alter table person force row level security;
create policy own on person for select to reader using (name = current_user);
alter table parent owner to reader;

create publication some_tables for table measurement, parent where (id > 10);
create text search configuration plain (copy = simple);

select lo_from_bytea(0, decode(repeat(md5(i::text), 1 + i * 300), 'hex')) from generate_series(1, 20) i;
select format('comment on large object %s is ''one''', min(oid)) from pg_largeobject_metadata \gexec
select format('grant select on large object %s to reader', max(oid)) from pg_largeobject_metadata \gexec
create extension postgres_fdw;
create server elsewhere foreign data wrapper postgres_fdw options (host 'nowhere');
create user mapping for reader server elsewhere options (user 'nobody');
create foreign table far (a int) server elsewhere;
