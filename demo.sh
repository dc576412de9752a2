#!/usr/bin/env bash
# demo.sh: the whole way once, on this machine alone: installs what is missing, builds, starts a scratch
# PostgreSQL with a web shop in it, backs it up into a folder, restores it beside the original, compares the
# two, and prunes. Everything is below one temporary folder, which goes at the end.
set -euo pipefail
cd "$(dirname "$0")"
. tests/packages.sh

work=
finish() {
    trap - INT TERM
    [ -n "$work" ] || return 0
    [ ! -e "$work/postgres/pids" ] || tests/servers/postgres-down.sh "$work/postgres" || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

bold='' plain=''
[ ! -t 1 ] || { bold=$'\033[1m' plain=$'\033[0m'; }
step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
show() { # PROGRAM ARGUMENT...: the command line as a user would type it, then what it prints
    printf '$ %s\n' "$*"
    "build/bin/$1" "${@:2}"
}
quiet() { # COMMAND...: its output only if it fails
    "$@" >"$work/log" 2>&1 </dev/null || { cat "$work/log"; exit 1; }
}

step "Packages"
install_packages "${build_packages[@]}"
work=$(mktemp -d /tmp/pg-backup-demo.XXXXXX)
chmod 755 "$work"

step "Build"
options=(-G Ninja -DBUILD_TESTING=OFF)
[ ! -e build/CMakeCache.txt ] || options=() # one that is there stays as it is
quiet cmake -S . -B build "${options[@]}"
quiet cmake --build build --target pg-backup pg-prune
ls -l build/bin/pg-backup build/bin/pg-prune

step "A PostgreSQL of its own, with a web shop in it"
tests/servers/postgres-up.sh "$work/postgres"
set -a
# shellcheck source=/dev/null
. "$work/postgres/env"
set +a
psql=("$PG_BIN/psql" -XAtq -v ON_ERROR_STOP=1)
"${psql[@]}" -d postgres -c 'create database shop'
"${psql[@]}" -d shop -f tests/demo/shop.sql >"$work/log"
"${psql[@]}" -d shop -c "select 'database shop: ' || pg_size_pretty(pg_database_size('shop'))"

step "Back it up"
export DB_HOST=$PGHOST DB_PORT=$PGPORT DB=shop DB_USER=$PGUSER DB_PASSWORD=$PGPASSWORD
export BACKUP_DIR=$work/backups BACKUP_DIR_ON_ROOT=allow # the demo may run in a container
unset PGHOST PGPORT PGUSER PGPASSWORD
mkdir "$BACKUP_DIR"
show pg-backup now
show pg-backup list

step "Restore it beside the original, and compare"
show pg-backup restore --database shop --target-database shop_copy --create
checksum() { # DATABASE: of its whole content as SQL, without the keys that differ from dump to dump
    PGHOST=$DB_HOST PGPORT=$DB_PORT PGUSER=$DB_USER PGPASSWORD=$DB_PASSWORD "$PG_BIN/pg_dump" -d "$1" |
        LC_ALL=C grep -avE '^\\(un)?restrict ' | sha256sum | cut -c1-16
}
original=$(checksum shop) copy=$(checksum shop_copy)
echo "shop: $original   shop_copy: $copy"
[ "$original" = "$copy" ] || { echo "they differ"; exit 1; }

step "Remove what is older than 30 days (some aged copies stand in for last quarter's backups)"
newest=$(basename "$(readlink "$BACKUP_DIR/shop/latest")")
for days in 7 29 31 60 90; do
    aged=$(date -u -d "$days days ago" +%Y%m%dT%H%M%SZ)-${newest##*-}
    cp -r "$BACKUP_DIR/shop/$newest" "$BACKUP_DIR/shop/$aged"
    sed -i "s/$newest/$aged/" "$BACKUP_DIR/shop/$aged/manifest.json"
done
export S3_BACKUP_MAX_AGE=30d
show pg-prune plan
show pg-prune now
show pg-backup list

step "Done in $SECONDS s. Your own database and bucket:"
cat <<'NEXT'
export DB_HOST=db.example.org DB=app DB_USER=backup DB_PASSWORD=...
export S3_ENDPOINT=https://s3.example.org S3_BUCKET=backups S3_ACCESS_KEY=... S3_SECRET_KEY=...
build/bin/pg-backup now && build/bin/pg-backup list
NEXT
