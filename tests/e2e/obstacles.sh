# shellcheck shell=bash
# restore: what pg_dump writes and a server does not take, what a database has of its own, and what stands in the way.

database_exists() { [ "$(sql postgres "select count(*) from pg_database where datname = '$1'")" = 1 ]; }

rows_of() { sql "$1" "select count(*) from $2"; }

# A role that may not do everything; dropped at the end.
create_role() { # NAME [OPTIONS]
    sql postgres "create role $1 login password 'secret' ${2:-}"
    cleanups+=("sql postgres 'drop role if exists $1'")
}

use_role() { settings+=("DB_USER=$1" "DB_PASSWORD=secret"); }

# ---- statements that fail ------------------------------------------------------------------------------

# A function that names another without its schema: in a restore it does not find it. From version 17 on such a function
# does not find it either while a materialized view is made, so it becomes one afterwards.
create_stubborn_database() { # NAME
    create_small_database "$1"
    sql "$1" "create function up(t text) returns text language sql immutable as 'select upper(t)';
        create function up2(t text) returns text language sql immutable as 'select public.up(t)';
        create materialized view loud as select up2(name) as name from item;
        create or replace function up2(t text) returns text language sql immutable as 'select up(t)';
        create table generated (t text, u text generated always as (up2(t)) stored);
        insert into generated (t) values ('a')"
}

case_keep_going() {
    use_dir
    create_stubborn_database app
    use_database app
    backup_now
    expect 1 pg_backup restore --target-database copy --create
    says "--keep-going"
    says "SET search_path"
    ! database_exists copy || fail "half a restore"
    expect 1 pg_backup restore --target-database copy --create --keep-going
    says "4 statements failed; everything else is in the database"
    says "REFRESH MATERIALIZED VIEW public.loud"
    says "CREATE TABLE public.generated"
    [ "$(rows_of copy item)" = 1000 ] || fail "the rest is not there"
    # One that has nothing to skip ends as usual.
    create_small_database well
    use_database well
    backup_now
    expect 0 pg_backup restore --target-database well_copy --create --keep-going
    expect_same_database well well_copy
}

case_keep_going_lists_a_bounded_number() {
    use_dir
    create_role gone
    create_database app
    sql app "do \$\$ begin for i in 1..80 loop
        execute format('create table t%s (); grant select on t%s to gone', i, i); end loop; end \$\$"
    use_database app
    backup_now
    sql app "drop owned by gone; drop role gone"
    expect 1 pg_backup restore --target-database copy --create --keep-going
    says "80 statements failed"
    says "further statements failed statements=30"
    [ "$(sql copy "select count(*) from pg_class where relname ~ '^t[0-9]+\$'")" = 80 ] || fail "not all tables"
}

case_keep_going_does_not_hide_a_damaged_backup() {
    use_dir
    create_stubborn_database app
    use_database app
    backup_now
    python3 - "$folder/app/$(field id)/app.dump.zst" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(-10, 2)
    byte = file.read(1)[0]
    file.seek(-10, 2)
    file.write(bytes([byte ^ 1]))
PYTHON
    expect 1 pg_backup restore --target-database copy --create --keep-going
    says_not "everything else is in the database"
    says "remains as far as it was restored: drop it before you try again database=copy"
}

case_no_single_transaction_drops_nothing() {
    use_dir
    create_stubborn_database app
    use_database app
    backup_now
    expect 1 pg_backup restore --target-database copy --create --no-single-transaction
    says "remains as far as it was restored: drop it before you try again database=copy"
    database_exists copy || fail "the database was dropped"
}

case_what_is_left_out() {
    use_dir
    create_role gone
    create_role plain createdb
    create_small_database app
    sql app "create extension pg_stat_statements; create publication everything for all tables;
        alter table item owner to gone; grant select on item to gone"
    use_database app
    backup_now
    sql app "reassign owned by gone to postgres; drop owned by gone; drop role gone"
    expect 1 pg_backup restore --target-database copy --create
    says "restore --globals"
    says "--no-owner"
    expect 0 pg_backup restore --target-database copy --create --no-owner --no-privileges
    [ "$(rows_of copy item)" = 1000 ] || fail "not restored"
    # As a plain owner: the extension is there, the comment on it is not his to change.
    create_database hosted "owner plain"
    sql hosted "create extension pg_stat_statements"
    use_role plain
    expect 1 pg_backup restore --target-database hosted --no-owner --no-privileges
    says "--no-comments"
    expect 1 pg_backup restore --target-database hosted --no-owner --no-privileges --no-comments
    says "--no-publications"
    expect 0 pg_backup restore --target-database hosted --no-owner --no-privileges --no-comments --no-publications
    [ "$(rows_of hosted item)" = 1000 ] || fail "not restored"
}

case_missing_tablespace() {
    use_dir
    install -d -o "$(stat -c %U "$PGDATA")" "$T/space"
    chmod 755 "$T"
    sql postgres "create tablespace fast location '$T/space'"
    cleanups+=("sql postgres 'drop tablespace if exists fast'")
    create_database app "tablespace fast"
    sql app "create table a (i int) tablespace pg_default; create table b (i int)"
    create_database other
    sql other "create table c (i int) tablespace fast"
    use_database app
    backup_now
    use_database other
    backup_now
    expect 0 pg_backup restore --database app --target-database copy --create
    [ "$(sql copy "select spcname from pg_database d join pg_tablespace t on t.oid = dattablespace where datname = 'copy'")" = fast ] ||
        fail "another tablespace"
    drop_database app
    drop_database copy
    drop_database other
    sql postgres "drop tablespace fast"
    expect 0 pg_backup restore --database app --create
    says "the database goes to the default tablespace"
    expect 1 pg_backup restore --database other --create
    says "--no-tablespaces"
    expect 0 pg_backup restore --database other --create --no-tablespaces
}

case_plain_sql_has_no_options() {
    use_dir
    create_small_database app
    use_database app
    settings+=(BACKUP_FORMAT=plain)
    backup_now
    local option
    for option in --no-owner --no-privileges --no-comments --no-tablespaces --no-publications --role=postgres; do
        expect 2 pg_backup restore --target-database copy --create "$option"
        says "$option"
        says --output
    done
    ! database_exists copy || fail "something was created"
}

case_role() {
    use_dir
    create_role plain createdb
    create_small_database app
    use_database app
    backup_now
    expect 0 pg_backup restore --target-database copy --create --no-owner --role plain
    [ "$(sql copy "select relowner::regrole from pg_class where relname = 'item'")" = plain ] || fail "another owner"
    [ "$(sql copy "select datdba::regrole from pg_database where datname = 'copy'")" = plain ] || fail "another owner"
}

# ---- what a database has of its own --------------------------------------------------------------------

properties_of() {
    sql postgres "select pg_encoding_to_char(encoding), datcollate, datctype, datdba::regrole, datconnlimit, datistemplate,
            shobj_description(d.oid, 'pg_database'), array(select unnest(datacl)::text order by 1),
            array(select s.setrole::regrole || ' ' || c from pg_db_role_setting s, unnest(s.setconfig) c
                where s.setdatabase = d.oid order by 1)
        from pg_database d where datname = '$1'"
}

case_create_brings_back_what_the_database_has() {
    use_dir
    create_role keeper
    create_role web
    create_small_database app
    sql postgres "comment on database app is 'it''s ours';
        revoke all on database app from public;
        grant connect on database app to web with grant option;
        grant create on database app to keeper;
        alter role web in database app set search_path = a, \"B c\";
        alter role web in database app set work_mem = '7MB';
        alter database app set default_transaction_read_only = on;
        alter database app set temp_tablespaces = '';
        alter database app set work_mem = '9MB';
        alter database app connection limit 7;
        alter database app owner to keeper"
    use_database app
    backup_now
    expect 0 pg_backup restore --target-database fresh --create
    # The server may be older than a fix, and that is said by version.
    ! grep ' warn ' "$T/err" | grep -v 'lacks the fix' || fail "something was not brought back"
    [ "$(properties_of fresh)" = "$(properties_of app)" ] || fail "$(properties_of fresh) is not $(properties_of app)"
    sql postgres "drop database fresh"
    # Without the owner, and without what belongs to roles that are missing: a warning each, and the data.
    sql postgres "alter database app set default_transaction_read_only = off; alter database app owner to postgres"
    sql app "drop owned by web; drop owned by keeper"
    sql postgres "alter role web in database app reset all; drop role web; drop role keeper"
    expect 0 pg_backup restore --target-database fresh --create
    says "the owner keeper"
    says "the privilege CONNECT of web"
    says "the setting work_mem of the role web"
    [ "$(rows_of fresh item)" = 1000 ] || fail "not restored"
    drop_database fresh
    expect 0 pg_backup restore --target-database fresh --create --no-owner --no-privileges --no-comments
    says_not keeper
    [ -z "$(sql postgres "select shobj_description(oid, 'pg_database') from pg_database where datname = 'fresh'")" ]
}

# PostgreSQL 15 to 19 take NULL in an array for the text "NULL" where array_nulls is off, without a word.
case_nulls_in_arrays() {
    use_dir
    create_database app
    sql app "create table a (t text[]); insert into a values (array[null, 'x'])"
    sql postgres "alter database app set array_nulls = off"
    create_database other
    sql postgres "alter database other set array_nulls = off"
    use_database app
    backup_now
    expect 0 pg_backup restore --target-database fresh --create
    [ "$(sql fresh "select t[1] is null from a")" = t ] || fail "$(sql fresh "table a")"
    [ "$(sql fresh "show array_nulls")" = off ] || fail "the setting was not brought back"
    expect 0 pg_backup restore --target-database other
    [ "$(sql other "select t[1] is null from a")" = t ] || fail "$(sql other "table a")"
}

case_settings_of_superusers_are_warnings() {
    use_dir
    create_role plain createdb
    create_database app "owner plain"
    sql app "create table a (i int); alter table a owner to plain"
    sql postgres "alter database app set log_min_duration_statement = '1s'"
    use_database app
    backup_now
    use_role plain
    expect 0 pg_backup restore --target-database copy --create
    says "the setting log_min_duration_statement"
    [ "$(rows_of copy a)" = 0 ]
}

case_missing_locale() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    sed -i 's/"C.UTF-8"/"xx_XX.utf8"/g' "$folder/app/$(field id)/manifest.json"
    expect 1 pg_backup restore --target-database copy --create
    says --locale
    ! database_exists copy || fail "the database is there"
    expect 0 pg_backup restore --target-database copy --create --locale C.UTF-8
    expect_same_database app copy
}

case_one_connection_is_enough() {
    use_dir
    create_role plain "createdb connection limit 1"
    create_database app "owner plain"
    sql app "create table a as select generate_series(1, 10) i; alter table a owner to plain"
    use_database app
    backup_now
    use_role plain
    expect 0 pg_backup restore --target-database copy --create
    [ "$(rows_of copy a)" = 10 ]
}

# The answer to CREATE DATABASE never comes: what the server makes nevertheless must not stay.
case_create_that_is_stopped_leaves_nothing() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    PGDATABASE=postgres psql -Xqc "begin; lock table pg_catalog.pg_database in exclusive mode; select pg_sleep(60)" >/dev/null 2>&1 &
    background+=($!)
    creating() { [ "$(sql postgres "select count(*) from pg_stat_activity where query like 'CREATE DATABASE %' and wait_event_type = 'Lock'")" != 0 ]; }
    start_program pg-backup restore --target-database copy --create
    wait_until 20 creating
    kill -TERM "$pid"
    expect_end 1 10
    sql postgres "select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock table%'" >/dev/null
    no_creation() { ! creating && [ "$(sql postgres "select count(*) from pg_stat_activity where query like 'CREATE DATABASE %' and state = 'active' and pid <> pg_backend_pid()")" = 0 ]; }
    wait_until 20 no_creation
    ! database_exists copy || fail "the database is there"
}

case_a_broken_off_restore_is_told_from_a_database() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    create_large_database big 20
    use_database big
    backup_now
    start_program pg-backup restore --database big --target-database copy --create
    wait_until 20 database_exists copy
    kill -KILL "$pid"
    wait_until 20 is_gone "$pid"
    expect 3 pg_backup restore --database big --target-database copy --create
    says "a restore was broken off there"
    create_database mine "connection limit 5"
    expect 3 pg_backup restore --database big --target-database mine --create
    says_not "broken off"
    database_exists mine || fail "somebody else's database is gone"
}

# ---- what stands in the way ------------------------------------------------------------------------------

case_templates_are_no_targets() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    local name
    for name in template0 template1; do
        expect 2 pg_backup restore --target-database "$name"
        says "template of new databases"
        expect 2 pg_backup restore --target-database "$name" --clean --yes
    done
}

case_nothing_is_dropped_unasked() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    sql app "update item set name = 'newer'"
    expect 2 pg_backup restore --clean
    says --yes
    expect 2 pg_backup restore --globals
    says --yes
    [ "$(sql app "select count(*) from item where name = 'newer'")" = 1000 ] || fail "it was restored"
}

case_clean_says_before_what_would_make_it_fail() {
    use_dir
    create_small_database app
    sql app "create schema sales; create table sales.orders (id int primary key);
        create type mood as enum ('good'); create table feeling (m mood);
        create table measure (d int) partition by range (d);
        create table measure1 partition of measure for values from (1) to (2)"
    use_database app
    backup_now
    local hindrance what
    for hindrance in "create table sales.later (i int)" "create view later as select * from item" \
        "create materialized view later as select * from item" "create table later (i int references item)" \
        "create table later () inherits (item)" "create table later (m mood)" \
        "create table later partition of measure for values from (2) to (3)"; do
        echo "$hindrance"
        sql app "$hindrance"
        dump_text app >"$T/before"
        expect 3 pg_backup restore --clean --yes
        says later
        says_not "they will remain"
        dump_text app | cmp - "$T/before" || fail "the target was changed"
        what=$(sql app "select format('drop %s if exists %s', case relkind when 'v' then 'view' when 'm' then 'materialized view'
            else 'table' end, c.oid::regclass) from pg_class c where relname = 'later'")
        sql app "$what"
    done
    sql app "create table later (i int)"
    expect 0 pg_backup restore --clean --yes
    says "they will remain"
    says "tables=public.later"
}

case_clean_names_who_holds_a_lock() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    sql app "create table mine (i int)"
    PGAPPNAME=somebody lock_table_item app
    settings+=(LOCK_TIMEOUT=5s)
    expect 1 pg_backup restore --clean --yes
    says "waits for a lock of=\"pid"
    says somebody
    says LOCK_TIMEOUT
    sql postgres "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'somebody'" >/dev/null
    [ "$(rows_of app item)" = 1000 ] || fail "half a restore"
    expect 0 pg_backup restore --clean --yes
}

case_through_a_pooler() {
    command -v pgbouncer >/dev/null || skip "there is no pgbouncer"
    use_dir
    create_small_database app
    create_database copy
    create_database readonly
    sql postgres "alter database readonly set default_transaction_read_only = on"
    local port owner
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    owner=$(stat -c %U "$PGDATA")
    install -d -o "$owner" "$T/pooler"
    cat >"$T/pooler/ini" <<INI
[databases]
* = host=$PGHOST port=$PGPORT
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = plain
auth_file = $T/pooler/users
pool_mode = session
logfile = $T/pooler/log
INI
    printf '"%s" "%s"\n' "$PGUSER" "$PGPASSWORD" >"$T/pooler/users"
    chmod 755 "$T"
    chown -R "$owner" "$T/pooler"
    local as=()
    [ "$(id -u)" != 0 ] || as=(setpriv "--reuid=$owner" --clear-groups)
    "${as[@]}" pgbouncer -q "$T/pooler/ini" >/dev/null 2>&1 &
    background+=($!)
    use_database app
    settings+=("DB_PORT=$port")
    is_up() { PGPORT=$port psql -XAtqc 'select 1' >/dev/null 2>&1; }
    wait_until 10 is_up
    backup_now
    expect 0 pg_backup restore --target-database copy
    expect_same_database app copy
    expect 0 pg_backup restore --target-database fresh --create
    expect_same_database app fresh
    # PGOPTIONS is needed there, and the pooler refuses it.
    expect 1 pg_backup restore --target-database readonly
    says "PostgreSQL itself"
    settings+=("DB_PORT=$PGPORT")
    expect 0 pg_backup restore --target-database readonly
}

# ---- roles -----------------------------------------------------------------------------------------------

case_own_password_is_told() {
    use_dir
    create_role boss superuser
    create_small_database app
    use_database app
    settings+=(BACKUP_GLOBALS=true)
    backup_now
    expect 0 pg_backup restore --globals --yes
    says_not "change DB_PASSWORD"
    sql postgres "alter role boss password 'other'"
    settings+=(DB_USER=boss DB_PASSWORD=other)
    expect 0 pg_backup restore --globals --yes
    says "the password of the connecting role"
    expect 1 pg_backup restore --globals --yes
    settings+=(DB_PASSWORD=secret)
    expect 0 pg_backup restore --globals --yes
    says_not "change DB_PASSWORD"
}

# change_globals SED: what is stored, and its manifest.
change_globals() {
    local at
    at=$(echo "$folder"/_globals/2*)
    zstd -dqc "$at/globals.sql.zst" | sed "$1" >"$T/globals.sql"
    zstd -qc "$T/globals.sql" >"$at/globals.sql.zst"
    jq --arg sum "$(sha256sum <"$at/globals.sql.zst" | cut -d' ' -f1)" --argjson bytes "$(stat -c %s "$at/globals.sql.zst")" \
        --arg plain "$(sha256sum <"$T/globals.sql" | cut -d' ' -f1)" --argjson size "$(stat -c %s "$T/globals.sql")" \
        '.streams[0] |= (.objects[0].sha256 = $sum | .objects[0].bytes = $bytes | .uncompressed_bytes = $size)
            | .private.uncompressed_sha256[.streams[0].name] = $plain' \
        "$at/manifest.json" >"$T/manifest" && cp "$T/manifest" "$at/manifest.json"
}

# Since 16 a membership names who granted it, and he may be missing.
case_membership_without_its_grantor() {
    use_dir
    create_role team
    create_role member
    sql postgres "grant team to member with admin option"
    create_small_database app
    use_database app
    settings+=(BACKUP_GLOBALS=true)
    backup_now
    change_globals 's/^\(GRANT team TO member[^;]*\) GRANTED BY [^;]*;/\1 GRANTED BY nobody_at_all;/'
    grep -q nobody_at_all "$T/globals.sql" || fail "there is no such line"
    sql postgres "revoke team from member"
    expect 0 pg_backup restore --globals --yes
    says "GRANT team TO member"
    says nobody_at_all
    [ "$(sql postgres "select count(*) from pg_auth_members where roleid = 'team'::regrole and member = 'member'::regrole and admin_option")" = 1 ] ||
        fail "not granted"
}
