# shellcheck shell=bash
# restore: an older time, a file, another server, in place of a database, all of a run; what is said before
# anything is touched, and what follows.

prepare() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    id=$(field id)
}

exists() { [ "$(sql postgres "select count(*) from pg_database where datname = '$1'")" = 1 ]; }
rows_of() { sql "$1" "select count(*) from item"; }

case_what_is_said_before_and_after() {
    prepare
    expect 0 pg_backup restore --database app --target-database copy --create
    grep -Eq "about to restore what=\"app of 20.*Z \([0-9]+s old\) into the new database copy on $PGHOST:$PGPORT as $PGUSER" "$T/err" || fail "no announcement"
    grep -Eq "restore finished database=app run=$id outcome=\"restored copy\" bytes=\"[^\"]+\" tables=1 rows=1000 seconds=[0-9]+" "$T/err" || fail "no last line"
    [ "$(sql copy "select last_analyze is null from pg_stat_user_tables")" = f ] || fail "not analyzed"
    drop_database copy
    create_database copy
    expect 0 pg_backup restore --database app --target-database copy --no-analyze
    says "into the existing database copy on"
    [ "$(sql copy "select last_analyze is null from pg_stat_user_tables")" = t ] || fail "analyzed"
}

case_on_a_terminal_it_asks_once() {
    prepare
    create_database copy
    local command=(env -i "PATH=$PATH" "${settings[@]}" "$BIN/pg-backup" restore --database app --target-database copy)
    expect 3 on_terminal n "${command[@]}"
    grep -q "into the existing database copy" "$T/screen" || fail "not said before"
    [ "$(sql copy "select count(*) from pg_class where relname = 'item'")" = 0 ] || fail "restored"
    expect 0 on_terminal y "${command[@]}"
    [ "$(rows_of copy)" = 1000 ] || fail "not restored"
}

case_dry_run_touches_nothing() {
    prepare
    dump_text app >"$T/before"
    expect 0 pg_backup restore --database app --target-database copy --create --dry-run
    says "into the new database copy"
    ! exists copy || fail "copy was made"
    expect 0 pg_backup restore --database app --clean --dry-run
    expect 0 pg_backup restore --database app --table item --clean --dry-run
    expect 0 pg_backup restore --database app --replace --dry-run
    says "in place of app"
    dump_text app | cmp - "$T/before" || fail "app was changed"
    # What would be refused is.
    expect 3 pg_backup restore --database app --dry-run
    expect 3 pg_backup restore --database app --create --dry-run
    expect 2 pg_backup restore --database app --table nothing --target-database copy --create --dry-run
}

case_newest_until_a_time() {
    prepare
    next_second
    local between
    between=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    next_second
    sql app "delete from item where id > 10"
    backup_now
    expect 0 pg_backup restore --database app --target-database copy --create --at "$between"
    [ "$(rows_of copy)" = 1000 ] || fail "not the older one"
    drop_database copy
    expect 0 pg_backup restore --database app --target-database copy --create --at "$(date -u +%Y-%m-%d)"
    [ "$(rows_of copy)" = 10 ] || fail "not the newer one"
    drop_database copy
    # Without a zone it is local time: 5:45 ahead of UTC.
    expect 0 pg_backup restore --database app --target-database copy --create \
        --at "$(TZ=Asia/Kathmandu date -d "$between" '+%Y-%m-%d %H:%M:%S')"
    [ "$(rows_of copy)" = 1000 ] || fail "not local time"
    drop_database copy
    expect 1 pg_backup restore --database app --target-database copy --create --at 2020-01-01
    says "there is no backup of 'app' until 2020-01-01"
    local bad
    for bad in yesterday 2026-13-01 "2026-01-01 25:00" "2026-01-01 10" "2026-01-01T10:00+99" ""; do
        expect 2 pg_backup restore --database app --target-database copy --create --at "$bad"
    done
    expect 2 pg_backup restore --database app --target-database copy --create --at 2026-01-01 --id "$id"
    ! exists copy
}

case_any_file_of_pg_dump() {
    prepare
    local name
    PGDATABASE=app "$PG_BIN/pg_dump" -Fc >"$T/a.dump"
    PGDATABASE=app "$PG_BIN/pg_dump" >"$T/my app.sql"
    gzip -k "$T/my app.sql"
    zstd -q "$T/a.dump" -o "$T/a.zst"
    PGDATABASE=app "$PG_BIN/pg_dump" -Ft >"$T/a.tar"
    PGDATABASE=app "$PG_BIN/pg_dump" -Fd -f "$T/folder"
    ln -s a.dump "$T/link"
    settings+=(BACKUP_DIR=) # no store is needed
    for name in a.dump "my app.sql" "my app.sql.gz" a.zst link; do
        drop_database copy
        expect 0 pg_backup restore --input "$T/$name" --target-database copy --create
        expect_same_database app copy
    done
    drop_database copy
    expect 0 pg_backup restore --input "$T/a.zst" --target-database copy --create --table item
    expect_same_database app copy
    expect 0 pg_backup restore --input "$T/a.zst" --list-contents
    # It is guarded as every backup.
    drop_database copy
    head -c -30 "$T/my app.sql" >"$T/cut.sql"
    expect 1 pg_backup restore --input "$T/cut.sql" --target-database copy --create
    echo "$(printf 0%.0s {1..64})  a.dump" >"$T/a.dump.sha256"
    expect 1 pg_backup restore --input "$T/a.dump" --target-database copy --create
    says "SHA-256"
    for name in a.tar screen.txt; do
        echo "no dump" >"$T/screen.txt"
        expect 1 pg_backup restore --input "$T/$name" --target-database copy --create
    done
    expect 1 pg_backup restore --input "$T/nothing" --target-database copy --create
    expect 2 pg_backup restore --input "$T/folder" --target-database copy --create
    says "pg_restore -d"
    expect 2 pg_backup restore --input - --target-database copy --create
    expect 2 pg_backup restore --input "$T/a.dump" --create # into which one?
    says --target-database
    ! exists copy || fail "copy was made"
}

case_another_server() {
    prepare
    local source=("${settings[@]}") here=$PGPORT
    "$servers/postgres-up.sh" "$T/other"
    cleanups+=("$servers/postgres-down.sh $T/other")
    use_server "$T/other"
    settings+=("TARGET_HOST=$PGHOST" "TARGET_PORT=$PGPORT" "TARGET_USER=$PGUSER" "TARGET_PASSWORD=$PGPASSWORD")
    expect 0 pg_backup restore --database app --create
    says "on $PGHOST:$PGPORT as $PGUSER"
    [ "$(rows_of app)" = 1000 ] || fail "not on the other server"
    sql app "drop table item"
    settings=("${source[@]}" "TARGET_URL=postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/app")
    expect 0 pg_backup restore --database app
    [ "$(rows_of app)" = 1000 ] || fail "not on the other server"
    # A password of the one is never tried at the other.
    settings=("${source[@]}" "TARGET_HOST=$PGHOST" "TARGET_PORT=$PGPORT")
    expect 1 pg_backup restore --database app --target-database x --create
    settings=("${source[@]}" "TARGET_PORT=$PGPORT")
    expect 2 pg_backup restore --database app --target-database x --create
    says "TARGET_HOST"
    settings=("${source[@]}" "TARGET_HOST=$PGHOST" TARGET_URL=postgres://localhost/x)
    expect 2 pg_backup restore --database app --create
    settings=("${source[@]}" TARGET_URL=mysql://localhost/x)
    expect 2 pg_backup restore --database app --create
    use_server "$WORK/postgres"
    [ "$PGPORT" = "$here" ]
    # Another role on the same server.
    sql postgres "create role restorer login createdb password 'theirs'"
    cleanups+=("drop_roles restorer")
    settings=("${source[@]}" TARGET_USER=restorer TARGET_PASSWORD=theirs)
    expect 0 pg_backup restore --database app --target-database theirs --create --no-owner
    [ "$(sql theirs "select tableowner from pg_tables where tablename = 'item'")" = restorer ] || fail "another role"
}

case_in_place_of_a_database() {
    prepare
    sql app "delete from item where id > 7; create table later ()"
    PGDATABASE=app "$PG_BIN/psql" -Xqc "select pg_sleep(60)" >/dev/null 2>&1 &
    background+=($!)
    expect 2 pg_backup restore --database app --replace
    says --yes
    expect 0 pg_backup restore --database app --replace --yes
    [ "$(rows_of app)" = 1000 ] || fail "app is not the new one"
    local kept
    kept=$(sql postgres "select datname from pg_database where datname like 'app\_before\_%'")
    [ "$(rows_of "$kept")" = 7 ] || fail "the old one is not kept"
    says "DROP DATABASE \"$kept\""
    [ "$(sql postgres "select count(*) from pg_database where datname like 'app%'")" = 2 ] || fail "something was left"
    [ "$(sql postgres "select datconnlimit from pg_database where datname = 'app'")" = -1 ]
    # A failure leaves the old one, and nothing else; one kept earlier is named.
    damage "$folder/app/$id/app.dump.zst"
    expect 1 pg_backup restore --database app --id "$id" --replace --yes
    says "$kept"
    [ "$(rows_of app)" = 1000 ]
    [ "$(sql postgres "select count(*) from pg_database where datname like 'app%'")" = 2 ] || fail "something was left"
    # Where there is none, it is made.
    backup_now
    drop_database app
    expect 0 pg_backup restore --database app --replace --yes
    [ "$(rows_of app)" = 1000 ]
    expect 2 pg_backup restore --database app --target-database postgres --replace --yes
    expect 2 pg_backup restore --database app --replace --clean --yes
    expect 2 pg_backup restore --database app --replace --table item --yes
}

# What no dump of a file tells, the old database does: who owns it, who may connect, and how it sorts.
case_a_file_in_place_of_a_database_that_not_everybody_may_enter() {
    prepare
    sql postgres "create role landlord; create role lodger;
        alter database app owner to landlord; revoke connect on database app from public;
        grant connect on database app to lodger; alter database app set work_mem = '7MB';
        alter database app connection limit 17"
    cleanups+=("drop_roles landlord lodger")
    local before form
    before=$(properties_of app)
    settings+=(BACKUP_DIR=) # no store is needed
    for form in c p; do
        PGDATABASE=app "$PG_BIN/pg_dump" "-F$form" >"$T/file"
        expect 0 pg_backup restore --input "$T/file" --target-database app --replace --yes
        [ "$(properties_of app)" = "$before" ] || fail "$(properties_of app) instead of $before"
        next_second
    done
}
properties_of() { # DATABASE: privileges in any order
    sql postgres "select pg_get_userbyid(datdba), datconnlimit, datcollate, pg_encoding_to_char(encoding),
        array(select unnest(datacl)::text order by 1),
        (select setconfig from pg_db_role_setting where setdatabase = d.oid) from pg_database d where datname = '$1'"
}

# The statistics come last: who stops there gets what any other stop gives.
case_a_stop_while_statistics_are_made() {
    local way
    use_dir
    create_database app
    sql app "create table item (id int);
        create function slow(int) returns int language plpgsql immutable as
            \$\$ begin if current_query() = 'ANALYZE' then perform pg_sleep(600); end if; return 1; end \$\$;
        insert into item values (1); create index on item (slow(id))"
    use_database app
    backup_now
    for way in "--target-database copy --create" --replace; do
        # shellcheck disable=SC2086
        start_program pg-backup restore --database app $way --yes
        wait_until 30 is_analyzing
        kill -TERM "$pid"
        expect_end 1 20
        [ "$(sql postgres "select string_agg(datname, ' ') from pg_database where datname ~ '^(app|copy)'")" = app ] ||
            fail "$(sql postgres "select datname from pg_database")"
    done
}
is_analyzing() { [ "$(sql postgres "select count(*) from pg_stat_activity where query = 'ANALYZE'")" = 1 ]; }

damage() { # FILE: flips a bit near its end
    python3 - "$1" <<'PYTHON'
import os, sys
with open(sys.argv[1], "r+b") as file:
    file.seek(-9, os.SEEK_END)
    byte = file.read(1)[0]
    file.seek(-1, os.SEEK_CUR)
    file.write(bytes([byte ^ 0x10]))
PYTHON
}

# Killed at any moment: app is the old database or the new one, complete, and what is left is named.
case_replacement_that_is_killed() {
    use_dir
    create_large_database app 20
    use_database app
    backup_now
    sql app "create table old ()"
    local pause attempt=0 left
    for pause in 0.1 0.4 0.7 1 1.3 1.6 2 2.4 2.8 3.2; do
        attempt=$((attempt + 1))
        start_program pg-backup restore --database app --replace --yes
        sleep "$pause"
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" || true
        [ "$(sql app "select count(*) from chunk")" = 640 ] || fail "killed after $pause s: app is not complete"
        left=$(sql postgres "select datname from pg_database where datname like 'app\_restoring\_%' limit 1")
        if [ -n "$left" ]; then
            expect 0 pg_backup restore --database app --replace --dry-run
            says "an earlier restore left a database, or still runs"
            says "$left"
        fi
        sql postgres "select format('drop database %I with (force)', datname) from pg_database
            where datname like 'app\_%' and datname !~ '_before_' \gexec" || true
    done
    expect 0 pg_backup restore --database app --replace --yes
    [ "$(sql app "select count(*) from chunk")" = 640 ]
    [ "$(sql app "select count(*) from pg_class where relname = 'old'")" = 0 ] || fail "app is still the old one"
}

case_several_jobs() {
    use_dir
    create_database app
    sql app <everything.sql >/dev/null
    cleanups+=("drop_roles reader 'Writer Role'")
    use_database app
    backup_now
    id=$(field id)
    expect 0 pg_backup restore --database app --target-database copy --create --jobs 3
    grep -Eq "takes room on the disk room=\"a temporary file of .* in /tmp, where .* are free\"" "$T/err" || fail "the space is not said"
    expect_same_database app copy
    drop_database copy
    expect 0 pg_backup restore --database app --target-database copy --create --jobs 2 --table person
    [ "$(sql copy "select count(*) from pg_policy")" = 1 ] || fail "no policy"
    drop_database copy
    # Too little room, and damage, are found before anything is made.
    settings+=("TMPDIR=$T/nowhere")
    expect 1 pg_backup restore --database app --target-database copy --create --jobs 2
    settings+=("TMPDIR=$T")
    damage "$folder/app/$id/app.dump.zst"
    expect 1 pg_backup restore --database app --target-database copy --create --jobs 2
    ! exists copy || fail "copy was made"
    [ -z "$(find "$T" -maxdepth 1 -name 'pg-backup-restore*')" ] || fail "a file was left"
    expect 2 pg_backup restore --database app --target-database copy --jobs 2
    says "--create or --replace"
}

case_everything_of_a_run() {
    use_dir
    sql postgres "create role owner_of_all"
    cleanups+=("drop_roles owner_of_all")
    create_small_database one 10
    create_small_database "Two 2" 20
    sql one "alter table item owner to owner_of_all"
    use_database one
    settings+=(DB= DATABASES=all)
    backup_now
    id=$(field id | sort | tail -n 1)
    drop_database one
    sql postgres "drop role owner_of_all"
    expect 2 pg_backup restore --all
    says --yes
    # One of them is there: nothing is touched.
    expect 3 pg_backup restore --all --yes
    ! exists one || fail "one was made"
    drop_database "Two 2"
    expect 0 pg_backup restore --all --dry-run
    ! exists one || fail "one was made"
    expect 0 pg_backup restore --all --yes
    [ "$(rows_of one)" = 10 ]
    [ "$(rows_of "Two 2")" = 20 ]
    [ "$(sql one "select tableowner from pg_tables where tablename = 'item'")" = owner_of_all ] || fail "the role is not back"
    sql one "delete from item"
    expect 0 pg_backup restore --all --replace --yes --id "$id"
    [ "$(rows_of one)" = 10 ] || fail "one was not replaced"
    expect 1 pg_backup restore --all --yes --id 20010101T000000Z-00000000
    expect 2 pg_backup restore --all --yes --database one
    expect 2 pg_backup restore --all --yes --table item
}
