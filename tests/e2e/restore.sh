# shellcheck shell=bash
# restore: where to, which one, what it refuses, and that a damaged backup changes nothing.

prepare_backup() {
    create_small_database app
    use_database app
    backup_now
    id=$(field id)
    create_database copy
}

tables_of() { sql "$1" "select count(*) from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace"; }

database_exists() { [ "$(sql postgres "select count(*) from pg_database where datname = '$1'")" = 1 ]; }

target_that_is_not_empty() {
    prepare_backup
    sql copy "create table precious (a int); insert into precious values (1); create table item (wrong int)"
    dump_text copy >"$T/before"
    expect 3 pg_backup restore --database app --target-database copy
    says copy
    says --clean
    dump_text copy | cmp - "$T/before" || fail "the target was changed"
    # Into itself, by default.
    expect 3 pg_backup restore --database app

    expect 0 pg_backup restore --database app --target-database copy --clean --yes
    says precious # what the dump does not know remains, and is named
    [ "$(sql copy 'select a from precious')" = 1 ] || fail "precious is gone"
    [ "$(sql copy 'select count(*) from item')" = 1000 ] || fail "item was not restored"
    # Again, over what is there now.
    expect 0 pg_backup restore --database app --target-database copy --clean --yes
}
both_stores target_that_is_not_empty

case_default_target_is_the_same_database() {
    use_dir
    prepare_backup
    dump_text app >"$T/before"
    sql app "update item set name = 'spoiled'"
    expect 0 pg_backup restore --database app --clean --yes
    dump_text app | cmp - "$T/before" || fail "app is not as it was"
}

# --clean over views that hang on the tables.
case_clean_with_dependents() {
    use_dir
    create_small_database app
    sql app "create view named as select name from item; create view named_twice as select * from named"
    use_database app
    backup_now
    sql app "create materialized view newer as select 1 as one; drop view named_twice"
    expect 0 pg_backup restore --database app --clean --yes
    says newer
    [ "$(sql app 'select count(*) from named_twice')" = 1000 ] || fail "the view did not come back"
}

case_create() {
    use_dir
    create_database app "encoding 'LATIN1' lc_collate 'C' lc_ctype 'POSIX' template template0"
    sql app "create table word (w text); insert into word values ('gr' || chr(252) || 'n')"
    sql postgres "alter database app set work_mem = '7MB';
        alter database app set application_name = 'it''s \"odd\", isn''t it';
        alter database app set search_path = \"Odd One\", public"
    use_database app
    backup_now
    expect 0 pg_backup restore --database app --target-database fresh --create
    expect_same_database app fresh
    local properties="select pg_encoding_to_char(encoding), datcollate, datctype from pg_database where datname = current_database()"
    [ "$(sql fresh "$properties")" = "$(sql app "$properties")" ] || fail "$(sql fresh "$properties")"
    [[ "$(sql fresh "$properties")" = LATIN1* ]]
    properties="select array_to_string(setconfig, ';') from pg_db_role_setting s join pg_database d on d.oid = setdatabase
        where datname = current_database() and setrole = 0"
    [ "$(sql fresh "$properties")" = "$(sql app "$properties")" ] || fail "$(sql fresh "$properties")"
    # One that is there is not made again, and stays as it is.
    sql fresh "create table later ()"
    expect 3 pg_backup restore --database app --target-database fresh --create
    [ "$(tables_of fresh)" = 2 ] || fail "fresh was changed"
    # After a drop, as after an accident.
    drop_database app
    expect 0 pg_backup restore --database app --create
    database_exists app || fail "app is not back"
}

case_create_is_undone_after_a_failure() {
    use_dir
    prepare_backup
    damage "$folder/app/$id/app.dump.zst" 500
    expect 1 pg_backup restore --database app --target-database fresh --create
    ! database_exists fresh || fail "the made database is still there"
    # Not when it was not ours to make.
    expect 1 pg_backup restore --database app --target-database copy
    database_exists copy || fail "copy is gone"
}

output_to_file() {
    prepare_backup
    expect 0 pg_backup restore --database app --output "$T/app.dump"
    "$PG_BIN/pg_restore" -l "$T/app.dump" >/dev/null
    expect 0 pg_backup restore --database app --output -
    cmp "$T/out" "$T/app.dump" || fail "other bytes on stdout"
    "$PG_BIN/pg_restore" -d copy "$T/app.dump"
    expect_same_database app copy
    # No database is needed for this.
    settings+=(DB_HOST=no-such-host.invalid)
    expect 0 pg_backup restore --database app --output "$T/again.dump"
    cmp "$T/again.dump" "$T/app.dump"
}
both_stores output_to_file

case_damaged_backup_makes_no_file() {
    use_dir
    prepare_backup
    damage "$folder/app/$id/app.dump.zst" -3
    expect 1 pg_backup restore --database app --output "$T/app.dump"
    [ -z "$(find "$T" -name '*app.dump*' -not -path "$folder/*")" ] || fail "a file was left"
    expect 1 pg_backup restore --database app --output -
}

case_which_backup() {
    use_dir
    prepare_backup
    local first=$id
    next_second
    sql app "insert into item values (-1, 'newer')"
    backup_now
    expect 0 pg_backup restore --database app --id "$first" --target-database copy
    [ "$(sql copy 'select count(*) from item where id = -1')" = 0 ] || fail "not the first"
    expect 0 pg_backup restore --database app --id latest --target-database copy --clean --yes
    [ "$(sql copy 'select count(*) from item where id = -1')" = 1 ] || fail "not the latest"
    expect 1 pg_backup restore --database app --id 20010101T000000Z-00000000 --target-database copy --clean --yes
    says 20010101T000000Z-00000000
    says "pg-backup list" # what there is instead
    expect 1 pg_backup restore --database nobody --target-database copy --clean --yes
    says nobody
    # Without a manifest there is no backup.
    rm "$folder/app/$(field id | sort | tail -n 1)/manifest.json"
    expect 0 pg_backup restore --database app --target-database copy --clean --yes
    [ "$(sql copy 'select count(*) from item where id = -1')" = 0 ] || fail "a backup without manifest was used"
}

# `latest` of app is never one of app2, app-2, App.
latest_of_neighbours() {
    local name
    create_database copy
    for name in app2 app-2 App app_2 ap; do
        create_small_database "$name" 10
        use_database "$name"
        backup_now
    done
    use_database app
    expect 1 pg_backup restore --database app --target-database copy
    says "app"
    [ "$(tables_of copy)" = 0 ] || fail "something was restored"
    create_small_database app 77
    backup_now
    use_database app2
    backup_now
    expect 0 pg_backup restore --database app --target-database copy
    [ "$(sql copy 'select count(*) from item')" = 77 ] || fail "not app"
}
both_stores latest_of_neighbours

# damage FILE OFFSET: flips one bit; a negative offset counts from the end.
damage() {
    python3 - "$1" "$2" <<'PYTHON'
import os, sys
with open(sys.argv[1], "r+b") as file:
    offset = int(sys.argv[2])
    file.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
    byte = file.read(1)[0]
    file.seek(-1, os.SEEK_CUR)
    file.write(bytes([byte ^ 0x10]))
PYTHON
}

# Every damage is noticed, exit 1, and neither an empty target nor one with tables (--clean) is touched.
damaged_object() {
    create_large_database app 5
    use_database app
    backup_now
    create_database copy
    create_database full
    sql full "create table chunk (mine int); insert into chunk values (1)"
    dump_text full >"$T/full.before"
    local key size offset
    key=$(store_list | sed -n 's#^[0-9]* \(.*\.dump\.zst\)$#\1#p')
    store_get "$key" >"$T/good"
    size=$(stat -c %s "$T/good")
    for offset in 0 4 20 1000 $((size / 3)) $((size / 2)) $((size * 9 / 10)) $((size - 40000)) -100 -5 -1; do
        cp "$T/good" "$T/bad"
        damage "$T/bad" "$offset"
        store_put "$key" <"$T/bad"
        refuses_to_restore "bit flipped at $offset"
    done
    for offset in 0 1 1000 $((size / 2)) $((size - 1)); do
        head -c "$offset" "$T/good" | store_put "$key"
        refuses_to_restore "cut off at $offset"
    done
    { cat "$T/good"; echo; } | store_put "$key"
    refuses_to_restore "a byte too many"
    { cat "$T/good" "$T/good"; } | store_put "$key"
    refuses_to_restore "twice"
    store_remove "$key"
    refuses_to_restore "missing"
    store_put "$key" <"$T/good"
    expect 0 pg_backup restore --database app --target-database copy
    expect_same_database app copy
}
both_stores damaged_object

refuses_to_restore() { # WHAT
    echo "$1"
    expect 1 pg_backup restore --database app --target-database copy
    [ "$(tables_of copy)" = 0 ] || fail "the empty target was changed"
    expect 1 pg_backup restore --database app --target-database full --clean --yes
    dump_text full | cmp - "$T/full.before" || fail "the full target was changed"
}

case_damaged_manifest() {
    use_dir
    prepare_backup
    local manifest=$folder/app/$id/manifest.json
    cp "$manifest" "$T/good"
    local edit
    for edit in '.format = 99' 'del(.streams)' '.streams = []' '.streams[0].objects = []' '.streams[0].objects[0].name = "../../../etc/passwd"' \
        '.streams[0].objects[0].bytes += 1' '.streams[0].objects[0].bytes = -1' '.streams[0].objects[0].sha256 = "00"' '.streams[0].uncompressed_bytes += 1' \
        '.private.uncompressed_sha256.app |= ascii_upcase' '.private.uncompressed_sha256.app |= (.[1:] + "0")' '.group = "other"' '.id = "20200101T000000Z-00000000"' '[.]'; do
        echo "$edit"
        jq "$edit" "$T/good" >"$manifest"
        expect 1 pg_backup restore --database app --id "$id" --target-database copy
        [ "$(tables_of copy)" = 0 ] || fail "the target was changed"
    done
    head -c 100 "$T/good" >"$manifest"
    expect 1 pg_backup restore --database app --target-database copy
    : >"$manifest"
    expect 1 pg_backup restore --database app --target-database copy
    expect 0 pg_backup list # the others must stay visible
    cp "$T/good" "$manifest"
    expect 0 pg_backup restore --database app --target-database copy
}

# pg_restore's own errors: the first one stops, nothing is left.
case_target_lacks_something() {
    use_dir
    create_small_database app
    sql postgres "create role owner_of_item"
    sql app "alter table item owner to owner_of_item"
    use_database app
    backup_now
    sql app "drop owned by owner_of_item"
    sql postgres "drop role owner_of_item"
    create_database copy
    expect 1 pg_backup restore --database app --target-database copy
    says 'role "owner_of_item" does not exist'
    [ "$(tables_of copy)" = 0 ] || fail "half a restore"
}

# More objects than the target server has locks for in one transaction.
case_too_many_objects_for_one_transaction() {
    use_dir
    create_database app
    sql app "do \$\$ begin for i in 1..500 loop execute format('create table t%s (a int primary key, b text)', i); end loop; end \$\$"
    use_database app
    backup_now
    "$servers/postgres-up.sh" "$T/small" max_connections=10 max_locks_per_transaction=10 max_wal_senders=0 \
        autovacuum_max_workers=1 max_worker_processes=1
    cleanups+=("$servers/postgres-down.sh $T/small")
    use_server "$T/small"
    use_database app
    create_database copy
    expect 1 pg_backup restore --database app --target-database copy
    says "out of shared memory"
    says --no-single-transaction
    [ "$(tables_of copy)" = 0 ] || fail "half a restore"
    expect 0 pg_backup restore --database app --target-database copy --no-single-transaction
    [ "$(tables_of copy)" = 500 ] || fail "not all tables"
}

case_termination_in_the_middle() {
    use_dir
    create_large_database app 100
    use_database app
    backup_now
    create_database copy
    start_program pg-backup restore --database app --target-database copy
    copying() { [ "$(sql postgres "select count(*) from pg_stat_activity where datname = 'copy' and query like 'COPY %'")" != 0 ]; }
    wait_until 20 copying
    kill -TERM "$pid"
    expect_end 1 10
    [ "$(tables_of copy)" = 0 ] || fail "half a restore"
}

case_bad_usage() {
    use_dir
    prepare_backup
    expect 2 pg_backup restore --database app --output "$T/x" --create
    expect 2 pg_backup restore --database app --id '../../x' --target-database copy
    expect 2 pg_backup restore --databse app
    says --database # did you mean
    settings=("BACKUP_DIR=$folder")
    expect 2 pg_backup restore # no terminal to ask on
    says --database
}

case_asks_on_a_terminal() {
    use_dir
    prepare_backup
    expect 0 on_terminal "7,1,asked_for" env -i "PATH=$PATH" "${settings[@]}" "$BIN/pg-backup" restore
    grep -q 'Enter a number from 1 to 1' "$T/screen" || fail "a wrong number was taken"
    [ "$(tables_of asked_for)" != 0 ] || fail "nothing was restored"
    expect 3 on_terminal n env -i "PATH=$PATH" "${settings[@]}" "$BIN/pg-backup" restore --database app --clean
    grep -q 'the answer was no' "$T/screen" || fail "it was not asked"
}

# Every form of backup that was written before manifests had format 2.
case_backups_of_format_1() {
    use_dir
    cp -r ../golden/format-1/. "$folder"
    use_database golden
    sql postgres "create role golden"
    cleanups+=("drop_roles golden")
    expect 0 pg_backup list
    local ids id copies=0
    mapfile -t ids < <(field id golden)
    [ ${#ids[@]} = 3 ] || fail "${ids[*]}"
    for id in "${ids[@]}"; do
        copies=$((copies + 1))
        expect 0 pg_backup restore --database golden --id "$id" --target-database "golden_$copies" --create
        [ "$(sql "golden_$copies" 'select count(*) from kept')" = 50 ] || fail "$id: rows are missing"
        [ "$(sql "golden_$copies" 'show work_mem')" = 5MB ] || fail "$id: the setting of the database is missing"
    done
    expect 0 pg_backup restore --globals --output "$T/globals.sql"
    grep -qF "CREATE ROLE golden;" "$T/globals.sql" || fail "$(cat "$T/globals.sql")"
    # They count for retention together with a backup of today, of the same database.
    expect 0 pg_backup restore --database golden --create
    expect 0 pg_backup now
    settings+=(RETENTION_KEEP_LAST=1 RETENTION_MIN_BACKUPS=1)
    expect 0 pg_prune plan --json
    for id in "${ids[@]}"; do
        jq -se --arg id "$id" 'any(.id == $id and .action == "remove")' "$T/out" >/dev/null || fail "$id stays"
    done
}
