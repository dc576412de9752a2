# shellcheck shell=bash
# Physical backups where something is wrong with the server's history, with stored WAL, or with one of two destinations.

# shellcheck source-path=SCRIPTDIR source=physical_lib.sh
. ./physical_lib.sh

# What a snapshot of the machine does: the same system identifier, an earlier position, another history.
set_back() { # COPY
    stop_server
    rm -r "$PGDATA"
    cp -a "$1" "$PGDATA"
    start_server
}
case_a_server_that_was_set_back() {
    use_dir
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    stop_server
    cp -a "$PGDATA" "$T/early"
    start_server
    cleanups=("as_server $PG_BIN/pg_ctl -D $PGDATA -m immediate stop >/dev/null" "${cleanups[@]}")
    serve_physical
    wait_until 30 log_says "backed up database=_cluster"
    stop_daemon
    stop_server
    cp -a "$PGDATA" "$T/late"
    start_server
    start_program pg-backup serve
    add_rows 5
    wait_until_stored
    stop_daemon
    local first copy
    first=$(field id)

    # Within the segment that is stored in part: what comes differs. Further back: there is less than is stored.
    for copy in late early; do
        set_back "$T/$copy"
        sql postgres "create table other as select generate_series(1, 20) i"
        start_program pg-backup serve
        if [ "$copy" = late ]; then
            wait_until 30 log_says "a file with other content is stored under this name already"
            expect 1 pg_backup health
            says "other content"
        else
            wait_until 30 log_says "the server's WAL ends at"
            expect 1 pg_backup health
            says "the server's WAL ends at"
        fi
        log_says "set back to an earlier state" || fail "nobody is told what it can be"
        if [ "$copy" = early ]; then
            kill -USR1 "$pid"
            wait_until 120 log_says "the stored WAL is of another history than the base backup"
        fi
        kill -TERM "$pid"
        expect_end 0 40
        expect 3 pg_backup now
        [ "$(field id)" = "$first" ] || fail "a base backup of another history is listed"
    done

    # In a place of its own all is well; the former history stays where it is.
    local former=$folder
    folder=$T/own
    mkdir "$folder"
    settings+=("BACKUP_DIR=$folder")
    serve_physical
    wait_until 30 log_says "backed up database=_cluster"
    wait_until_stored
    wait_until 20 pg_backup health
    stop_daemon
    expect 0 pg_backup restore --cluster --target-dir "$T/new"
    start_restored new
    [ "$(query_restored new "select count(*) from other")" = 20 ] || fail "not the server that was set back"
    settings+=("BACKUP_DIR=$former")
    expect 0 pg_backup restore --cluster --target-dir "$T/former"
    start_restored former
    expect_rows former 5
}

# A damaged segment is stored again where the server still has it, and a base backup takes the place of one without it.
case_a_damaged_segment() {
    use_dir
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    wait_until 30 log_says "backed up database=_cluster"
    add_rows 5
    wait_until_stored
    stop_daemon
    local segment id
    segment=$(find "$folder/_cluster/wal" -name '????????????????????????.zst' | sort | tail -n 1)
    flip_byte "$segment"
    expect 1 pg_backup check-backup
    says "cannot be restored"
    # As archive_command does it.
    expect 0 pg_backup wal-push "$PGDATA/pg_wal/$(basename "$segment" .zst)"
    says "is damaged, and is stored again beside it"
    expect 0 pg_backup check-backup
    expect 0 pg_backup restore --cluster --target-dir "$T/new"
    start_restored new
    expect_rows new 5
    # Where nobody brings it, the daemon takes a base backup at once.
    truncate -s -100 "${segment%.zst}.gz"
    id=$(field id)
    next_second
    start_program pg-backup serve
    wait_until 30 log_says "the base backup $id cannot be restored"
    wait_until 60 more_backups_than 1
    wait_until 20 pg_backup health
    expect 0 pg_backup check-backup
    stop_daemon
}

# Two destinations, each with a slot: what one of them cannot do does not stop the other.
case_two_destinations() {
    use_dir
    use_s3
    settings+=(S3_RETRY_TIME=2s WAL_FLUSH_INTERVAL=1s)
    start_cluster server
    create_rows
    local bucket=$S3_BUCKET segment
    settings+=(S3_BUCKET=no-such-bucket)
    start_program pg-backup serve
    wait_until 60 on dir has_manifests
    add_rows 5
    wait_until 30 is_all_stored "$(position)" pg_backup_dir
    says_health no-such-bucket
    expect 1 pg_backup check-backup
    says "dir: well: the newest base backup"
    expect 0 pg_backup restore --cluster --target-dir "$T/one"
    start_restored one
    expect_rows one 5
    kill -TERM "$pid"
    expect_end 0 40

    # The other one is there again: it gets a base backup of its own, and all WAL from there on.
    settings+=("S3_BUCKET=$bucket")
    serve_physical
    wait_until 60 on s3 has_manifests
    add_rows 5
    wait_until 30 is_all_stored "$(position)" pg_backup_dir
    wait_until 30 is_all_stored "$(position)" pg_backup_s3
    wait_until 20 pg_backup health
    expect 0 pg_backup check-backup

    # A base backup that has gone from one of them is made there again.
    on s3 manifests >"$T/manifests"
    while read -r segment; do on s3 store_remove "$segment"; done <"$T/manifests"
    stop_daemon
    serve_physical
    wait_until 60 on s3 has_manifests
    wait_until 20 pg_backup health
    stop_daemon

    # What is damaged in one of them comes from the other.
    sql postgres "select pg_switch_wal()" >/dev/null
    start_program pg-backup serve
    wait_until 30 is_all_stored "$(position)" pg_backup_dir
    wait_until 30 is_all_stored "$(position)" pg_backup_s3
    stop_daemon
    segment=$(find "$folder/_cluster/wal" -name '????????????????????????.zst' | sort | tail -n 1)
    flip_byte "$segment"
    expect 0 pg_backup restore --cluster --target-dir "$T/two"
    start_restored two
    expect_rows two 10
}
says_health() { grep -qF -- "$1" <<<"$(pg_backup health 2>&1)" || fail "health does not say: $1"; }
has_manifests() { [ -n "$(manifests)" ]; }

# A target time is one of the server, whatever the clocks of the daemon and the store say.
wrong_clock_of_the_server() { # AHEAD OFFSET
    local library target
    library=$(compgen -G '/usr/lib/*/faketime/libfaketime.so.1') || fail "needs the package libfaketime"
    use_dir
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    stop_server
    as_server env "LD_PRELOAD=$library" "FAKETIME=$2" DONT_FAKE_MONOTONIC=1 "$PG_BIN/pg_ctl" -D "$PGDATA" -w \
        -o "-p $PGPORT" -l "$PGDATA/server.log" start >/dev/null || fail "the server does not start"
    cleanups=("as_server $PG_BIN/pg_ctl -D $PGDATA -m immediate stop >/dev/null" "${cleanups[@]}")
    serve_physical
    wait_until 30 log_says "backed up database=_cluster"
    grep -q "the server.s clock is not that of the backups.* ${1%% *}=" "$T/daemon.log" || fail "nobody is told of the clock"
    add_rows 5
    sleep 1.1 # the target is in another second than the base backups' ends
    target=$(sql postgres "select clock_timestamp()")
    add_rows 5
    wait_until_stored
    next_second
    kill -USR1 "$pid"
    wait_until 30 more_backups_than 1
    wait_until_stored
    stop_daemon
    expect 0 pg_backup restore --cluster --target-dir "$T/new" --target-time "$target"
    says "$1 that of the store when the base backup ended"
    start_restored new
    expect_rows new 5
}
case_a_server_whose_clock_is_ahead() { wrong_clock_of_the_server "ahead of" +1h; }
case_a_server_whose_clock_is_behind() { wrong_clock_of_the_server behind -1h; }
