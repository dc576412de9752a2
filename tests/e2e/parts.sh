# shellcheck shell=bash
# parts: single tables and schemas come back with everything that protects them, which stock pg_restore -t
# leaves out; what cannot be is refused before anything is touched.

# A shop: orders of customers with row-level security, a partitioned table, a view, and neighbours.
create_shop() {
    drop_roles clerk
    sql postgres "create role clerk"
    cleanups+=("drop_roles clerk")
    create_database shop
    sql shop <<'SQL'
create schema sales;
grant usage on schema sales to clerk;
create type sales.state as enum ('new', 'paid');
comment on type sales.state is 'of an order';
create table customer (id int primary key, name text not null);
insert into customer select i, 'c' || i from generate_series(1, 20) i;
create function sales.stamp() returns trigger language plpgsql as 'begin new.note := now(); return new; end';
create table sales.orders (
    id serial primary key, number bigint generated always as identity,
    customer int not null references customer, state sales.state default 'new',
    owner name default current_user, total numeric check (total >= 0), note text);
insert into sales.orders (customer, owner, total)
    select 1 + i % 20, case when i % 2 = 0 then 'clerk' else 'boss' end, i from generate_series(1, 100) i;
comment on table sales.orders is 'all orders';
comment on column sales.orders.total is 'with tax';
comment on constraint orders_pkey on sales.orders is 'the key';
create unique index orders_number on sales.orders (number);
create index on sales.orders (customer) where state = 'new';
create statistics sales.orders_statistics on customer, state from sales.orders;
create trigger stamp before insert on sales.orders for each row execute function sales.stamp();
alter table sales.orders enable row level security;
alter table sales.orders force row level security;
create policy own on sales.orders to clerk using (owner = current_user);
comment on policy own on sales.orders is 'their own';
grant select, update (note) on sales.orders to clerk;
create rule keep as on delete to sales.orders do instead nothing;
create table sales."orders extra" (id int references sales.orders, "a.b" text);
create view sales.open as select * from sales.orders where state = 'new';
alter default privileges in schema sales grant select on tables to clerk;
create table day (at date not null, value int, primary key (at, value)) partition by range (at);
create table day_2025 partition of day for values from ('2025-01-01') to ('2026-01-01');
create table day_2026 partition of day for values from ('2026-01-01') to ('2027-01-01');
insert into day select '2025-07-01'::date + i, i from generate_series(1, 300) i;
create index on day (value);
grant select on day_2026 to clerk;
create table parent (id int);
create table child (extra text) inherits (parent);
insert into child values (1, 'x');
create table zz_last as select i, md5(i::text) from generate_series(1, 200000) i;
SQL
    sql shop "create publication events for table sales.orders" 2>/dev/null
    use_database shop
    backup_now
    id=$(field id)
}

# bring [FLAG...]: into a new database `part`
bring() {
    drop_database part
    expect 0 pg_backup restore --database shop --target-database part --create "$@"
}

table_text() { # DATABASE TABLE: as pg_dump describes it, with everything that belongs to it
    PGDATABASE=$1 "$PG_BIN/pg_dump" --table "$2" | LC_ALL=C grep -avE '^\\(un)?restrict '
}

expect_same_table() { # TABLE [DATABASE]
    table_text shop "$1" >"$T/one.sql"
    table_text "${2:-part}" "$1" >"$T/other.sql"
    cmp -s "$T/one.sql" "$T/other.sql" || { diff "$T/one.sql" "$T/other.sql" | head -n 20; fail "$1 differs"; }
}

tables_in() { sql "$1" "select string_agg(relname, ' ' order by relname) from pg_class c join pg_namespace n on n.oid = relnamespace
    where relkind in ('r', 'p', 'v') and nspname !~ '^(pg_|information)'"; }

# What guards sales.orders, each thing counted.
protection() { # DATABASE
    sql "$1" "select (select count(*) from pg_class where relname = 'orders' and relrowsecurity and relforcerowsecurity),
        (select count(*) from pg_policy), (select count(*) from pg_index where indrelid = 'sales.orders'::regclass),
        (select count(*) from pg_constraint where conrelid = 'sales.orders'::regclass and contype in ('p', 'f')),
        (select count(*) from pg_trigger where tgrelid = 'sales.orders'::regclass and not tgisinternal),
        (select count(*) from pg_attribute where attrelid = 'sales.orders'::regclass and attidentity <> ''),
        (select count(*) from pg_class where relkind = 'S')"
}

table_has_all_its_protection() {
    create_shop
    bring --table customer,sales.orders
    expect_same_table sales.orders
    expect_same_table customer
    [ "$(protection part)" = "$(protection shop)" ] || fail "$(protection part) is not $(protection shop)"
    [ "$(sql part "set role clerk; select count(*) from sales.orders")" = 50 ] || fail "a clerk sees what is not theirs"
    [ "$(sql part "select last_value from sales.orders_id_seq")" = 100 ] || fail "the sequence begins anew"
    [ "$(tables_in part)" = "customer orders" ] || fail "$(tables_in part)"
    grep -q "tables=2" "$T/err" || fail "the last line does not count"

    # Stock pg_restore brings neither on the same archive, and says nothing.
    expect 0 pg_backup restore --database shop --output "$T/shop.dump"
    create_database stock
    sql stock "create schema sales; create type sales.state as enum ('new', 'paid')"
    "$PG_BIN/pg_restore" -d stock -t orders "$T/shop.dump"
    [ "$(protection stock)" = "0|0|0|0|0|0|0" ] || fail "pg_restore -t brings $(protection stock)"
    [ "$(sql stock "grant usage on schema sales to clerk; set role clerk; select count(*) from sales.orders")" = 100 ] || fail "pg_restore -t has changed"
}
both_stores table_has_all_its_protection

case_foreign_key_without_its_table() {
    use_dir
    create_shop
    bring --table orders
    says "orders_customer_fkey"
    [ "$(sql part "select count(*) from pg_constraint where contype = 'f'")" = 0 ]
    [ "$(sql part "set role clerk; select count(*) from sales.orders")" = 50 ] || fail "not protected"
}

# Into the database that lost the table: what it still has is used.
case_table_back_into_its_database() {
    use_dir
    create_shop
    table_text shop sales.orders >"$T/before"
    expect 3 pg_backup restore --database shop --table sales.orders
    says "sales.orders"
    sql shop "drop table sales.orders cascade"
    expect 0 pg_backup restore --database shop --table sales.orders
    table_text shop sales.orders | cmp - "$T/before" || fail "sales.orders is not as it was"
    [ "$(sql shop "select count(*) from pg_publication_tables where pubname = 'events'")" = 1 ] || fail "not published again"
    # Spoiled: dropped and brought back, and only that.
    sql shop "update sales.orders set total = 0; insert into customer values (99, 'later')"
    expect 0 pg_backup restore --database shop --table sales.orders --clean --yes
    table_text shop sales.orders | cmp - "$T/before" || fail "sales.orders is not as it was"
    [ "$(sql shop "select count(*) from customer where id = 99")" = 1 ] || fail "customer was touched"
    # What others have built on it is in the way, and nothing happens.
    sql shop "create view mine as select * from sales.orders"
    expect 3 pg_backup restore --database shop --table sales.orders --clean --yes
    says mine
}

case_partitions_and_children() {
    use_dir
    create_shop
    bring --table day
    expect_same_table 'day*'
    [ "$(sql part "select count(*) from day")" = 300 ] || fail "rows are missing"
    [ "$(sql part "select count(*) from pg_inherits where inhparent in ('day'::regclass, 'day_pkey'::regclass)")" = 4 ]
    bring --table parent
    [ "$(sql part "select count(*) from parent")" = 1 ] || fail "rows of the child are missing"
    # One partition, back into its table.
    sql shop "drop table day_2026"
    expect 0 pg_backup restore --database shop --table day_2026
    bring --table day
    expect_same_table 'day*'
    # Alone, where its table is not.
    bring --table day_2025
    says "day_2025"
    [ "$(tables_in part)" = day_2025 ] || fail "$(tables_in part)"
}

case_schema() {
    use_dir
    create_shop
    bring --schema sales --table customer
    PGDATABASE=shop "$PG_BIN/pg_dump" -n sales --no-publications | LC_ALL=C grep -avE '^\\(un)?restrict ' >"$T/one.sql"
    PGDATABASE=part "$PG_BIN/pg_dump" -n sales --no-publications | LC_ALL=C grep -avE '^\\(un)?restrict ' >"$T/other.sql"
    diff "$T/one.sql" "$T/other.sql" || fail "the schemas differ"
    says "PUBLICATION events" # that is not there, and so is left out
    # Stock pg_restore -n fails on both.
    expect 0 pg_backup restore --database shop --output "$T/shop.dump"
    create_database stock
    expect 1 "$PG_BIN/pg_restore" -d stock -1 -n sales "$T/shop.dump"
    says 'schema "sales" does not exist'
}

case_everything_but() {
    use_dir
    create_shop
    bring --exclude-table 'zz_*,day'
    [ "$(tables_in part)" = "child customer open orders orders extra parent" ] || fail "$(tables_in part)"
    expect_same_table sales.orders
    drop_database part
    expect 3 pg_backup restore --database shop --target-database part --create --exclude-table sales.orders
    says "sales.open needs sales.orders"
    [ "$(sql postgres "select count(*) from pg_database where datname = 'part'")" = 0 ] || fail "part was made"
}

case_sections() {
    use_dir
    create_shop
    bring --schema-only
    expect_same_definitions() {
        PGDATABASE=shop "$PG_BIN/pg_dump" -s | LC_ALL=C grep -avE '^\\(un)?restrict ' >"$T/one.sql"
        PGDATABASE=part "$PG_BIN/pg_dump" -s | LC_ALL=C grep -avE '^\\(un)?restrict ' | diff "$T/one.sql" - || fail "definitions differ"
    }
    expect_same_definitions
    [ "$(sql part "select count(*) from customer")" = 0 ]
    expect 0 pg_backup restore --database shop --target-database part --data-only --disable-triggers
    expect_same_database shop part
    # Never on top of rows, or into tables that are not there.
    expect 3 pg_backup restore --database shop --target-database part --data-only --table customer
    says "public.customer holds rows"
    sql part "drop table zz_last"
    expect 3 pg_backup restore --database shop --target-database part --data-only --table zz_last
    says "public.zz_last does not exist"
    # Step by step.
    bring --section pre-data
    expect 0 pg_backup restore --database shop --target-database part --section data
    expect 0 pg_backup restore --database shop --target-database part --section post-data
    expect_same_database shop part
}

case_names_that_match_nothing() {
    use_dir
    create_shop
    local flags
    for flags in "--table order" "--table public.orders" "--schema sale" "--exclude-table Customer" "--table customer,nobody" \
        "--table a.b.c" "--section predata" "--schema-only --data-only" "--data-only --clean --yes" "--disable-triggers" \
        "--table customer --output $T/x" "--list-contents --table x*"; do
        # shellcheck disable=SC2086
        expect 2 pg_backup restore --database shop --target-database part --create $flags
        [ "$(sql postgres "select count(*) from pg_database where datname = 'part'")" = 0 ] || fail "part was made"
    done
    expect 2 pg_backup restore --database shop --target-database part --table ordesr
    says "did you mean orders?"
}

case_contents() {
    use_dir
    create_shop
    settings+=(DB_HOST=no-such-host.invalid) # no server is needed
    expect 0 pg_backup restore --database shop --list-contents
    grep -Eq '^TABLE +sales.orders +postgres$' "$T/out"
    grep -q '^VIEW .*sales.open ' "$T/out"
    expect 0 pg_backup restore --database shop --list-contents --table sales.orders
    grep -q '^POLICY .*sales.orders own' "$T/out"
    ! grep -q '^TABLE.*customer' "$T/out" || fail "too much"
}

# pg_restore is done with the table long before the end of the archive. Damage behind it must undo it.
case_damage_behind_the_part() {
    use_dir
    create_shop
    local file=$folder/shop/$id/shop.dump.zst
    create_database part
    for offset in -3 -2000 -200000; do
        cp "$file" "$T/good"
        python3 - "$file" "$offset" <<'PYTHON'
import os, sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]), os.SEEK_END)
    byte = file.read(1)[0]
    file.seek(-1, os.SEEK_CUR)
    file.write(bytes([byte ^ 0x10]))
PYTHON
        expect 1 pg_backup restore --database shop --target-database part --table customer
        [ -z "$(tables_in part)" ] || fail "customer came back from a damaged backup"
        cp "$T/good" "$file"
    done
    expect 0 pg_backup restore --database shop --target-database part --table customer
    expect_same_table customer
}

case_plain_sql_has_no_parts() {
    use_dir
    create_shop
    settings+=(BACKUP_FORMAT=plain)
    next_second
    backup_now
    local flags
    for flags in "--table customer" "--schema sales" "--schema-only" "--list-contents" "--exclude-table day"; do
        # shellcheck disable=SC2086
        expect 2 pg_backup restore --database shop --target-database part --create $flags
        says "plain SQL"
    done
}

case_statements_that_fail() {
    use_dir
    create_shop
    create_database part
    sql part "create function stamp() returns int language sql as 'select 1'; create domain public.state as int"
    sql shop "drop owned by clerk"
    sql postgres "drop role clerk"
    expect 1 pg_backup restore --database shop --target-database part --table sales.orders
    says 'role "clerk" does not exist'
    [ -z "$(tables_in part)" ] || fail "half a restore"
    expect 1 pg_backup restore --database shop --target-database part --table sales.orders --keep-going
    says "everything else is in the database"
    [ "$(tables_in part)" = orders ] || fail "$(tables_in part)"
}

# The foreign key needs a lock of the table that it names, which others use.
case_waiting_for_a_lock() {
    use_dir
    create_shop
    sql shop "drop table sales.orders cascade"
    PGDATABASE=shop "$PG_BIN/psql" -Xqc "begin; lock table customer; select pg_sleep(60)" >/dev/null 2>&1 &
    background+=($!)
    wait_until 10 item_is_locked shop
    settings+=(LOCK_TIMEOUT=5s)
    expect 1 pg_backup restore --database shop --table sales.orders
    says 'the restore waits for a lock of="pid'
    says "LOCK_TIMEOUT"
    [ "$(sql shop "select count(*) from pg_class where relname = 'orders'")" = 0 ] || fail "half a restore"
}
