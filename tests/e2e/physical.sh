# shellcheck shell=bash
# Base backups, the streaming of WAL, and what is restored from them: every case has servers of its own, in $T.

# shellcheck source-path=SCRIPTDIR source=physical_lib.sh
. ./physical_lib.sh

# ---- base backups --------------------------------------------------------------------------------------

# Change, back up, delete the data directory, restore, start: the same state.
the_server_is_gone() {
    start_cluster server
    create_small_database app
    dump_of() { "$PG_BIN/pg_dumpall" -h "$1" -p "$2" -U postgres | grep -avE '^\\(un)?restrict '; }
    expect 0 pg_backup now
    says "backed up database=_cluster"
    expect_complete
    expect 0 pg_backup list
    says _cluster
    dump_of "$PGHOST" "$PGPORT" >"$T/before.sql"
    "$servers/postgres-down.sh" "$T/server"
    cleanups=()
    expect 0 pg_backup restore --cluster --target-dir "$T/new"
    start_restored new
    dump_of "$T/new.sock" 1 >"$T/after.sql"
    cmp "$T/before.sql" "$T/after.sql"
    [ -z "$(find "$T/new" -name '*unfinished*')" ] || fail "the restore left a marker"
}
both_stores the_server_is_gone

case_a_role_that_only_replicates() {
    use_dir
    start_cluster server
    sql postgres "create role replicator login replication password 'secret'; create role plain login password 'secret'"
    settings+=(DB_USER=replicator DB_PASSWORD=secret)
    expect 0 pg_backup now
    settings+=(DB_USER=plain)
    expect 1 pg_backup now
    says "REPLICATION"
    settings+=(DB_USER=nobody)
    expect 1 pg_backup now
    [ "$(field id | wc -l)" = 1 ] || fail "a failed base backup is listed"
}

case_two_tablespaces() {
    use_dir
    start_cluster server
    install -d -m 700 "$T/space one" "$T/space2"
    [ "$(id -u)" != 0 ] || chown postgres "$T/space one" "$T/space2"
    chmod 755 "$T"
    sql postgres "create tablespace one location '$T/space one'"
    sql postgres "create tablespace two location '$T/space2'"
    sql postgres "create table in_one tablespace one as select generate_series(1, 5000) i"
    sql postgres "create table in_two tablespace two as select generate_series(1, 7000) i"
    expect 0 pg_backup now
    [ "$(store_objects | grep -c '\.tar\.zst$')" = 3 ] || fail "$(store_objects)"
    # Where they were, the server still has them.
    expect 3 pg_backup restore --cluster --target-dir "$T/new"
    expect 2 pg_backup restore --cluster --target-dir "$T/new" --tablespace "/elsewhere=$T/x"
    expect 0 pg_backup restore --cluster --target-dir "$T/new" \
        --tablespace "$T/space one=$T/new one,$T/space2=$T/new2"
    [ "$(id -u)" != 0 ] || chown -R postgres "$T/new one" "$T/new2"
    start_restored new
    [ "$(query_restored new "select (select count(*) from in_one), (select count(*) from in_two)")" = "5000|7000" ] ||
        fail "a tablespace is not restored"
    [ "$(query_restored new "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'one'")" = "$T/new one" ] ||
        fail "the tablespace is not where it should be"
}

# The base backup of a standby begins with its last restartpoint, which is behind its newest WAL.
case_a_standby_as_source() {
    use_dir
    start_cluster server
    create_rows
    chmod 755 "$T"
    install -d -m 700 "$T/standby"
    [ "$(id -u)" != 0 ] || chown postgres "$T/standby"
    as_server "$PG_BIN/pg_basebackup" -d "host=$PGHOST port=$PGPORT user=$PGUSER password=$PGPASSWORD" -D "$T/standby" \
        -R -X stream --checkpoint=fast
    start_restored standby
    local i
    for i in 1 2 3; do
        add_rows 10
        sql postgres "select pg_switch_wal()" >/dev/null
    done
    wait_until 20 has_replayed 30
    settings+=("DB_HOST=$T/standby.sock" DB_PORT=1)
    expect 0 pg_backup now
    [ "$(store_get "_cluster/$(field id)/manifest.json" | jq .cluster.from_standby)" = true ] || fail "no word of a standby"
    stop_restored standby
    # What is restored is a server of its own, which follows nobody.
    expect 0 pg_backup restore --cluster --target-dir "$T/new"
    start_restored new
    expect_count new 30
    wait_until 20 is_promoted new # otherwise it follows the old primary
}
is_promoted() { [ "$(query_restored "$1" "select pg_is_in_recovery()")" = f ]; } # NAME
has_replayed() { [ "$(query_restored standby "select count(*) from row" 2>/dev/null)" = "$1" ]; }

case_restores_that_are_refused() {
    use_dir
    start_cluster server
    expect 1 pg_backup restore --cluster --target-dir "$T/new"
    says "base backup"
    expect 0 pg_backup now
    mkdir "$T/full" && touch "$T/full/file"
    expect 3 pg_backup restore --cluster --target-dir "$T/full"
    says "not empty"
    expect 3 pg_backup restore --cluster --target-dir "$PGDATA"
    [ "$(sql postgres "select 1")" = 1 ] || fail "the running server was touched"
    expect 2 pg_backup restore --cluster --target-dir "$T/new" --target-time yesterday
    expect 2 pg_backup restore --cluster --target-dir "$T/new" --target-lsn 0/1 --target-xid 7
    expect 1 pg_backup restore --cluster --target-dir "$T/new" --target-time "2020-01-01 00:00:00+00"
    expect 1 pg_backup restore --cluster --target-dir "$T/new" --target-time "2099-01-01 00:00:00+00"
    expect 1 pg_backup restore --cluster --target-dir "$T/new" --target-lsn FF/0
    [ ! -e "$T/new" ] || [ -z "$(ls "$T/new")" ] || fail "something was written"
}

case_a_killed_restore_is_visibly_unfinished() {
    use_dir
    start_cluster server
    create_large_database big 60
    expect 0 pg_backup now
    (become "$BIN/pg-backup" restore --cluster --target-dir "$T/new" >/dev/null 2>&1) &
    background+=("$!")
    wait_until 20 compgen -G "$T/new/base/*" >/dev/null
    kill -KILL "$!" 2>/dev/null || true
    wait "$!" 2>/dev/null || true
    [ ! -e "$T/new/global/pg_control" ] || skip "it was faster than the kill"
    expect 3 pg_backup restore --cluster --target-dir "$T/new"
    says "unfinished"
    [ "$(id -u)" != 0 ] || chown -R postgres "$T/new"
    ! as_server "$PG_BIN/pg_ctl" -D "$T/new" -w -t 5 start >/dev/null 2>&1 || fail "a server starts in it"
}

case_damage_is_found_before_a_server_starts() {
    use_dir
    start_cluster server
    expect 0 pg_backup now
    local id file
    id=$(field id)
    for file in "_cluster/$id/base.tar.zst" "_cluster/$id/backup_manifest.zst"; do
        cp "$folder/$file" "$T/kept"
        flip_byte "$folder/$file"
        expect 1 pg_backup restore --cluster --target-dir "$T/new"
        [ ! -e "$T/new/global/pg_control" ] || fail "a server would start from a damaged $file"
        cp "$T/kept" "$folder/$file"
        rm -rf "$T/new"
    done
    # Segments: damaged, swapped, missing.
    local segment
    segment=$(find "$folder/_cluster/wal" -name '*.zst' | sort | tail -n 1)
    cp "$segment" "$T/kept"
    flip_byte "$segment"
    expect 1 pg_backup restore --cluster --target-dir "$T/new"
    rm -rf "$T/new"
    zstd -qdc "$T/kept" | dd bs=8192 conv=swab status=none | zstd -qf -o "$segment"
    expect 1 pg_backup restore --cluster --target-dir "$T/new"
    rm -rf "$T/new"
    find "$folder/_cluster/wal" -name '*.zst' -delete
    expect 1 pg_backup restore --cluster --target-dir "$T/new"
    says "WAL"
    [ ! -e "$T/new/global/pg_control" ] || fail "a server would start without WAL"
}

# ---- WAL and points in time ----------------------------------------------------------------------------

# Rows are committed all the while; exactly those before the target are there.
points_in_time() {
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    add_rows 20
    sleep 1.1 # the target is in another second than the base backup's end
    local time lsn xid target
    time=$(sql postgres "select clock_timestamp()")
    add_rows 20
    lsn=$(position)
    add_rows 20
    xid=$(sql postgres "insert into row default values returning (select pg_current_xact_id())")
    add_rows 19
    sql postgres "select pg_create_restore_point('here')" >/dev/null
    add_rows 20
    wait_until_stored
    local number=0 rows=(20 40 61 80 100)
    for target in "--target-time=$time" "--target-lsn=$lsn" "--target-xid=$xid" --target-name=here ""; do
        expect 0 pg_backup restore --cluster --target-dir "$T/new$number" ${target:+"$target"}
        start_restored "new$number"
        expect_rows "new$number" "${rows[$number]}"
        stop_restored "new$number"
        number=$((number + 1))
    done
    stop_daemon
}
both_stores points_in_time

case_another_timeline() {
    use_dir
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    add_rows 10
    wait_until_stored
    stop_daemon
    # The server that was restored goes on, on a timeline of its own; the old one never comes back.
    expect 0 pg_backup restore --cluster --target-dir "$T/second"
    start_restored second
    expect_rows second 10
    wait_until 30 is_promoted second
    sed -i "s#^PGHOST=.*#PGHOST=$T/second.sock#; s#^PGPORT=.*#PGPORT=1#" "$T/server/env"
    use_cluster server
    start_program pg-backup serve
    wait_until 30 log_says "WAL streaming starts"
    add_rows 10
    wait_until_stored
    stop_daemon
    grep -q '^00000002/00000002.history$' <<<"$(wal_list)" || fail "$(wal_list)"
    # From the base backup of the first timeline into the second.
    expect 0 pg_backup restore --cluster --target-dir "$T/third"
    start_restored third
    expect_count third 20
    # The first timeline alone.
    expect 0 pg_backup restore --cluster --target-dir "$T/fourth" --target-timeline 1
    start_restored fourth
    expect_rows fourth 10
}

# The newest base backup is from behind the moment that was restored: the one before it is the way back.
case_a_way_back_to_a_restored_server() {
    use_dir
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    add_rows 5
    local target first
    target=$(position)
    first=$(field id)
    add_rows 5
    wait_until_stored
    next_second
    kill -USR1 "$pid"
    wait_until 30 more_backups_than 1
    stop_daemon
    expect 0 pg_backup restore --cluster --target-dir "$T/second" --target-lsn "$target"
    start_restored second
    expect_rows second 5
    wait_until 30 is_promoted second
    sed -i "s#^PGHOST=.*#PGHOST=$T/second.sock#; s#^PGPORT=.*#PGPORT=1#" "$T/server/env"
    use_cluster server
    start_program pg-backup serve
    wait_until 30 log_says "WAL streaming starts"
    add_rows 10
    wait_until_stored
    stop_daemon
    expect 0 with BACKUPS_TO_RETAIN=1 -- pg_prune now
    says "the last base backup that leads to a timeline"
    expect 0 pg_backup check-backup
    expect 0 pg_backup restore --cluster --target-dir "$T/third"
    start_restored third
    expect_count third 15
    # Without it the server needs a base backup at once.
    rm -r "$folder/_cluster/$first"
    expect 1 pg_backup check-backup
    says "no base backup leads to timeline 2"
    start_program pg-backup serve
    wait_until 30 log_says "no base backup leads to timeline 2"
    wait_until 30 more_backups_than 1
    wait_until 20 pg_backup health
    expect 0 pg_backup check-backup
    stop_daemon
}

case_synchronous_commits_survive() {
    use_dir
    synchronous_commits_survive
}

# A server waits at its end until all that it sent is flushed, and asks for it.
case_a_server_stops_at_once() {
    use_dir
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1h)
    serve_physical
    add_rows 5
    as_server "$PG_BIN/pg_ctl" -D "$PGDATA" -m fast -w -t 15 stop >/dev/null || fail "the server does not stop"
    expect 0 pg_backup restore --cluster --target-dir "$T/new"
    start_restored new
    expect_rows new 5
}

# A run without the daemon stores later WAL than the daemon has: what lies between only the slot keeps.
case_now_leaves_no_hole() {
    use_dir
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    add_rows 5
    wait_until_stored
    stop_daemon
    local first
    first=$(field id)
    for _ in 1 2; do
        add_rows 5
        sql postgres "select pg_switch_wal()" >/dev/null
    done
    sql postgres checkpoint # the run's own slot keeps what follows
    next_second
    expect 0 pg_backup now
    start_program pg-backup serve
    add_rows 5
    wait_until_stored
    stop_daemon
    expect 0 pg_backup restore --cluster --target-dir "$T/new" --id "$first"
    start_restored new
    expect_rows new 20
}

# The server is killed, too; its WAL goes on where it was.
case_a_killed_server_goes_on() {
    use_dir
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    add_rows 10
    kill -KILL "$(head -n 1 "$PGDATA/postmaster.pid")"
    wait_until 20 starts_again # its backends end a moment later
    cleanups=("as_server $PG_BIN/pg_ctl -D $PGDATA -m immediate stop >/dev/null" "${cleanups[@]}")
    add_rows 10
    wait_until_stored
    stop_daemon
    expect 0 pg_backup restore --cluster --target-dir "$T/new"
    start_restored new
    expect_count new 20
}

# A slot that was lost: the gap is reported, a new base backup is made, and all is well again.
case_a_gap_is_reported_and_bridged() {
    use_dir
    start_cluster server max_slot_wal_keep_size=48MB min_wal_size=32MB max_wal_size=32MB checkpoint_timeout=30s
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    add_rows 5
    stop_daemon
    local i
    for i in 1 2 3 4 5; do
        sql postgres "create table filler$i as select repeat('x', 1000) from generate_series(1, 20000)"
        sql postgres "select pg_switch_wal()" >/dev/null
        sql postgres checkpoint
    done
    add_rows 5
    start_program pg-backup serve
    wait_until 30 log_says "is not in the store"
    wait_until 30 log_says "backed up database=_cluster"
    add_rows 5
    wait_until_stored
    wait_until 20 pg_backup health
    stop_daemon
    expect 0 pg_backup restore --cluster --target-dir "$T/new"
    start_restored new
    expect_rows new 15
}

case_gap_of_an_earlier_daemon() {
    use_dir
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    add_rows 5
    sql postgres "select pg_switch_wal()" >/dev/null
    add_rows 5
    wait_until_stored
    stop_daemon
    local backups segments
    backups=$(field id | wc -l)
    mapfile -t segments < <(find "$folder/_cluster/wal" -name '????????????????????????.zst' | sort)
    rm "${segments[-1]}"
    start_program pg-backup serve
    wait_until 30 log_says "is not in the store"
    wait_until 30 more_backups_than "$backups"
    wait_until 20 pg_backup health
    expect 0 pg_backup list
    says "can be restored: the log lacks"
}

# ---- archive_command and restore_command ----------------------------------------------------------------

case_archived_wal() {
    use_dir
    # The server runs the programs as its own user, with the settings in its environment.
    local program=$T/wal
    printf '#!/bin/sh\nexec env BACKUP_DIR=%q BACKUP_DIR_ON_ROOT=allow %q "$@"\n' "$folder" "$BIN/pg-backup" >"$program"
    chmod 755 "$program" "$T"
    start_archiving "$program"
    # The same again is fine, another content under the name is refused.
    local segment
    segment=$(archived_segment)
    expect 0 as_server env -i "PATH=$PATH" "${settings[@]}" "$BIN/pg-backup" wal-push "$PGDATA/pg_wal/$segment"
    expect 0 pg_backup restore --cluster --target-dir "$T/new" --wal fetch
    sed -i "s#pg-backup wal-fetch#$program wal-fetch#" "$T/new/postgresql.auto.conf"
    start_restored new
    expect_rows new 30
    # What is not there, and what cannot be asked.
    expect 1 pg_backup wal-fetch "${segment/00000001/00000009}" "$T/new/pg_wal/x"
    local failures="BACKUP_DIR=$T/none BACKUP_COMPRESSION=wrong DB_PASSWORD_FILE=$T/none" failure
    for failure in --system-id=1 $failures; do expect_failed_fetch "$failure"; done
}
expect_failed_fetch() { # SETTING: what is not "not there" does not end a recovery
    local status=0
    case $1 in
        --*) pg_backup wal-fetch "$1" 000000010000000000000001 "$T/x" 2>"$T/err" || status=$? ;;
        *) with "$1" -- pg_backup wal-fetch --system-id 1 000000010000000000000001 "$T/x" 2>"$T/err" || status=$? ;;
    esac
    [ "$status" -gt 125 ] || fail "$1: exit $status would end a recovery"
}

# ---- the older system, and how old everything is ----------------------------------------------------------

case_check_backup() {
    use_dir
    start_cluster server
    expect 1 pg_backup check-backup
    says "there is no base backup"
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    wait_until_stored
    expect 0 pg_backup check-backup
    says "well: the newest base backup"
    # An idle server has written nothing: old WAL is all there is.
    settings+=(CHECKPOINT_TIMEOUT_SECONDS=1)
    use_later
    expect 0 later pg_backup check_backup
    says "has written nothing since"
    stop_daemon
    add_rows_without_a_stream
    expect 1 later pg_backup check-backup
    says "has written"
    expect 1 with BASE_BACKUP_INTERVAL_MINUTES=1 -- later pg_backup check-backup
    says "unwell: the newest base backup"
}
add_rows_without_a_stream() { sql postgres "create table more as select generate_series(1, 1000) i"; }

case_the_environment_of_wal_e() {
    use_s3
    start_cluster server
    create_small_database app
    settings=("PGHOST=$PGHOST" "PGPORT=$PGPORT" "PGUSER=$PGUSER" "PGPASSWORD=$PGPASSWORD"
        "AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY" "AWS_SECRET_ACCESS_KEY=$S3_SECRET_KEY"
        "WALE_S3_PREFIX=s3://$S3_BUCKET/$prefix" "WALE_S3_ENDPOINT=${S3_ENDPOINT/:/+path:}"
        "BACKUP_SCHEDULE=0 0 3 * * *" BACKUPS_TO_RETAIN=1)
    expect 0 pg_backup now
    says "the backups are physical"
    next_second
    expect 0 pg_backup now
    expect 0 pg_backup check_backup
    expect 0 older pg-backup/usr/local/bin/check_backup
    expect 0 pg_prune now
    [ "$(field id | wc -l)" = 1 ] || fail "BACKUPS_TO_RETAIN is not kept"
    expect 0 older pg-backup/usr/local/bin/restore LATEST --target-dir "$T/pgdata"
    start_restored pgdata
    [ "$(query_restored pgdata "select count(*) from item" app)" = 1000 ] || fail "not the same rows"
}
