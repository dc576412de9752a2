#!/usr/bin/env bash
# What the official image's entry point does with POSTGRES_PASSWORD, _USER and _DB (or their _FILE), PGDATA and
# /docker-entrypoint-initdb.d. Started as root it goes on as postgres.
set -euo pipefail

from_file() { # NAME: takes NAME from the file that NAME_FILE names
    local file=${1}_FILE
    [ -n "${!file:-}" ] || return 0
    [ -z "${!1:-}" ] || { echo "both $1 and $file are set" >&2; exit 1; }
    printf -v "$1" '%s' "$(cat "${!file}")"
    export "${1?}"
    unset "$file"
}

make_database() {
    export POSTGRES_USER=${POSTGRES_USER:-postgres}
    export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
    [ -n "${POSTGRES_PASSWORD:-}" ] || { echo "POSTGRES_PASSWORD is not set" >&2; exit 1; }
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        --auth-local=trust --auth-host=scram-sha-256 >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -c fsync=off" -w start >/dev/null
    if [ "$POSTGRES_DB" != postgres ]; then
        psql -X -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v db="$POSTGRES_DB" <<<'CREATE DATABASE :"db"'
    fi
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sql) psql -X -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$file" ;;
            *.sh) "$file" ;;
        esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null
}

if [ "${1:-}" = postgres ]; then
    for name in POSTGRES_PASSWORD POSTGRES_USER POSTGRES_DB; do from_file $name; done
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    if [ "$(id -u)" = 0 ]; then
        chown postgres:postgres "$PGDATA" /var/run/postgresql
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi
    [ -s "$PGDATA/PG_VERSION" ] || make_database
fi
exec "$@"
