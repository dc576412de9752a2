# shellcheck shell=bash
# How a dump is stored and what goes into it.

unpacked() { # FILE: what pg_dump wrote
    case $1 in
        *.zst) zstd -dc ;;
        *.gz) gzip -dc ;;
        *) cat ;;
    esac
}

load() { # FILE DATABASE, with the stock tools
    case $1 in
        *.dump*) pg_restore --exit-on-error -d "$2" ;;
        *) psql -Xq -v ON_ERROR_STOP=1 --single-transaction -d "$2" -f - >/dev/null ;;
    esac
}

all_formats() {
    create_database app
    sql app <everything.sql >/dev/null
    cleanups+=("psql_ -c 'drop role reader' -c 'drop role \"Writer Role\"'")
    sql app "select lo_unlink(oid) from pg_largeobject_metadata" >/dev/null
    use_database app
    local format compression name key count=0
    for format in custom plain; do
        for compression in zstd gzip none native; do
            [ "$format $compression" != "plain native" ] || continue
            count=$((count + 1))
            settings+=("BACKUP_FORMAT=$format" "BACKUP_COMPRESSION=$compression")
            next_second
            backup_now
            [ "$compression" != native ] || is_compressed_archive
            key=$(store_objects | sed -nE 's#^[0-9]+ (app/.*/app\.(dump|sql).*)$#\1#p' | tail -n 1)
            name=${key##*/}
            expect 0 pg_backup restore --target-database "copy$count" --create
            expect_same_database app "copy$count"
            create_database "hand$count"
            store_get "$key" | unpacked "$name" | load "$name" "hand$count"
            expect_same_database app "hand$count"
            drop_database "hand$count"
            drop_database "copy$count"
        done
    done
    store_objects | sed -nE 's#.*/(app\.(dump|sql).*)$#\1#p' | sort | xargs >"$T/names"
    [ "$(cat "$T/names")" = "app.dump app.dump app.dump.gz app.dump.zst app.sql app.sql.gz app.sql.zst" ] || fail "$(cat "$T/names")"
    expect_complete
    # They are one group for the pruner.
    settings+=(RETENTION_KEEP_LAST=2)
    expect 0 pg_prune now
    [ "$(manifests | wc -l)" = 2 ] || fail "$(manifests)"
}
both_stores all_formats

# The newest backup is an archive that pg_dump has compressed, and that the stock tool reads where it lies.
is_compressed_archive() {
    local newest
    newest=$(store_objects | sed -nE 's#^[0-9]+ (app/.*/app\.dump)$#\1#p' | tail -n 1)
    store_get "$newest" >"$T/native.dump"
    pg_restore -l "$T/native.dump" >"$T/contents"
    grep -qE '^;     Compression: (gzip|-1|6)$' "$T/contents" || { head -n 15 "$T/contents"; fail "not compressed"; }
    local whole
    whole=$(PGDATABASE=app "$PG_BIN/pg_dump" -Fc -Z0 | wc -c)
    [ "$(stat -c %s "$T/native.dump")" -lt "$whole" ] || fail "as large as without compression"
}

case_native_is_of_archives() {
    use_dir
    create_small_database app 10
    use_database app
    settings+=(BACKUP_COMPRESSION=native)
    expect 2 with BACKUP_FORMAT=plain -- pg_backup now
    says "BACKUP_COMPRESSION=native is pg_dump's own compression of its archive, and plain SQL is none"
    expect 2 with BACKUP_METHOD=physical -- pg_backup now
    says "BACKUP_COMPRESSION=native is pg_dump's own compression of its archive, and base backups are none"
    expect 2 with "PGDUMP_OPTIONS=-Z 9" -- pg_backup now
    says "BACKUP_COMPRESSION sets it"
    settings+=(BACKUP_GLOBALS=true)
    backup_now
    ls "$folder"/_globals/2*/globals.sql >/dev/null || fail "roles are not plain SQL"
    # A damaged one is noticed as any other.
    local file
    file=$(ls "$folder"/app/2*/app.dump)
    head -c -1 "$file" >"$T/cut" && cp "$T/cut" "$file"
    expect 1 pg_backup restore --target-database copy --create
    says "the manifest says"
}

case_plain_is_restored_whole_or_not_at_all() {
    use_dir
    create_small_database app 20000
    use_database app
    settings+=(BACKUP_FORMAT=plain BACKUP_COMPRESSION=none)
    backup_now
    local file
    file=$(ls "$folder"/app/2*/app.sql)
    create_database empty
    expect 2 pg_backup restore --target-database empty --clean --yes
    says "plain SQL"
    cp "$file" "$T/whole"
    head -c 500000 "$T/whole" >"$file"
    expect 1 pg_backup restore --target-database empty
    says "the manifest says"
    sed 's/^20000\t/20001\t/' "$T/whole" >"$file"
    expect 1 pg_backup restore --target-database empty
    says "SHA-256"
    [ "$(sql empty "select count(*) from pg_class where relname = 'item'")" = 0 ] || fail "half a restore"
    cp "$T/whole" "$file"
    expect 0 pg_backup restore --target-database empty
    expect_same_database app empty
    expect 0 pg_backup restore --output "$T/out.sql"
    cmp "$T/whole" "$T/out.sql"
    # Large objects end the transaction.
    sql app "select lo_from_bytea(0, 'a large object')" >/dev/null
    next_second
    backup_now
    says "the database holds large objects"
    expect 3 pg_backup restore --target-database copy --create
    says "--no-single-transaction"
    expect 0 pg_backup restore --target-database copy --create --no-single-transaction
    expect_same_database app copy
    # SQL that lacks its end is no backup, whatever the exit code.
    pg_dump_is 'real_pg_dump "$@" | head -c 100000; exit 0'
    expect 1 pg_backup now
    says "does not end as it should"
    [ "$(manifests | grep -vc latest)" = 2 ] || fail "it was stored"
}

case_parts_of_a_database() {
    use_dir
    create_small_database app 10
    sql app 'create schema audit; create table audit.log (a int); insert into audit.log values (1);
        create schema "My S"; create table "My S"."T, x" (a int); insert into "My S"."T, x" values (1)'
    use_database app
    tables() { sql copy "select count(*) from pg_class c join pg_namespace n on n.oid = relnamespace where relkind = 'r' and nspname !~ '^pg_|^information'"; }
    part() { # TABLES SETTING...
        local wanted=$1 before=("${settings[@]}")
        shift
        echo "$*"
        settings+=("$@")
        next_second
        backup_now
        expect 0 pg_backup list
        says "partial: pg_dump was given "
        expect 0 pg_backup restore --target-database copy --create
        settings=("${before[@]}")
        [ "$(tables)" = "$wanted" ] || fail "$(tables) tables instead of $wanted"
    }
    part 2 EXCLUDE_TABLES=audit.*
    drop_database copy
    part 1 'EXCLUDE_SCHEMAS=audit, "My S"'
    drop_database copy
    part 1 'INCLUDE_SCHEMAS="My S"'
    [ "$(sql copy 'select count(*) from "My S"."T, x"')" = 1 ] || fail "no rows"
    drop_database copy
    part 3 'EXCLUDE_TABLE_DATA="My S"."T, x" audit.log'
    [ "$(sql copy 'select (select count(*) from "My S"."T, x") + (select count(*) from audit.log)')" = 0 ] || fail "rows"
    [ "$(sql copy 'select count(*) from item')" = 10 ] || fail "no rows"
    drop_database copy
    part 3 SCHEMA_ONLY=true
    [ "$(sql copy 'select count(*) from item')" = 0 ] || fail "rows"
    drop_database copy
    part 3 "PG_DUMP_EXTRA_ARGS=--exclude-table-data='it*' -x"
    [ "$(sql copy 'select count(*) from item')" = 0 ] || fail "rows"
    expect 1 env -i "PATH=$PATH" "${settings[@]}" INCLUDE_SCHEMAS=nothing "$BIN/pg-backup" now
    says "no matching schemas were found"
    expect 2 env -i "PATH=$PATH" "${settings[@]}" "PGDUMP_OPTIONS=-O -f /tmp/x" "$BIN/pg-backup" now
    says "PGDUMP_OPTIONS: '-O -f /tmp/x': -f cannot be used here: the dump is streamed as it is made"
    # A change of what is taken makes nothing suspect.
    local number
    for number in 1 2 3; do
        echo "whole $number"
        next_second
        backup_now
    done
    settings+=(SCHEMA_ONLY=true)
    next_second
    backup_now
    settings+=(RETENTION_KEEP_LAST=2 SCHEMA_ONLY=)
    expect 0 pg_prune now
}

case_waiting_for_a_lock_ends() {
    use_dir
    create_small_database app
    use_database app
    settings+=(LOCK_TIMEOUT=1s)
    lock_table_item app
    expect 1 pg_backup now
    says "LOCK TABLE"
    says "LOCK_TIMEOUT"
    expect_nothing_left
    sql postgres "select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'pg_sleep' and pid <> pg_backend_pid()" >/dev/null
    backup_now
}

# One that hangs, and one that never stops writing.
case_a_run_ends_in_time() {
    use_s3
    create_large_database app 30
    use_database app
    settings+=(PG_RUN_TIMEOUT=4s)
    pg_dump_is 'exec "'"$PG_BIN"'/pg_dump" "$@"'
    pg_backup now >"$T/out" 2>"$T/err" &
    local backup=$!
    background+=("$backup")
    wait_until 10 test -s "$T/pg_dump.pid"
    kill -STOP "$(cat "$T/pg_dump.pid")" || true
    local status=0
    wait "$backup" || status=$?
    # A fast machine may be done before.
    if [ "$status" = 1 ]; then
        says "pg_dump had not ended after 4s and was killed"
        says PG_RUN_TIMEOUT
        expect_nothing_left
    else
        [ "$status" = 0 ] || fail "exit $status"
    fi
    is_gone "$(cat "$T/pg_dump.pid")" || fail "pg_dump still lives"
    pg_dump_is 'cat /dev/zero'
    expect 1 pg_backup now
    says "pg_dump had not ended after 4s and was killed"
}

# What a user gives to libpq goes on to pg_dump, psql and pg_restore.
case_pgoptions_go_on() {
    use_dir
    create_small_database app
    use_database app
    settings+=("PGOPTIONS=-c work_mem=7MB" BACKUP_FORMAT=plain)
    pg_dump_is 'echo "$PGOPTIONS" >'"$T"'/seen; real_pg_dump "$@"'
    backup_now
    [ "$(cat "$T/seen")" = "-c work_mem=7MB" ] || fail "$(cat "$T/seen")"
    settings+=("PGOPTIONS=-c no_such_setting=1")
    expect 1 pg_backup restore --target-database copy --create
    says no_such_setting
}

# pg_dump 18 and newer keep the names of tables and schemas that are left out in publications.
case_publications_of_what_is_left_out() {
    use_dir
    create_small_database app 10
    sql app 'create schema audit; create table audit.log (a int); create table log_a (a int)
        ; create publication p for table item, log_a, audit.log'
    use_database app
    settings+=("EXCLUDE_TABLES=log_*" EXCLUDE_SCHEMAS=audit)
    create_database copy
    backup_now
    if [ "$("$PG_BIN/pg_dump" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')" -lt 18 ]; then
        says_not "which this backup leaves out"
        expect 0 pg_backup restore --target-database copy
    else
        says "p names audit.log; the publication p names public.log_a, which this backup leaves out"
        expect 1 pg_backup restore --target-database copy
        says "--no-publications"
        expect 0 pg_backup restore --target-database copy --no-publications
    fi
    settings+=(PGDUMP_OPTIONS=--no-publications)
    next_second
    backup_now
    says_not "which this backup leaves out"
    expect 0 pg_backup list
    says "partial: pg_dump was given --exclude-schema=audit --exclude-table=log_* --no-publications"
}

case_messages_of_pg_dump_are_few() {
    use_dir
    create_small_database app 10
    use_database app
    settings+=(PGDUMP_OPTIONS=--verbose)
    backup_now
    says " more lines are not kept"
    expect 0 pg_backup list --json
    jq -e '(.warnings | length) <= 21 and .part == null' "$T/out" >/dev/null || fail "$(cat "$T/out")"
}

case_large_objects_that_a_filter_leaves_out() {
    use_dir
    create_small_database app 10
    sql app "select lo_from_bytea(0, 'a large object')" >/dev/null
    sql app "create schema s; create table s.t (a int)"
    use_database app
    settings+=(BACKUP_FORMAT=plain INCLUDE_SCHEMAS=s)
    backup_now
    says_not "large objects"
    expect 0 pg_backup restore --target-database copy --create
}
