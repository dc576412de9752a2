-- Sample data of demo.sh: a web shop, about 230 MB as a database. The same every time.
select setseed(0.42);

create function pick(list text[], n bigint) returns text language sql immutable
    return list[1 + mod(abs(hashint8(n)), cardinality(list)::int)];

-- Sentences of COUNT words that look like a description.
create function prose(n bigint, count int) returns text language sql immutable
    return (select string_agg(pick('{the,a,this,our,sturdy,light,new,classic,handmade,waterproof,folding,bright,small,large,
        soft,warm,quiet,daily,garden,kitchen,travel,office,outdoor,design,with,without,for,and,made,from,of,in,comes,fits,
        keeps,lasts,saves,works,looks,feels,oak,steel,wool,cotton,leather,glass,cork,linen,copper,paper,box,lamp,chair,
        table,bag,bottle,knife,blanket,basket,shelf,cup,years,hands,rooms,seasons,colours,sizes,parts,weight,warranty,
        delivery,returns,cleaning,care,easily,slowly,well,always}'::text[], n * 1000 + i), ' ')
        from generate_series(1, count) i);

create type order_status as enum ('new', 'paid', 'packed', 'shipped', 'returned');

create table customer (
    id bigint generated always as identity primary key,
    name text not null,
    mail text not null unique,
    city text not null,
    since date not null,
    newsletter boolean not null
);
insert into customer (name, mail, city, since, newsletter)
select first || ' ' || last, lower(first || '.' || last || i || '@mail.example'),
    pick('{Berlin,Hamburg,Köln,Wien,Zürich,Graz,Bern,München,Leipzig,Bremen,Basel,Linz,Kiel,Mainz}', i * 7),
    date '2019-01-01' + mod(abs(hashint8(i * 3)), 2500), mod(i, 3) = 0
from generate_series(1, 60000) i,
    pick('{Anna,Ben,Clara,David,Emma,Felix,Greta,Hannes,Ida,Jonas,Karla,Leon,Mia,Noah,Olga,Paul,Rosa,Sam,Tilda,Uwe}', i) first,
    pick('{Müller,Schmidt,Huber,Wagner,Becker,Hofer,Weber,Koch,Richter,Klein,Wolf,Braun,Zimmer,Krause,Lang}', i * 11) last;

create table article (
    id bigint generated always as identity primary key,
    title text not null,
    description text not null,
    price numeric(10, 2) not null check (price > 0),
    tags text[] not null,
    image bytea not null
);
insert into article (title, description, price, tags, image)
select initcap(prose(i, 3)), prose(i * 2, 120), (100 + mod(abs(hashint8(i)), 30000)) / 100.0,
    array[pick('{home,garden,office,travel}', i), pick('{new,sale,classic}', i * 5)],
    decode(repeat(md5(i::text) || md5((i * 3)::text), 20), 'hex')
from generate_series(1, 12000) i;

create table "order" (
    id bigint not null,
    customer_id bigint not null,
    status order_status not null,
    placed timestamptz not null,
    note text,
    details jsonb not null,
    primary key (id, placed)
) partition by range (placed);
create table order_2025 partition of "order" for values from ('2025-01-01 00:00+00') to ('2026-01-01 00:00+00');
create table order_2026 partition of "order" for values from ('2026-01-01 00:00+00') to ('2027-01-01 00:00+00');
insert into "order"
select i, 1 + mod(abs(hashint8(i)), 60000), (enum_range(null::order_status))[1 + mod(i, 5)],
    timestamptz '2025-01-01 00:00+00' + i * interval '160 seconds', case when mod(i, 4) = 0 then prose(i, 8) end,
    jsonb_build_object('payment', pick('{card,invoice,transfer}', i), 'parcel', md5(i::text),
        'ip', '10.' || mod(i, 200) || '.' || mod(i, 250) || '.7', 'gift', mod(i, 9) = 0)
from generate_series(1, 350000) i;

create table order_line (
    order_id bigint not null,
    line int not null,
    article_id bigint not null,
    quantity int not null,
    price numeric(10, 2) not null
);
insert into order_line
select i, line, 1 + mod(abs(hashint8(i * 10 + line)), 12000), 1 + mod(i, 4), (100 + mod(abs(hashint8(i * line)), 30000)) / 100.0
from generate_series(1, 350000) i, generate_series(1, 1 + mod(i, 5)::int) line;

alter table order_line add primary key (order_id, line), add foreign key (article_id) references article;
alter table "order" add foreign key (customer_id) references customer;
create index on "order" (customer_id);
create index on order_line (article_id);
create view revenue as
    select date_trunc('month', placed) as month, sum(quantity * price) as total
    from "order" join order_line on order_id = id group by 1;
create materialized view best_seller as
    select article_id, sum(quantity) as sold from order_line group by 1 order by 2 desc limit 100;
comment on table "order" is 'one row per order, a partition per year';
