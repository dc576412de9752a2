# shellcheck shell=bash
# Backups that prove themselves: read, unpacked, restored and compared. What is bad is found, shown and passed over;
# what only could not be looked at is not called bad; and nothing is left behind.

# shellcheck source-path=SCRIPTDIR source=verify_lib.sh
. ./verify_lib.sh

prepare() {
    create_small_database app
    use_database app
    backup_now
    id=$(field id app)
}

is_failed() { [ "$(field failed app)" != null ]; }

change_byte() { # KEY: one bit of one byte in the middle
    store_get "$1" >"$T/bytes"
    python3 - "$T/bytes" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[1], "wb").write(data)
PY
    store_put "$1" <"$T/bytes"
}

change_manifest() { # JQ PROGRAM
    store_get "app/$id/manifest.json" | jq "$1" >"$T/manifest"
    store_put "app/$id/manifest.json" <"$T/manifest"
}

each_depth() {
    local depth
    prepare
    for depth in stored archive; do
        expect 0 pg_backup verify "--$depth"
        says verified
        expect_verified "$depth-passed"
        next_second
    done
    expect 0 pg_backup list
    says "verified 2"
    [ "$(field verified.depth app)" = archive ] || fail "$(pg_backup list --json)"
    expect 2 pg_backup verify --stored --archive
    expect 2 pg_backup verify app
    expect 1 pg_backup verify app/20200101T000000Z-00000000
    says "there is no complete backup"
    expect 0 pg_backup verify --stored "app/$id"
}
both_stores each_depth

# Who verifies under a wrong prefix must not hear that all is well.
case_nothing_to_verify() {
    use_dir
    create_small_database app
    use_database app
    expect 1 pg_backup verify
    says "there is no complete backup"
    backup_now
    mv "$folder/app/$(field id app)" "$folder/app/20991231T000000Z-00000000"
    expect 1 pg_backup verify --all
}

flipped_bit() {
    local depth
    prepare
    next_second
    for depth in stored archive; do
        backup_now
        id=$(field id app | sort | tail -n 1)
        change_byte "app/$id/app.dump.zst"
        expect 1 pg_backup verify "--$depth"
        says "$(case $depth in stored) echo "does not match the manifest" ;; *) echo "data is damaged" ;; esac)"
        expect_verified "$depth-failed"
        store_list >"$T/before"
        expect 0 pg_backup list
        says "failed: verification of"
        expect 0 pg_backup restore --database app --target-database copy --create
        says "it is not the latest"
        drop_database copy
        # It counts for no rule and no minimum, and verify has deleted nothing.
        expect 0 pg_prune now --retention-keep-last 1
        [ "$(manifests | wc -l)" = 2 ] || fail "$(manifests)"
        store_list | cmp - "$T/before" || fail "something was deleted"
        store_list | cut -d' ' -f2- | grep -F "app/$id/" >"$T/keys"
        while read -r key; do store_remove "$key"; done <"$T/keys"
    done
}
both_stores flipped_bit

missing_object() {
    prepare
    store_remove "app/$id/app.dump.zst"
    store_put "app/$id/app.dump.zst.9" <<<"something else"
    expect 1 pg_backup verify
    says "app.dump.zst is missing"
    expect_verified archive-failed
}
both_stores missing_object

case_plain_sql_and_globals_are_read_to_their_end() {
    use_dir
    create_small_database app
    use_database app
    settings+=(BACKUP_FORMAT=plain BACKUP_GLOBALS=true)
    backup_now
    expect 0 pg_backup verify --archive
    [ "$(verifications | grep -c archive-passed)" = 2 ] || fail "$(verifications)"
    # SQL that is cut, with a manifest that fits: pg_dump never ended it.
    id=$(field id app)
    zstd -dcq "$folder/app/$id/app.sql.zst" | head -n 20 >"$T/sql"
    zstd -qf "$T/sql" -o "$folder/app/$id/app.sql.zst"
    change_manifest ".streams[0].uncompressed_bytes = $(stat -c %s "$T/sql")
        | .streams[0].objects[0] |= (.bytes = $(stat -c %s "$folder/app/$id/app.sql.zst")
        | .sha256 = \"$(sha256sum <"$folder/app/$id/app.sql.zst" | cut -d' ' -f1)\")
        | .private.uncompressed_sha256.app = \"$(sha256sum <"$T/sql" | cut -d' ' -f1)\""
    expect 1 pg_backup verify --archive "app/$id"
    says "does not end as pg_dump ends it"
}

# ---- restored into a server of our own -----------------------------------------------------------------------------

restored_and_compared() {
    create_database app
    sql app <everything.sql >"$T/log" 2>&1
    cleanups+=("psql_ -c 'drop role reader' -c 'drop role \"Writer Role\"'")
    sql app "drop event trigger watch" # only a superuser can restore it
    use_database app
    settings+=(VERIFY_COUNTS=full)
    backup_now
    id=$(field id app)
    use_scratch
    expect 0 verify_restored
    says "compared: "
    expect_verified restore-passed
    expect_nothing_behind
}
both_stores restored_and_compared

case_a_table_short_of_rows() {
    use_dir
    prepare
    [ "$(store_get "app/$id/manifest.json" | jq .private.contents.rows.public.item)" = 1000 ] ||
        fail "$(store_get "app/$id/manifest.json")"
    change_manifest ".private.contents.rows.public.item = 1001"
    use_scratch
    expect 1 verify_restored
    says "public.item had 1001 rows in the dump, and has 1000"
    expect_verified restore-failed
    is_failed || fail "$(pg_backup list --json)"
    # What goes less deep does not outweigh it.
    next_second
    expect 0 pg_backup verify --stored
    is_failed || fail "$(pg_backup list --json)"
    expect_nothing_behind
}

case_a_database_that_cannot_be_restored() {
    use_dir
    create_small_database app
    sql app "set check_function_bodies = off;
        create function known(int) returns boolean language sql as
            'select exists (select from public.zoo where id = \$1)';
        create table animal (id int check (known(id)));
        create table zoo (id int);
        insert into zoo values (1);
        insert into animal values (1)"
    use_database app
    backup_now
    use_scratch
    expect 1 verify_restored
    says "violates check constraint"
    expect_verified restore-failed
    expect_nothing_behind
}

# A database that only a superuser can restore.
back_up_event_trigger() {
    create_small_database app
    sql app "create function note() returns event_trigger language plpgsql as 'begin end';
        create event trigger note on ddl_command_end execute function note()"
    use_database app
    backup_now
}

case_what_the_server_lacks_says_nothing_of_the_backup() {
    use_dir
    back_up_event_trigger
    use_scratch
    expect 1 verify_restored
    says "this says nothing of the backup"
    expect_not_verified
    expect_nothing_behind
    settings+=("PG_BINDIR=$T")
    [ "$(id -u)" != 0 ] || { expect 2 pg_backup verify --restore; says "does not run as root"; }
}

# Functions of the owner run in the restore. One that never ends must not keep the others from being verified.
case_a_database_whose_restore_never_ends() {
    use_dir
    create_small_database zoo
    create_small_database app
    sql app "create function fast() returns int language sql immutable as 'select 1';
        create table trap (id int);
        insert into trap values (1);
        create index on trap ((fast()));
        create or replace function fast() returns int language sql immutable as
            'select 1 from pg_catalog.pg_sleep(3600)'"
    use_database app
    settings+=(DB= "DATABASES=app,zoo" VERIFY_TIMEOUT=20s)
    backup_now
    use_scratch
    expect 1 verify_restored
    says "VERIFY_TIMEOUT"
    expect_verified restore-passed
    grep -qF zoo/ <<<"$(verifications)" || fail "$(verifications)"
    [ "$(verifications | wc -l)" = 1 ] || fail "it is called bad: $(verifications)"
    expect_nothing_behind
}

# What runs in the server of our own cannot run programs, whatever the owner of the database wrote.
case_a_hostile_database_stays_in_its_server() {
    use_dir
    create_small_database app
    sql app "create function break_out() returns int language plpgsql as
            \$\$ begin execute 'copy (select 1) to program ''touch $T/broken-out'''; return 1; end \$\$;
        create function mild() returns int language sql immutable as 'select 1';
        create table trap (id int);
        create index on trap ((mild()));
        insert into trap values (1);
        create or replace function mild() returns int language sql immutable as 'select public.break_out()'"
    use_database app
    backup_now
    use_scratch
    chmod 777 "$T" && rm -f "$T/broken-out"
    expect 1 verify_restored
    says "to COPY to or from an external program"
    [ ! -e "$T/broken-out" ] || fail "it ran a program"
    expect_not_verified
    expect_nothing_behind
}

large_backup() {
    use_dir
    create_large_database app "$1"
    # Each row takes a while, so that the restore is not over before anybody looks.
    sql app "alter table chunk add constraint slow check (pg_sleep(0.002)::text is not null)"
    use_database app
    backup_now
    use_scratch
}
scratch_runs() { postmaster=$(cat "$scratch"/pg-backup-verify-*/data/postmaster.pid 2>/dev/null | head -n 1) &&
    [ -n "$postmaster" ] && restore_runs; }
restore_runs() { pgrep -f "pg_restore.*$scratch" >"$T/pids"; }
start_verify() {
    become "${as_user[@]}" "$BIN/pg-backup" verify --restore >"$T/daemon.log" 2>&1 </dev/null &
    pid=$!
    background+=("$pid")
    wait_until 60 scratch_runs
}

case_a_scratch_server_that_dies() {
    large_backup 100
    start_verify
    kill -KILL "$postmaster"
    expect_end 1 60
    grep -qF "this says nothing of the backup" "$T/daemon.log" || fail "$(cat "$T/daemon.log")"
    expect_not_verified
    expect_nothing_behind
}

case_after_kill_9_the_next_run_cleans_up() {
    large_backup 100
    start_verify
    kill -KILL "$pid"
    wait_until 20 no_scratch_server
    ! scratch_is_empty || fail "there was nothing to clean up"
    expect 0 verify_restored
    says "removing what a verification left behind"
    expect_verified restore-passed
    expect_nothing_behind
}

case_a_stop_request_leaves_nothing() {
    large_backup 100
    start_verify
    kill -TERM "$pid"
    expect_end 1 20
    expect_not_verified
    expect_nothing_behind
}

# A disk that is too small, and one that fills up although there seemed to be room: the indexes are not in the dump.
case_a_full_disk() {
    [ "$(id -u)" = 0 ] || skip "only root can mount a small disk"
    use_dir
    create_database app
    sql app "create table wide (a bigint, b bigint, c bigint, d bigint);
        insert into wide select i, i, i, i from generate_series(1, 200000) i;
        do 'begin for i in 1..48 loop execute \$\$create index on wide (a, b, c, d)\$\$; end loop; end'"
    use_database app
    backup_now
    scratch=$(mktemp -d /tmp/verify.XXXXXX)
    mount -t tmpfs -o size=290m tmpfs "$scratch" || skip "cannot mount"
    cleanups+=("umount -l $scratch && rmdir $scratch")
    use_scratch
    expect 1 verify_restored
    says "this says nothing of the backup: the server needs room on its disk"
    expect_not_verified
    expect_nothing_behind
    mount -o remount,size=100m "$scratch"
    expect 1 verify_restored
    says "of room, and a server with the database restored may take"
    expect_nothing_behind
}

# ---- restored into the server that VERIFY_URL names ----------------------------------------------------------------

case_a_server_that_verify_url_names() {
    local url
    use_dir
    create_database app
    sql app <everything.sql >"$T/log" 2>&1
    cleanups+=("psql_ -c 'drop role reader' -c 'drop role \"Writer Role\"'")
    sql app "create function note() returns event_trigger language plpgsql as 'begin end';
        create event trigger note on ddl_command_end execute function note()"
    use_database app
    backup_now
    settings+=("VERIFY_URL=postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT")
    expect 2 pg_backup verify --restore
    says "names the server that the backup is of"
    "$servers/postgres-up.sh" "$T/other" >"$T/log" 2>&1
    cleanups+=("'$servers/postgres-down.sh' '$T/other'")
    # shellcheck source=/dev/null
    url=$(. "$T/other/env" && echo "postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT")
    settings+=("VERIFY_URL=$url")
    "$PG_BIN/psql" -Xqd "$url/postgres" -c "create database pg_backup_verify_left"
    expect 0 pg_backup verify --restore
    says "dropping what a verification left behind"
    says "compared: "
    expect_verified restore-passed
    [ "$("$PG_BIN/psql" -XAtqd "$url/postgres" -c "select count(*) from pg_database")" = 3 ] ||
        fail "$("$PG_BIN/psql" -XAtqd "$url/postgres" -c "select datname from pg_database")"
    # shellcheck source=/dev/null
    says_not "$(. "$T/other/env" && echo "$PGPASSWORD")"
}

# What a server lacks is told by its messages: in another language each lack would look like a bad backup.
case_a_server_that_speaks_german() {
    local url
    [ -e /usr/share/i18n/locales/de_DE ] || skip "needs the package locales"
    [ -e /usr/share/locale/de/LC_MESSAGES/postgres-15.mo ] ||
        skip "needs PostgreSQL 15 with its translations"
    use_dir
    back_up_event_trigger
    mkdir "$T/locales" && localedef -i de_DE -f UTF-8 "$T/locales/de_DE.UTF-8"
    chmod -R a+rX "$T"
    LOCPATH=$T/locales PG_MAJOR=15 "$servers/postgres-up.sh" "$T/other" lc_messages=de_DE.UTF-8 >"$T/log" 2>&1
    cleanups+=("'$servers/postgres-down.sh' '$T/other'")
    # shellcheck source=/dev/null
    url=$(. "$T/other/env" && echo "postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT")
    "$PG_BIN/psql" -Xqd "$url/postgres" -c "create role verifier login createdb password 'v'"
    # Who is no superuser cannot change the language, so nothing is begun.
    settings+=("VERIFY_URL=postgres://verifier:v@${url#*@}")
    expect 2 pg_backup verify --restore
    says lc_messages
    expect_not_verified
    settings+=("VERIFY_URL=$url")
    expect 0 pg_backup verify --restore
    expect_verified restore-passed
}

# ---- by schedule, and what follows ---------------------------------------------------------------------------------

verified_times() { [ "$(verifications | wc -l)" -ge "$1" ]; }

case_serve_verifies_by_its_schedule() {
    use_dir
    prepare
    start_receiver
    settings+=(VERIFY_SCHEDULE="@every 1s" VERIFY_DEPTH=archive
        "NOTIFY_URL=$receiver/notify" "HEALTH_SOCKET=$T")
    start_program pg-backup serve
    wait_until 30 verified_times 2
    change_byte "app/$id/app.dump.zst"
    wait_until 30 grep -qF "the backup is verified once more" "$T/daemon.log"
    wait_until 30 is_failed
    wait_until 30 notified
    kill -TERM "$pid"
    expect_end 0 20
}
notified() { grep -qE 'verification of app/' <<<"$(requests | jq -r .body)"; }

case_pg_prune_keeps_a_verified_one() {
    local first
    use_dir
    prepare
    first=$id
    next_second
    backup_now
    next_second
    backup_now
    settings+=(PRUNE_REQUIRE_VERIFIED=true RETENTION_KEEP_LAST=1)
    expect 3 pg_prune now
    says "none of the 3 backups that would do is verified"
    [ "$(manifests | wc -l)" = 3 ] || fail "$(manifests)"
    expect 0 pg_backup verify --stored "app/$first"
    expect 0 pg_prune now
    says "the newest verified one"
    [ "$(manifests | wc -l)" = 2 ] || fail "$(manifests)"
    grep -qF "$first" <<<"$(manifests)" || fail "$(manifests)"
    # What lies beside a manifest goes with it.
    next_second
    expect 0 pg_backup verify --stored
    expect 0 pg_prune now
    [ "$(manifests | wc -l)" = 1 ] || fail "$(manifests)"
    ! grep -qF "$first" <<<"$(store_list)" || fail "$(store_list)"
}

# A role that may have one session only: the dump goes without a snapshot that it shares.
case_a_backup_without_a_shared_snapshot() {
    use_dir
    create_small_database app
    sql postgres "create role e2e_single login superuser password 'secret'"
    sql postgres "alter role e2e_single nosuperuser connection limit 1; grant pg_read_all_data to e2e_single"
    cleanups+=("drop_roles e2e_single")
    use_database app
    settings+=(DB_USER=e2e_single DB_PASSWORD=secret)
    backup_now
    says "without the snapshot"
    id=$(field id app)
    [ "$(store_get "app/$id/manifest.json" | jq .private.contents)" = null ] || fail "it noted something"
    settings+=(VERIFY_COUNTS=none)
    backup_now
    says_not "without the snapshot"
}
