# shellcheck shell=bash
# What the tests of physical backups have in common; no subject of its own.

# A server of its own: PGHOST, PGPORT and PGDATA name it from now on.
start_cluster() { # NAME [SETTING...]
    "$servers/postgres-up.sh" "$T/$1" full_page_writes=on fsync=on synchronous_commit=on "${@:2}" >/dev/null
    cleanups=("$servers/postgres-down.sh $T/$1 || true" "${cleanups[@]}")
    use_cluster "$1"
}

use_cluster() { # NAME
    use_server "$T/$1"
    settings+=("DB_HOST=$PGHOST" "DB_PORT=$PGPORT" "DB_USER=$PGUSER" "DB_PASSWORD=$PGPASSWORD" BACKUP_METHOD=physical
        "HEALTH_SOCKET=physical-$$-$RANDOM") # other tests may run on this machine
}

as_server() { # COMMAND...: as the user that servers run as
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups "$@"; else "$@"; fi
}

# start_restored NAME: a server in the restored directory $T/NAME; query_restored NAME STATEMENT asks it.
start_restored() {
    mkdir -p "$T/$1.sock" # not in the data directory: the lock of the socket would be backed up
    [ "$(id -u)" != 0 ] || chown -R postgres "$T/$1" "$T/$1.sock"
    chmod 755 "$T"
    cleanups=("stop_restored $1" "${cleanups[@]}")
    as_server "$PG_BIN/pg_ctl" -D "$T/$1" -l "$T/$1/server.log" -w -t 60 \
        -o "-p 1 -c listen_addresses= -c unix_socket_directories=$T/$1.sock -c archive_mode=off" start >/dev/null ||
        { tail -n 20 "$T/$1/server.log"; fail "the restored server does not start"; }
}
stop_restored() {
    [ ! -e "$T/$1/postmaster.pid" ] || as_server "$PG_BIN/pg_ctl" -D "$T/$1" -m immediate -w stop >/dev/null
}
query_restored() { PGHOST=$T/$1.sock PGPORT=1 psql_ -d "${3:-postgres}" -c "$2"; }

# One numbered row for each commit.
create_rows() { sql postgres "create table row (n bigserial, at timestamptz default clock_timestamp())"; }
add_rows() { # COUNT
    local i
    for ((i = 0; i < $1; i++)); do echo "insert into row default values;"; done | sql postgres
}
newest_row() { sql postgres "select coalesce(max(n), 0) from row"; }
# A server answers as soon as it is consistent, and may still replay what follows.
has_recovered() { # NAME
    [ "$(query_restored "$1" "select not pg_is_in_recovery() or pg_is_wal_replay_paused()")" = t ]
}
expect_rows() { # NAME COUNT: exactly the first COUNT
    local found
    wait_until 30 has_recovered "$1"
    found=$(query_restored "$1" "select count(*) || ' ' || coalesce(max(n), 0) from row")
    [ "$found" = "$2 $2" ] || fail "rows and newest are $found instead of $2"
}

expect_count() { # NAME COUNT: a server that was promoted or killed leaves numbers out
    local found
    wait_until 30 has_recovered "$1"
    found=$(query_restored "$1" "select count(*) from row")
    [ "$found" = "$2" ] || fail "rows in $1 are $found instead of $2"
}

is_archived() { [ "$(sql postgres "select last_archived_wal > '000000010000000000000002' from pg_stat_archiver")" = t ]; }
# PROGRAM: a server that archives by it, 30 rows after a base backup. The server runs the program as its own user.
start_archiving() {
    [ "$(id -u)" != 0 ] || chown postgres "$folder"
    start_cluster server archive_mode=on "archive_command=$1 wal-push %p"
    [ "$(id -u)" != 0 ] || as_server test -x "$BIN/pg-backup" || skip "the server's user cannot run $BIN/pg-backup"
    create_rows
    settings+=(WAL_STREAM=false)
    expect 0 as_server env -i "PATH=$PATH" "${settings[@]}" "$BIN/pg-backup" now
    add_rows 30
    sql postgres "select pg_switch_wal()" >/dev/null
    wait_until 30 is_archived
}
archived_segment() { sql postgres "select last_archived_wal from pg_stat_archiver"; }

position() { sql postgres "select pg_current_wal_flush_lsn()"; }
# Everything that the server has written is in the store, by what the server was told.
is_all_stored() {
    [ "$(sql postgres "select restart_lsn >= '$1' from pg_replication_slots where slot_name = '${2:-pg_backup}'")" = t ]
}
wait_until_stored() {
    local here
    here=$(position)
    wait_until 30 is_all_stored "$here"
}

serve_physical() {
    start_program pg-backup serve
    wait_until 30 log_says "next backup"
    wait_until 30 log_says "WAL streaming starts"
}
log_says() { grep -qF -- "$1" "$T/daemon.log"; }
stop_daemon() {
    kill -TERM "$pid"
    expect_end 0 10
}

wal_list() { store_list | sed -n 's#^[0-9]* _cluster/wal/[0-9]*/##p'; }

flip_byte() { # FILE
    python3 - "$1" <<'PYTHON'
import os, sys
with open(sys.argv[1], "r+b") as file:
    middle = os.path.getsize(sys.argv[1]) // 2
    file.seek(middle)
    byte = file.read(1)[0]
    file.seek(middle)
    file.write(bytes([byte ^ 1]))
PYTHON
}

starts_again() {
    as_server "$PG_BIN/pg_ctl" -D "$PGDATA" -w -o "-p $PGPORT" -l "$PGDATA/server.log" start >/dev/null 2>&1
}
more_backups_than() { [ "$(field id | wc -l)" -gt "$1" ]; }
stop_server() { as_server "$PG_BIN/pg_ctl" -D "$PGDATA" -m fast -w stop >/dev/null; }
start_server() { wait_until 20 starts_again; }

for_restores=() # settings that the machine which makes backups does not have

# What a client was told is committed is in the store, whenever the daemon dies.
synchronous_commits_survive() {
    start_cluster server
    create_rows
    settings+=(WAL_SYNC=true)
    serve_physical
    sql postgres "alter system set synchronous_standby_names = '*'"
    sql postgres "select pg_reload_conf()" >/dev/null
    wait_until 20 is_synchronous
    local round acknowledged
    for round in 1 2 3; do
        (while sql postgres "insert into row default values returning n" >>"$T/acknowledged" 2>/dev/null; do :; done) &
        background+=("$!")
        sleep 0.$((RANDOM % 90 + 10))
        kill -KILL "$pid"
        sleep 0.3
        acknowledged=$(tail -n 1 "$T/acknowledged")
        expect 0 with "${for_restores[@]}" -- pg_backup restore --cluster --target-dir "$T/new$round"
        start_restored "new$round"
        [ "$(query_restored "new$round" "select count(*) from row where n <= $acknowledged")" = "$acknowledged" ] ||
            fail "row $acknowledged was acknowledged and is missing"
        stop_restored "new$round"
        serve_again
    done
    sql postgres "alter system reset synchronous_standby_names"
    sql postgres "select pg_reload_conf()" >/dev/null
    stop_daemon
}
is_synchronous() { [ "$(sql postgres "select sync_state from pg_stat_replication")" = sync ]; }
serve_again() {
    start_program pg-backup serve
    wait_until 30 is_synchronous
}
