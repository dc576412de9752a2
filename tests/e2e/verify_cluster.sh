# shellcheck shell=bash
# Base backups that prove themselves: unpacked, recovered, started and looked at, beside the server that they are of,
# which does not notice. What is bad is found; and nothing is left behind.

# shellcheck source-path=SCRIPTDIR source=physical_lib.sh
. ./physical_lib.sh
# shellcheck source-path=SCRIPTDIR source=verify_lib.sh
. ./verify_lib.sh

back_up_cluster() {
    expect 0 pg_backup now
    id=$(field id | tail -n 1)
    use_scratch
}
result_of() { store_get "$(verifications | tail -n 1)" | jq -r .; }

started() {
    start_cluster server
    create_small_database app
    # Settings of production have no effect.
    sql app "alter database app set session_preload_libraries = 'not_there'"
    sql postgres "alter role all set default_transaction_read_only = on"
    back_up_cluster
    expect 0 verify_restored
    says "recovered by its WAL"
    says "3 databases were connected to"
    says "pg_amcheck has found nothing"
    expect_verified restore-passed
    expect 0 pg_backup list
    says "(restore)"
    expect_nothing_behind
}
both_stores started

# ---- what a started copy of production must not do -----------------------------------------------------------------

case_production_does_not_notice() {
    use_dir
    install -d -m 777 "$T/archive"
    chmod 755 "$T"
    start_cluster server wal_level=logical archive_mode=on "archive_command=touch $T/archive/%f" \
        "primary_conninfo=host=127.0.0.1 port=1" log_directory="$T/log"
    install -d -m 700 "$T/space one"
    [ "$(id -u)" != 0 ] || chown postgres "$T/space one"
    sql postgres "create tablespace one location '$T/space one'"
    sql postgres "create table in_one tablespace one as select generate_series(1, 5000) i"
    start_listener
    sql postgres "create subscription s connection 'host=127.0.0.1 port=$listener_port user=x dbname=x'
        publication p with (connect = false, slot_name = 's')"
    sql postgres "alter subscription s enable"
    wait_until 30 was_contacted # so the subscription does contact its publisher
    sql postgres "alter system set archive_command = 'touch $T/archive/by-system-%f'"
    sql postgres "alter system set recovery_target_time = '2020-01-01 00:00:00+00'"
    sql postgres "alter system set recovery_target_action = pause"
    back_up_cluster
    stop_server
    : >"$T/contacts"
    rm -f "$T/archive"/*
    find "$T/space one" -type f -exec sha256sum {} + | sort >"$T/before"
    [ -s "$T/before" ] || fail "there is no tablespace"
    expect 0 verify_restored
    says "pg_amcheck has found nothing"
    expect_verified restore-passed
    [ ! -s "$T/contacts" ] || fail "it asked a publisher"
    [ -z "$(ls "$T/archive")" ] || fail "it archived $(ls "$T/archive")"
    find "$T/space one" -type f -exec sha256sum {} + | sort | cmp - "$T/before" || fail "it wrote into a tablespace"
    expect_nothing_behind
}

# Notes in $T/contacts who connects.
start_listener() {
    python3 - "$T/port" "$T/contacts" <<'PY' >"$T/listener.log" 2>&1 &
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(server.getsockname()[1]))
import os
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    peer, _ = server.accept()
    with open(sys.argv[2], "a") as f:
        f.write("contact\n")
    peer.close()
PY
    background+=("$!")
    wait_until 10 test -s "$T/port"
    listener_port=$(cat "$T/port")
}
was_contacted() { [ -s "$T/contacts" ]; }

# ---- what is bad ---------------------------------------------------------------------------------------------------

# The server has written it so, and every sum is right: only who looks into the index finds it.
case_a_damaged_index() {
    local file
    use_dir
    start_cluster server
    create_small_database app
    sql app "create table known as select generate_series(1, 300) i; create index on known (i)"
    sql app checkpoint
    file=$PGDATA/$(sql app "select pg_relation_filepath('known_i_idx')")
    stop_server
    python3 - "$file" <<'PY'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
at = data.index(struct.pack("<q", 150), 8192)
data[at:at + 8] = struct.pack("<q", 5000)
open(sys.argv[1], "wb").write(data)
PY
    start_server
    back_up_cluster
    expect 0 pg_backup verify --archive
    next_second
    expect 1 verify_restored
    says "pg_amcheck of the database 'app'"
    says "known_i_idx"
    expect_verified restore-failed
    [ "$(field failed | tail -n 1)" != null ] || fail "$(pg_backup list --json)"
    expect_nothing_behind
}

case_data_that_does_not_become_consistent() {
    use_dir
    start_cluster server
    back_up_cluster
    # WAL that looks whole, and yet is not what the base backup needs.
    zero_wal
    expect 1 verify_restored
    says "the recovery of the base backup exited with 1"
    expect_verified restore-failed
    expect_nothing_behind
}

# Keeps what a segment of the stored WAL begins with, its page header, and puts zeros in the place of its records.
zero_wal() {
    local key
    for key in $(store_list | sed -n 's#^[0-9]* ##; /_cluster\/wal\/.*\.zst$/p'); do
        store_get "$key" | zstd -dcq >"$T/segment"
        { head -c 40 "$T/segment" && head -c "$(($(stat -c %s "$T/segment") - 40))" /dev/zero; } | zstd -q1 >"$T/zeros.zst"
        store_put "$key" <"$T/zeros.zst"
    done
}

case_a_file_that_was_changed() {
    use_dir
    start_cluster server
    back_up_cluster
    flip_byte "$folder/_cluster/$id/base.tar.zst"
    expect 1 verify_restored
    says "damage"
    expect_verified restore-failed
    expect_nothing_behind
}

# ---- what says nothing of the backup, and what is left behind ------------------------------------------------------

# WAL is not signed: what somebody else put there would run with our rights.
case_a_signed_one_is_not_started() {
    use_dir
    start_cluster server
    openssl genpkey -algorithm ed25519 -out "$T/key.pem"
    openssl pkey -in "$T/key.pem" -pubout -out "$T/key.pub"
    settings+=("BACKUP_SIGN_KEY=$(cat "$T/key.pem")" "BACKUP_VERIFY_KEY=$(cat "$T/key.pub")")
    back_up_cluster
    expect 0 verify_restored
    says "write-ahead logs are not signed"
    expect_verified archive-passed
    expect_nothing_behind
}

case_no_server_is_here() {
    use_dir
    start_cluster server
    back_up_cluster
    if [ "$(id -u)" = 0 ]; then
        expect 0 pg_backup verify --restore
        says "it was not restored: PostgreSQL does not run as root"
        expect_verified archive-passed
    fi
    settings+=("VERIFY_DIR=$T/not-there")
    expect 1 verify_restored
    says "there is no directory"
}

case_too_little_room() {
    [ "$(id -u)" = 0 ] || skip "only root can mount a small disk"
    use_dir
    start_cluster server
    scratch=$(mktemp -d /tmp/verify.XXXXXX)
    mount -t tmpfs -o size=100m tmpfs "$scratch" || skip "cannot mount"
    cleanups=("umount -l $scratch && rmdir $scratch" "${cleanups[@]}")
    back_up_cluster
    expect 1 verify_restored
    says "of room"
    expect_not_verified
    expect_nothing_behind
}

scratch_has_data() { [ -n "$(find "$scratch" -name "pg_control*" 2>/dev/null)" ]; }
case_after_kill_9_the_next_run_cleans_up() {
    use_dir
    start_cluster server
    create_large_database app 60
    back_up_cluster
    become "${as_user[@]}" "$BIN/pg-backup" verify --restore >"$T/daemon.log" 2>&1 </dev/null &
    pid=$!
    background+=("$pid")
    wait_until 60 scratch_has_data
    kill -KILL "$pid"
    wait_until 20 no_scratch_server
    ! scratch_is_empty || fail "there was nothing to clean up"
    expect_not_verified
    expect 0 verify_restored
    says "removing what a verification left behind"
    expect_verified restore-passed
    expect_nothing_behind
}
