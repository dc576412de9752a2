# shellcheck shell=bash
# Backups of older systems: listed, and restored by what they are, not by what they are called.

archive_of() { PGDATABASE=$1 "$PG_BIN/pg_dump" -Fc; }
sql_of() { PGDATABASE=$1 "$PG_BIN/pg_dump"; }

# put_with_sum KEY < bytes: with what sha256sum says of it beside it
put_with_sum() {
    tee "$T/file" | store_put "$1"
    echo "$(sha256sum <"$T/file" | cut -d' ' -f1)  /backups/$1" | store_put "$1.sha256"
}

tables_of() { sql "$1" "select count(*) from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace"; }

database_exists() { [ "$(sql postgres "select count(*) from pg_database where datname = '$1'")" = 1 ]; }

prepare_database() {
    create_small_database app 5000
    sql app "create view named as select name from item; create table line (t text);
        insert into line values ('--'), ('-- PostgreSQL database dump complete'), ('--'), ('\\.'), (null), ('ü')"
    use_database app
    settings+=(ADOPT_LAYOUTS=all)
}

# Every form, and files that are not what their suffix says.
put_all_forms() {
    archive_of app | store_put backup-2021-01-06T22:06:31.106555.dump
    archive_of app | store_put app-2021-11-01T20:51:55-9f3a1c2b.pg-dump
    archive_of app | store_put app-9f3a1c2b-2021-11-02T20:51:55.pg-dump
    archive_of app | store_put app-9f3a1c2b-2021-11-03:20:51:55.pg-dump
    archive_of app | put_with_sum app/app_20240115T120000Z.dump
    sql_of app | gzip | put_with_sum app/app_20240116T120000Z.sql.gz
    sql_of app | gzip | store_put 2024/01/17/app_120000.sql.gz
    archive_of app | store_put app/app_20240118T120000Z.sql.gz
    archive_of app | gzip | store_put app/app_20240119T120000Z.sql.gz
    sql_of app | put_with_sum app/app_20240120T120000Z.dump
    sql_of app >"$T/sql"
    { head -c 1000 "$T/sql" | gzip && tail -c +1001 "$T/sql" | gzip; } | store_put 2024/01/21/app_120000.sql.gz
}

all_forms() {
    prepare_database
    put_all_forms
    local key count=0
    for key in $(field id); do
        count=$((count + 1))
        expect 0 pg_backup restore --id "$key" --target-database "copy$count" --create
        expect_same_database app "copy$count"
        # What pg_dump wrote, whatever it was packed in.
        expect 0 pg_backup restore --id "$key" --output "$T/$count"
        head -c 32 "$T/$count" | LC_ALL=C grep -qE '^PGDMP|^-- PostgreSQL database dump' || fail "$key is packed"
    done
    [ "$count" = 11 ] || fail "$count were listed"
    # An existing database must be empty, and that is all.
    create_database empty
    expect 0 pg_backup restore --id 2024/01/17/app_120000.sql.gz --target-database empty
    expect_same_database app empty
}
both_stores all_forms

listing() {
    prepare_database
    put_all_forms
    echo mine | store_put notes.txt
    echo mine | store_put app/app_20240116T120000Z.txt
    backup_now
    expect 0 pg_backup list
    says "of an older system (db-folder)"
    says "(no database named)"
    [ "$(field layout app | sort | uniq -c | xargs)" = "2 date-folders 5 db-folder 3 db-time-hash 1 null" ] ||
        fail "$(field layout app)"
    # Stamps without a zone are of TZ.
    [ "$(field time "" | head -n 1)" = 2021-01-06T16:21:31Z ] || fail "$(field time)"
    settings+=(ADOPT_LAYOUTS=db-folder)
    [ "$(field id | wc -l)" = 6 ] || fail "$(field id)"
    settings+=(ADOPT_LAYOUTS=)
    expect 0 pg_backup list
    [ "$(wc -l <"$T/out")" = 2 ] || fail "more than ours"
    says "1 of the form backup-time, 3 of the form db-time-hash, 8 of the form db-folder, 2 of the form date-folders"
    expect 2 pg_backup restore --id app/app_20240115T120000Z.dump
    says ADOPT_LAYOUTS=db-folder
    settings+=(ADOPT_LAYOUTS=all ADOPT_DATABASE=app)
    [ "$(field id app | wc -l)" = 12 ] || fail "$(field id app)"
}
both_stores listing

case_latest_of_old_and_new() {
    use_dir
    prepare_database
    archive_of app | store_put app/app_20240115T120000Z.dump
    sql app "insert into item values (-1, 'in the newer one')"
    sql_of app | gzip | store_put 2024/01/16/app_120000.sql.gz
    create_small_database app2 10
    archive_of app2 | store_put app2/app2_20240117T120000Z.dump
    expect 0 pg_backup restore --target-database copy --create
    expect_same_database app copy
    sql app "insert into item values (-2, 'in ours')"
    backup_now
    expect 0 pg_backup restore --target-database copy2 --create
    expect_same_database app copy2
    expect 0 pg_backup restore --id app/app_20240115T120000Z.dump --target-database copy3 --create
    [ "$(sql copy3 'select count(*) from item where id < 0')" = 0 ] || fail "not the one that was named"
}

case_database_that_no_name_tells() {
    use_dir
    prepare_database
    archive_of app | store_put backup-2021-01-06T22:06:31.dump
    expect 2 pg_backup restore --id backup-2021-01-06T22:06:31.dump
    says --target-database
    expect 0 pg_backup restore --id backup-2021-01-06T22:06:31.dump --target-database copy --create
    expect_same_database app copy
    expect 0 on_terminal "1," env -i "PATH=$PATH" "${settings[@]}" DB= "$BIN/pg-backup" restore
    grep -q '(no database named)' "$T/screen" || fail "not shown"
    expect_same_database app restored
}

case_target_that_is_not_empty() {
    use_dir
    prepare_database
    sql_of app | gzip | store_put app/app_20240115T120000Z.sql.gz
    archive_of app | store_put app/app_20240116T120000Z.dump
    create_database copy
    sql copy "create table item (wrong int); insert into item values (1)"
    dump_text copy >"$T/before"
    local key
    for key in $(field id); do
        expect 3 pg_backup restore --id "$key" --target-database copy
        says "is not empty"
    done
    expect 2 pg_backup restore --id app/app_20240115T120000Z.sql.gz --target-database copy --clean --yes
    says "plain SQL"
    dump_text copy | cmp - "$T/before" || fail "the target was changed"
    expect 0 pg_backup restore --id app/app_20240116T120000Z.dump --target-database copy --clean --yes
    expect_same_database app copy
}

# refuses KEY TEXT: says it, with nothing in an empty target, and no new database and no file left.
refuses() {
    echo "$1: $2"
    expect 1 pg_backup restore --id "$1" --target-database copy
    says "$2"
    [ "$(tables_of copy)" = 0 ] || fail "the empty target was changed"
    expect 1 pg_backup restore --id "$1" --target-database fresh --create
    ! database_exists fresh || fail "the made database is still there"
    expect 1 pg_backup restore --id "$1" --output "$T/x.output"
    [ -z "$(find "$T" -name '*x.output*')" ] || fail "a file was left"
}

damaged_files() {
    prepare_database
    create_database copy
    local key=app/app_20240115T120000Z.sql.gz size
    sql_of app >"$T/sql"
    gzip <"$T/sql" >"$T/sql.gz"
    archive_of app >"$T/archive"
    for size in $(($(stat -c %s "$T/sql.gz") - 1)) 20000 10; do
        head -c "$size" "$T/sql.gz" | store_put "$key"
        refuses "$key" "ends too early"
    done
    { cat "$T/sql.gz" && echo more; } | store_put "$key"
    refuses "$key" "damaged"
    for size in $(($(stat -c %s "$T/sql") - 10)) 100000; do
        head -c "$size" "$T/sql" | gzip | store_put "$key"
        refuses "$key" "cut off"
        head -c "$size" "$T/sql" | store_put "$key"
        refuses "$key" "cut off"
    done
    # An empty file is the trace of a dump that failed at once, and no backup.
    : | store_put "$key"
    expect 1 pg_backup restore --id "$key" --target-database copy
    says "there is no backup '$key'"
    echo "<html>not found</html>" | store_put "$key"
    refuses "$key" "neither an archive nor plain SQL"
    echo "create table item (a int);" | gzip | store_put "$key"
    refuses "$key" "neither an archive nor plain SQL"
    "$PG_BIN/pg_dumpall" | gzip | store_put "$key"
    refuses "$key" "neither an archive nor plain SQL"

    for file in sql sql.gz archive; do
        put_with_sum "$key" <"$T/$file"
        sha256sum "$T/out" | store_put "$key.sha256"
        refuses "$key" "SHA-256 does not match"
        echo "not found" | store_put "$key.sha256"
        refuses "$key" "$key.sha256"
    done
    put_with_sum "$key" <"$T/archive"
    expect 0 pg_backup restore --id "$key" --target-database copy
    expect_same_database app copy
}
both_stores damaged_files

# Without a checksum pg_restore itself finds that an archive was cut off. It comes through a pipe: into a file pg_dump 17
# writes the table of contents once more at the end, and a cut there takes nothing away.
case_truncated_archive() {
    use_dir
    prepare_database
    create_database copy
    archive_of app | cat >"$T/archive"
    local size
    for size in $(($(stat -c %s "$T/archive") - 1)) 20000 5000 100; do
        head -c "$size" "$T/archive" | store_put app/app_20240115T120000Z.dump
        expect 1 pg_backup restore --id app/app_20240115T120000Z.dump --target-database copy
        [ "$(tables_of copy)" = 0 ] || fail "the empty target was changed"
    done
}

# pg_dump puts large objects into a transaction of their own, which would end ours.
case_sql_with_large_objects() {
    use_dir
    prepare_database
    sql app "select lo_from_bytea(0, 'a large object')" >/dev/null
    create_database copy
    sql_of app | gzip | store_put app/app_20240115T120000Z.sql.gz
    expect 3 pg_backup restore --id app/app_20240115T120000Z.sql.gz --target-database copy
    says "large objects"
    [ "$(tables_of copy)" = 0 ] || fail "half a restore"
    expect 0 pg_backup restore --id app/app_20240115T120000Z.sql.gz --target-database fresh --create \
        --no-single-transaction
    expect_same_database app fresh
}

# pg_dump --create --clean drops and makes the dumped database, whatever the target is.
case_sql_that_makes_its_database() {
    use_dir
    prepare_database
    create_database copy
    PGDATABASE=app "$PG_BIN/pg_dump" --create --clean --if-exists >"$T/sql"
    gzip <"$T/sql" | store_put app/app_20240115T120000Z.sql.gz
    local option
    for option in --yes --no-single-transaction; do
        expect 3 pg_backup restore --id app/app_20240115T120000Z.sql.gz --target-database copy "$option"
        says "makes its own database"
        [ "$(tables_of copy)" = 0 ] || fail "half a restore"
        [ "$(tables_of app)" = 2 ] || fail "app was touched"
    done
    expect 0 pg_backup restore --id app/app_20240115T120000Z.sql.gz --output "$T/x"
    cmp "$T/sql" "$T/x"
    PGDATABASE=app "$PG_BIN/pg_dump" --clean --if-exists | store_put app/app_20240116T120000Z.sql.gz
    expect 0 pg_backup restore --id app/app_20240116T120000Z.sql.gz --target-database copy
    expect_same_database app copy
}

# psql would run them, the second with a shell of this machine.
case_sql_with_backslash_commands() {
    use_dir
    prepare_database
    create_database copy
    local key=app/app_20240115T120000Z.sql.gz line
    # What pg_dump wrote before it restricted psql itself.
    sql_of app | sed '/^\\\(un\)\?restrict /d' >"$T/sql"
    store_put "$key" <"$T/sql"
    expect 0 pg_backup restore --id "$key" --target-database fresh --create
    expect_same_database app fresh
    for line in '\connect app' "\! touch $T/ran" "\o $T/ran" "select 1 \g $T/ran"; do
        awk -v line="${line//\\/\\\\}" '/^CREATE VIEW/ { print line } 1' "$T/sql" | store_put "$key"
        expect 1 pg_backup restore --id "$key" --target-database copy
        says "backslash commands are restricted"
        [ "$(tables_of copy)" = 0 ] || fail "half a restore"
        [ ! -e "$T/ran" ] || fail "it ran: $line"
    done
}

# psql's own errors: the first one stops, and nothing is left.
case_sql_that_fails() {
    use_dir
    prepare_database
    create_database copy
    sql_of app | sed 's/^CREATE VIEW/CREATE VEIW/' | store_put app/app_20240115T120000Z.dump
    expect 1 pg_backup restore --id app/app_20240115T120000Z.dump --target-database copy
    says "psql exited with 3"
    says 'syntax error at or near "VEIW"'
    [ "$(tables_of copy)" = 0 ] || fail "half a restore"
    expect 1 pg_backup restore --id app/app_20240115T120000Z.dump --target-database copy --no-single-transaction
    [ "$(tables_of copy)" != 0 ] || fail "it was a single transaction"
}
