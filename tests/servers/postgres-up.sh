#!/usr/bin/env bash
# postgres-up.sh WORKDIR [NAME=VALUE...]: a scratch PostgreSQL on a free port of 127.0.0.1, all of it below
# WORKDIR; further arguments are server settings. Runs as user postgres when started by root.
# Passwords are asked for everywhere (scram-sha-256). PG_MAJOR picks one of several installed versions.
# Leaves WORKDIR/env to be sourced; postgres-down.sh WORKDIR stops it and removes the folder.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
open_workdir "$1"
shift

bin=$(for d in /usr/lib/postgresql/${PG_MAJOR:-*}/bin; do [ ! -x "$d/initdb" ] || echo "$d"; done | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "no PostgreSQL server below /usr/lib/postgresql" >&2; exit 1; }

as_postgres=()
if [ "$(id -u)" = 0 ]; then
    as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi
password=$(head -c 12 /dev/urandom | base64 | tr -d '/+=')
mkdir -p "$W/sock"
printf '%s\n' "$password" >"$W/password"
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$W"
    chown postgres "$W" "$W/sock" "$W/log" "$W/password"
fi
cd "$W"

"${as_postgres[@]}" "$bin/initdb" -D "$W/data" -U postgres --pwfile="$W/password" -N \
    --auth=scram-sha-256 -E UTF8 --locale=C.UTF-8 >"$W/log/initdb.out" 2>&1
cat >>"$W/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$W/sock'
shared_buffers = 128MB
max_wal_size = 2GB
fsync = off
synchronous_commit = off
full_page_writes = off
logging_collector = off
log_line_prefix = '%m [%p] '
CONF
for setting in "$@"; do printf '%s\n' "${setting%%=*} = '${setting#*=}'" >>"$W/data/postgresql.conf"; done

# Another process may take the port between the look and the bind: then the server ends, and we look again.
for _ in 1 2 3; do
    port=$(free_port)
    start postgres "${as_postgres[@]}" "$bin/postgres" -D "$W/data" -p "$port"
    for _ in $(seq 300); do
        if PGPASSWORD=$password "$bin/psql" -XAtq -h "$W/sock" -p "$port" -U postgres -d postgres \
            -c 'select 1' >/dev/null 2>&1; then
            cat >"$W/env" <<ENV
PG_BIN=$bin
PGHOST=127.0.0.1
PGPORT=$port
PGUSER=postgres
PGPASSWORD=$password
PG_SOCKET_DIR=$W/sock
PGDATA=$W/data
ENV
            echo "PostgreSQL ${bin#/usr/lib/postgresql/} is up on 127.0.0.1:$port; source $W/env"
            exit 0
        fi
        is_running postgres || break
        sleep 0.1
    done
    is_running postgres && break
done
exit 1
