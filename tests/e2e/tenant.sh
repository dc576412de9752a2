# shellcheck shell=bash
# The owner of a database and our privileges: what the settings and schemas of a database, or of the role, do to us.

# Whatever name we leave without a schema is the tenant's here: functions, operators and views that write down, in a
# schema that everybody may write to, that they were called and by whom.
prepare_tenant() { # DATABASE
    sql "$1" <<'SQL'
create schema evil;
create table evil.seen (what text, who text);
grant all on schema evil to public;
grant all on evil.seen to public;
create function evil.note(what text) returns boolean language sql
    as $$ insert into evil.seen values (what, current_user); select true $$;

do $make$
declare
    f record;
begin
    -- A function of the same name and arguments for each of pg_catalog that somebody might call by its name alone.
    for f in
        select p.proname, oidvectortypes(p.proargtypes) as args, format_type(p.prorettype, null) as result,
            case when p.prokind = 'f' then pg_get_function_identity_arguments(p.oid) else '' end as named
        from pg_proc p
        where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f' and not p.proretset
            and (p.proname ~ '^(has_|pg_encoding_to|current_|pg_control|set_config|quote_|format_type|version|lower|upper)'
                or p.proname in ('length', 'array_to_string', 'pg_get_userbyid', 'obj_description'))
            and p.prorettype not in (select oid from pg_type where typtype = 'p') and p.provariadic = 0
    loop
        execute format($f$create function evil.%I(%s) returns %s language plpgsql
            as $$ begin perform evil.note(%L); return null; end $$$f$, f.proname, f.args, f.result,
            'function ' || f.proname);
    end loop;
    -- An operator for each of pg_catalog between the types of catalog columns.
    for f in
        select o.oprname, o.oprleft::regtype as l, o.oprright::regtype as r, o.oprcode::regproc as code,
            o.oid::text as number, format_type(o.oprresult, null) as result
        from pg_operator o
        where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprkind = 'b'
            and o.oprname in ('=', '<>', '!~', '~', '*', '+', '||', '~~', '<', '>')
            and o.oprleft in ('oid'::regtype, 'name'::regtype, '"char"'::regtype, 'text'::regtype, 'int4'::regtype,
                'int8'::regtype) and o.oprresult in ('bool'::regtype, 'int8'::regtype, 'text'::regtype, 'int4'::regtype)
            and o.oprright in ('oid'::regtype, 'name'::regtype, '"char"'::regtype, 'text'::regtype, 'int4'::regtype,
                'int8'::regtype)
    loop
        execute format($f$create function evil.%I(a %s, b %s) returns %s language plpgsql
            as $$ begin perform evil.note(%L); return %s(a, b); end $$$f$, 'operator_' || f.number, f.l, f.r, f.result,
            'operator ' || f.oprname, f.code);
        execute format('create operator evil.%s (leftarg = %s, rightarg = %s, function = evil.%I)', f.oprname, f.l,
            f.r, 'operator_' || f.number);
    end loop;
    -- A view in front of each catalog.
    for f in select relname from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind in ('r', 'v')
    loop
        begin
            execute format('create view evil.%I as select c.* from pg_catalog.%I c where evil.note(%L)', f.relname,
                f.relname, 'view ' || f.relname);
        exception when others then null; -- of a column whose type cannot be in a view
        end;
    end loop;
end $make$;
create function public.unnest(text[]) returns text language sql
    as $$ insert into evil.seen values ('function unnest', current_user); select 'work_mem=64MB'::text $$;
SQL
    # In the end: from here on nothing is what it seems.
    sql postgres "alter database $1 set search_path = evil, public, pg_catalog"
}

seen() { sql "$1" "select pg_catalog.count(*) from only evil.seen"; }
seen_nothing() { # DATABASE
    [ "$(seen "$1")" = 0 ] || { sql "$1" "table evil.seen" | sort | uniq -c; fail "the tenant's own objects were used"; }
}

# prepare_tenant works: what does leave out the schemas is caught.
the_trap_shuts() { # DATABASE
    sql "$1" "select current_database()" >/dev/null
    sql "$1" "select unnest('{a}'::text[])" >/dev/null
    sql "$1" "select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r') limit 1"
    sql "$1" "select pg_catalog.string_agg(distinct what, ',' order by what) from evil.seen" >"$T/trap"
    for what in "function current_database" "function unnest" "view pg_class" "operator ="; do
        grep -qF "$what" "$T/trap" || fail "the trap has no $what: $(cat "$T/trap")"
    done
    sql "$1" "truncate evil.seen"
}

case_the_owner_gains_nothing() {
    use_dir
    create_small_database app
    create_small_database target
    prepare_tenant app
    the_trap_shuts app
    use_database app
    pg_backup now >"$T/out" 2>"$T/err" || true # what has run counts first, not whether it went well
    seen_nothing app
    next_second
    backup_now
    jq -e '.private.database.encoding == "UTF8" and (.private.database.settings | any(test("search_path")))
        and .dump.tables >= 2 and .system_identifier != ""' "$folder/app/latest/manifest.json" >/dev/null ||
        fail "$(cat "$folder/app/latest/manifest.json")"
    next_second
    expect 0 env "${settings[@]}" DB= DATABASES=all BACKUP_GLOBALS=true "$BIN/pg-backup" now
    expect 0 pg_backup list
    seen_nothing app
    # A target that is the tenant's: the tables in it are looked at, and it is emptied and filled.
    drop_database target
    create_small_database target
    prepare_tenant target
    expect 3 pg_backup restore --database app --target-database target
    says "'target' is not empty"
    seen_nothing target
    expect 0 pg_backup restore --database target --target-database target --clean --yes
    sql postgres "alter database target reset search_path"
    seen_nothing target
    expect 0 pg_backup restore --database app --target-database copy --create
    sql postgres "alter database copy reset search_path"
    sql copy "select what from evil.seen" >"$T/seen"
    [ ! -s "$T/seen" ] || fail "$(sort "$T/seen" | uniq -c)"
}

# Limits that a role or a database has are for its other sessions.
case_time_limits_of_the_role() {
    use_dir
    create_small_database app
    sql postgres "create role limited superuser login password 'geheim'"
    cleanups+=("drop_roles limited")
    sql postgres "alter role limited set statement_timeout = '1ms'; alter role limited set lock_timeout = '1ms';
        alter role limited set idle_in_transaction_session_timeout = '200ms';
        alter role limited set default_transaction_read_only = on"
    # pg_dump and pg_restore lift them themselves, but only after statements that the limit may end.
    pg_dump_is 'PGOPTIONS="-c statement_timeout=0" real_pg_dump "$@"'
    settings+=("DB_HOST=$PGHOST" "DB_PORT=$PGPORT" DB=app DB_USER=limited DB_PASSWORD=geheim)
    for _ in 1 2 3 4 5; do
        next_second
        backup_now
    done
    settings+=("PGOPTIONS=-c statement_timeout=1ms")
    expect 0 pg_backup restore --database app --target-database copy --create
    expect_same_database app copy
}

# With whatever encoding a session would begin: a dump is in that of its database.
case_foreign_encodings() {
    use_dir
    create_database app "encoding 'UTF8'"
    sql app "create table item (name text); insert into item values ('Žluťoučký kůň ☃ 日本')"
    create_database bytes "encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0"
    sql bytes "set client_encoding = sql_ascii; create table item (name text); insert into item values (e'\\xe9\\xff')"
    sql postgres "create role latin superuser login password 'geheim'; comment on role latin is 'kůň ☃'"
    cleanups+=("drop_roles latin")
    settings+=("DB_HOST=$PGHOST" "DB_PORT=$PGPORT" "DATABASES=app bytes" BACKUP_GLOBALS=true DB_USER=latin DB_PASSWORD=geheim)
    backup_and_compare() {
        next_second
        backup_now
        for name in app bytes; do
            drop_database copy
            expect 0 pg_backup restore --database $name --target-database copy --create
            sql copy "set client_encoding = sql_ascii; select name from item" >"$T/copy"
            sql $name "set client_encoding = sql_ascii; select name from item" | cmp - "$T/copy"
            [ "$(sql copy "select pg_encoding_to_char(encoding) from pg_database where datname = 'copy'")" = \
                "$(sql $name "select pg_encoding_to_char(encoding) from pg_database where datname = '$name'")" ] ||
                fail "another encoding"
        done
        expect 0 pg_backup restore --globals --output "$T/globals.$RANDOM.sql"
        grep -q 'kůň ☃' "$T"/globals.*.sql || fail "the comment of the role is lost"
        rm "$T"/globals.*.sql
    }
    sql postgres "alter role latin set client_encoding = 'LATIN1'"
    backup_and_compare
    sql postgres "alter role latin reset client_encoding"
    sql postgres "alter database app set client_encoding = 'LATIN1'; alter database bytes set client_encoding = 'WIN1252'"
    backup_and_compare
    sql postgres "alter database app reset client_encoding; alter database bytes reset client_encoding"
    settings+=(PGCLIENTENCODING=LATIN1)
    backup_and_compare
    # Of what was asked for, all is in that encoding, or nothing.
    settings+=("PGDUMP_OPTIONS=--encoding=WIN1250" DATABASES=app BACKUP_GLOBALS=false)
    sql app "update item set name = 'kůň'"
    next_second
    backup_now
    expect 0 pg_backup restore --database app --output "$T/app.dump"
    "$PG_BIN/pg_restore" -f - "$T/app.dump" | LC_ALL=C grep -q $'k\xf9\xf2' || fail "not in WIN1250"
}
