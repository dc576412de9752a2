# shellcheck shell=bash
# WAL that whoever makes backups cannot read: every case has servers of its own, in $T.

# shellcheck source-path=SCRIPTDIR source=physical_lib.sh
. ./physical_lib.sh

# From here on everything is encrypted, and only for_restores opens it.
encrypt() {
    if [ ! -e "$T/identity" ]; then
        age-keygen -o "$T/identity" 2>/dev/null
        age-keygen -o "$T/second" 2>/dev/null
        chmod 644 "$T/identity" # tests of archive_command read it as the user of the server
    fi
    settings+=("BACKUP_AGE_RECIPIENTS=$(age-keygen -y "$T/identity"),$(age-keygen -y "$T/second")")
    for_restores=("BACKUP_AGE_IDENTITY_FILE=$T/identity")
}

# Histories alone can be read; nothing else has an older name.
expect_encrypted() {
    local key count=0
    while read -r key; do
        count=$((count + 1))
        [ "$(store_get "$key" | head -c 21)" = "age-encryption.org/v1" ] || fail "$key is not encrypted"
        [[ $key =~ \.[0-9a-f]{8}\.zst\.age$ ]] || fail "$key has no token"
    done < <(store_objects | sed -n 's#^[0-9]* \(_cluster/wal/.*\)#\1#p' | grep -v '\.history$')
    [ "$count" -gt 0 ] || fail "no WAL is stored"
}

restore_encrypted() { # NAME [FLAG...]
    expect 0 with "${for_restores[@]}" -- pg_backup restore --cluster --target-dir "$T/$1" "${@:2}"
    start_restored "$1"
}

kill_daemon() {
    kill -KILL "$pid"
    wait_until 10 is_gone "$pid"
    wait "$pid" 2>/dev/null || true
}

# The daemon and the server are killed while rows are committed; each row before the target is there.
killed_daemon_and_server() {
    start_cluster server
    create_rows
    encrypt
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    add_rows 20
    wait_until_stored
    kill_daemon
    add_rows 20
    start_program pg-backup serve
    add_rows 20
    wait_until_stored
    kill_daemon
    kill -KILL "$(head -n 1 "$PGDATA/postmaster.pid")"
    wait_until 20 starts_again
    cleanups=("as_server $PG_BIN/pg_ctl -D $PGDATA -m immediate stop >/dev/null" "${cleanups[@]}")
    start_program pg-backup serve
    add_rows 20
    local lsn time
    sleep 1.1 # the target is in another second than what was before
    time=$(sql postgres "select clock_timestamp()")
    lsn=$(position)
    add_rows 20
    sql postgres "select pg_switch_wal()" >/dev/null
    add_rows 20
    wait_until_stored
    stop_daemon
    expect_encrypted
    # Pieces that three daemons have stored, each from the segment's start on.
    [ "$(store_objects | grep -c '\.00000000-[0-9A-F]*\.[0-9a-f]*\.zst\.age$')" -ge 3 ] || fail "$(wal_list)"
    restore_encrypted all
    expect_count all 120
    restore_encrypted at_lsn --target-lsn "$lsn"
    expect_count at_lsn 80
    restore_encrypted at_time --target-time "$time"
    expect_count at_time 80
    expect 0 pg_backup list
    expect 0 pg_backup check-backup
    expect 0 with BACKUPS_TO_RETAIN=1 -- pg_prune now
    restore_encrypted pruned
    expect_count pruned 120
}
both_stores killed_daemon_and_server

case_synchronous_commits_survive() {
    use_dir
    encrypt
    synchronous_commits_survive
    expect_encrypted
}

# Without an identity nothing is restored, and nothing that looks like the end of the log.
case_a_restore_without_an_identity() {
    use_dir
    start_cluster server
    create_rows
    expect 0 pg_backup now # the base backup itself can be read
    encrypt
    settings+=(WAL_FLUSH_INTERVAL=1s)
    start_program pg-backup serve
    wait_until 30 log_says "WAL streaming starts"
    add_rows 10
    sql postgres "select pg_switch_wal()" >/dev/null
    add_rows 10
    wait_until_stored
    stop_daemon
    expect 1 pg_backup restore --cluster --target-dir "$T/none"
    says BACKUP_AGE_IDENTITY_FILE
    for_restores=("BACKUP_AGE_IDENTITY_FILE=$T/wrong")
    age-keygen -o "$T/wrong" 2>/dev/null
    expect 1 with "${for_restores[@]}" -- pg_backup restore --cluster --target-dir "$T/none2"
    says "none of the identities opens it"
    local segment status=0
    segment=$(wal_list | sed -n 's#^00000001/\([0-9A-F]\{24\}\)\.[0-9a-f]\{8\}\..*#\1#p' | head -n 1)
    pg_backup wal-fetch --system-id "$(system_of_wal)" "$segment" "$T/fetched" 2>"$T/err" || status=$?
    [ "$status" -gt 125 ] || fail "exit $status would end a recovery"
    grep -qF BACKUP_AGE_IDENTITY_FILE "$T/err" || fail "$(cat "$T/err")"
    [ ! -e "$T/fetched" ] || fail "something was written"
    encrypt
    restore_encrypted new
    expect_rows new 20
}
system_of_wal() { store_list | sed -n 's#^[0-9]* _cluster/wal/\([0-9]*\)/.*#\1#p' | head -n 1; }

# Encryption that is switched on and off within a segment leaves one log.
case_switched_on_and_off() {
    use_dir
    start_cluster server
    create_rows
    settings+=(WAL_FLUSH_INTERVAL=1s)
    serve_physical
    add_rows 10
    wait_until_stored
    stop_daemon
    local before=("${settings[@]}")
    encrypt
    start_program pg-backup serve
    add_rows 10
    wait_until_stored
    kill_daemon
    settings=("${before[@]}")
    start_program pg-backup serve
    add_rows 10
    wait_until_stored
    kill_daemon
    encrypt
    start_program pg-backup serve
    add_rows 10
    sql postgres "select pg_switch_wal()" >/dev/null
    add_rows 10
    wait_until_stored
    stop_daemon
    ! grep -qF damaged "$T/daemon.log" || fail "$(cat "$T/daemon.log")"
    restore_encrypted new
    expect_rows new 50
}

# archive_command and restore_command, of which only the latter has an identity.
case_archived_wal() {
    use_dir
    encrypt
    local program=$T/wal
    chmod 755 "$T"
    printf '#!/bin/sh\nexec env BACKUP_DIR=%q BACKUP_DIR_ON_ROOT=allow %q %q "$@"\n' "$folder" \
        "$(printf '%s\n' "${settings[@]}" | grep ^BACKUP_AGE_RECIPIENTS=)" "$BIN/pg-backup" >"$program"
    printf '#!/bin/sh\nexec env BACKUP_DIR=%q BACKUP_DIR_ON_ROOT=allow "$IDENTITY" %q "$@"\n' "$folder" \
        "$BIN/pg-backup" >"$program-fetch"
    chmod 755 "$program" "$program-fetch"
    start_archiving "$program"
    # A push that is repeated stores another copy.
    local segment
    segment=$(archived_segment)
    expect 0 as_server env -i "PATH=$PATH" "${settings[@]}" "$BIN/pg-backup" wal-push "$PGDATA/pg_wal/$segment"
    [ "$(wal_list | grep -c "/$segment\.")" = 2 ] || fail "$(wal_list)"
    expect_encrypted
    flip_byte "$(find "$folder/_cluster/wal" -name "$segment.*" | sort | tail -n 1)"
    expect 0 with "${for_restores[@]}" -- pg_backup restore --cluster --target-dir "$T/new" --wal fetch
    sed -i "s#pg-backup wal-fetch#$program-fetch wal-fetch#" "$T/new/postgresql.auto.conf"
    cp -r "$T/new" "$T/closed"
    # Without its identity the server stops rather than ending the recovery early.
    [ "$(id -u)" != 0 ] || chown -R postgres "$T/closed"
    mkdir -p "$T/closed.sock"
    [ "$(id -u)" != 0 ] || chown postgres "$T/closed.sock"
    ! as_server env IDENTITY=NO=NO "$PG_BIN/pg_ctl" -D "$T/closed" -l "$T/closed/server.log" -w -t 60 \
        -o "-p 1 -c listen_addresses= -c unix_socket_directories=$T/closed.sock" start >/dev/null 2>&1 ||
        fail "a server recovers without an identity"
    grep -qF BACKUP_AGE_IDENTITY_FILE "$T/closed/server.log" || fail "$(cat "$T/closed/server.log")"
    export IDENTITY=${for_restores[0]}
    start_restored new
    expect_rows new 30
}
