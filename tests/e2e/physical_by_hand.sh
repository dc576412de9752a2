# shellcheck shell=bash
# A whole server without a tool of ours: the blocks that docs/physical.md prints, run as they stand but for the names.

# by_hand TEXT: runs that block as the user of the server, with the names of this case.
by_hand() {
    local block
    block=$(documented_block physical.md "$1")
    [ -n "$block" ] || fail "no block of the documentation has: $1"
    block=$(sed "s#s3://backups/#s3://${S3_BUCKET:-}/${prefix:-}/#g; s#/backups/#$folder/#g; s#/pgdata#$T/pgdata#g; s#/keys/#$T/keys/#g
        s#7434812345678901234#$system#g; s#20261120T031500Z-9f3a1c2b#$id#g; s#16401#$oid#g; s#^pg_ctl.*#:#" <<<"$block")
    echo "$block"
    as_server bash -euo pipefail -c "$block" >"$T/out" 2>"$T/err" || { cat "$T/out"; fail "it failed"; }
}

# Commands of the documentation are typed by the user of the server.
as_server() {
    local as=(env)
    [ "$(id -u)" != 0 ] || as=(setpriv --reuid=postgres --regid=postgres --init-groups env)
    (cd "$T" && "${as[@]}" PATH="$T/bin:$PG_BIN:$PATH" "$@")
}

# restored SQL: asks the server that was restored by hand.
restored() { psql_ -h "$T/pgdata_sock" -p 5432 -d "${2:-app}" -c "$1"; }

start_restored() {
    mkdir -m 777 "$T/pgdata_sock"
    cleanups+=("as_server pg_ctl -D $T/pgdata -m immediate stop")
    as_server pg_ctl -D "$T/pgdata" -w -l "$T/pgdata/log" \
        -o "-p 5432 -c listen_addresses= -c unix_socket_directories=$T/pgdata_sock" start >"$T/out" 2>&1 ||
        { cat "$T/pgdata/log"; fail "the server does not start"; }
    wait_until 30 not_in_recovery
}
not_in_recovery() { [ "$(restored 'select pg_is_in_recovery()')" = f ]; }

# A base backup with a tablespace, and WAL after it, of which the newest is not a whole segment. The command is run
# before WAL is streamed.
physical_backup() { # [COMMAND...]
    chmod 777 "$T"
    settings+=(BACKUP_METHOD=physical DB_HOST="$PGHOST" DB_PORT="$PGPORT" DB_USER="$PGUSER" DB_PASSWORD="$PGPASSWORD"
        WAL_SLOT=by_hand WAL_FLUSH_INTERVAL=1s HEALTH_SOCKET="by-hand-$$")
    as_server mkdir -m 700 "$T/tablespace"
    cleanups+=("psql_ -d postgres -c 'drop tablespace if exists by_hand'" "drop_slot")
    psql_ -d postgres -c "create tablespace by_hand location '$T/tablespace'"
    create_small_database app
    sql app "create table beside (n int) tablespace by_hand; insert into beside select generate_series(1, 100)"
    "${@:-true}"
    start_program pg-backup serve
    wait_until 60 is_listed
    sql app "insert into beside values (101); select pg_switch_wal(); insert into beside values (102)"
    wait_until 60 is_fresh "$(sql app 'select pg_current_wal_insert_lsn()')"
    kill "$pid"
    wait_until 15 is_gone "$pid"
    id=$(field id)
    system=$(sql app 'select system_identifier from pg_control_system()')
    oid=$(sql app "select oid from pg_tablespace where spcname = 'by_hand'")
}
is_listed() { [ -n "$(field id)" ]; }
is_fresh() { # LSN: all WAL up to there is stored
    local stored
    stored=$(psql_ -d postgres -c "select flush_lsn >= '$1' from pg_stat_replication where application_name = 'by_hand'")
    [ "$stored" = t ]
}
drop_slot() {
    psql_ -d postgres -c "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = 'by_hand'" \
        -c "select pg_sleep(0.2)" -c "select pg_drop_replication_slot('by_hand')" >/dev/null || true
}

expect_restored() {
    [ "$(restored 'select count(*), max(n) from beside')" = "102|102" ] || fail "not all rows are back"
    [ "$(restored 'select count(*) from item')" = "$(sql app 'select count(*) from item')" ] || fail "items are missing"
}

restore_by_hand() {
    by_hand 'sha256sum -c SHA256SUMS'
    by_hand 'for piece in'
    ! grep . "$T/out" || fail "a segment has a wrong size"
    by_hand 'recovery.signal'
    start_restored
    expect_restored
}

# An `aws` for this gateway: what its own settings would say on Amazon.
use_aws() {
    mkdir "$T/bin"
    cat >"$T/bin/aws" <<SH
#!/bin/sh
export AWS_ACCESS_KEY_ID='$S3_ACCESS_KEY' AWS_SECRET_ACCESS_KEY='$S3_SECRET_KEY' AWS_DEFAULT_REGION='$S3_REGION'
exec /usr/bin/aws --endpoint-url '$S3_ENDPOINT' "\$@"
SH
    chmod 755 "$T/bin" "$T/bin/aws"
}

case_a_server_from_dir() {
    use_dir
    physical_backup
    chmod -R a+rX "$folder"
    restore_by_hand
}

case_encrypted_wal_from_dir() {
    use_dir
    physical_backup encrypt_from_now_on
    compgen -G "$folder/_cluster/wal/*/*/*.age" >/dev/null || fail "no WAL is encrypted"
    chmod -R a+rwX "$folder"
    by_hand 'age -d -i'
    ! compgen -G "$folder/_cluster/wal/*/*/*.age" || fail "not all is decrypted"
    restore_by_hand
}
# The base backup is not encrypted.
encrypt_from_now_on() {
    expect 0 pg_backup now
    as_server mkdir "$T/keys"
    as_server age-keygen -o "$T/keys/identity.txt" 2>/dev/null
    settings+=("BACKUP_AGE_RECIPIENTS=$(age-keygen -y "$T/keys/identity.txt")")
}

case_a_server_from_s3() {
    use_s3
    use_aws
    physical_backup
    folder=$T/copied
    as_server mkdir "$folder"
    by_hand 'aws s3 cp --recursive'
    restore_by_hand
}
