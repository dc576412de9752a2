#!/usr/bin/env bash
# wal.sh [--seconds N] [--clients N] [--scale N]: WAL while pgbench writes at full speed, side by side on this machine: how
# far the store is behind the server, and what receiving costs; then what a synchronous commit costs. Run by hand, as
# root, on a quiet machine; no part of the tests. Needs build/bin/pg-backup and the packages of test.sh.
#   wal.sh                     60 s each, 8 clients
#   wal.sh --seconds 3600 --only ours    does memory stay the same for an hour?
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
SERVERS=$here/../servers
PG_BACKUP=$here/../../build/bin/pg-backup
export SERVERS PG_BACKUP
[ -x "$PG_BACKUP" ] || { echo "build first: there is no $PG_BACKUP" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "needs root, for cgroups" >&2; exit 2; }

BENCH_WORK=$(mktemp -d /var/tmp/bench.XXXXXX)
export BENCH_WORK
chmod 755 "$BENCH_WORK"
finish() {
    trap - INT TERM
    for server in ceph-rgw postgres; do
        [ ! -e "$BENCH_WORK/$server/pids" ] || "$SERVERS/$server-down.sh" "$BENCH_WORK/$server" || true
    done
    rm -rf "$BENCH_WORK"
    python3 "$here/measure.py" remove-cgroups || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

python3 "$here/measure.py" run-in server "$SERVERS/postgres-up.sh" "$BENCH_WORK/postgres" shared_buffers=1GB \
    fsync=on full_page_writes=on synchronous_commit=on max_wal_size=4GB max_slot_wal_keep_size=8GB
S3_STORE=bluestore S3_SIZE=30G python3 "$here/measure.py" run-in gateway \
    "$SERVERS/ceph-rgw-up.sh" "$BENCH_WORK/ceph-rgw"
set -a
# shellcheck source=/dev/null
. "$BENCH_WORK/postgres/env"
# shellcheck source=/dev/null
. "$BENCH_WORK/ceph-rgw/env"
set +a
export PATH=$PG_BIN:/usr/bin:$PATH LC_ALL=C.UTF-8
python3 "$here/wal.py" "$@"
