#!/usr/bin/env bash
# bench.sh [--size MIB] [--runs N] [--no-restore] [NAME...]: backup tools side by side on this machine, same
# data, alternating. Run by hand, as root, on a quiet machine; no part of the tests. Needs build/bin/pg-backup
# and the packages of test.sh, awscli and zstd. Everything is below a folder of /var/tmp (BENCH_WORK) that goes
# at the end: about four times the size.
#
#   bench.sh                      ours, both pipes and the limits at 1 GiB, three runs each, then restores
#   bench.sh --size 8192 --runs 1 --no-restore ours     is memory the same at 8 GiB?
#   bench.sh --runs 7 --no-restore ours ours-telling      what metrics, a ping and a notification cost
#   bench.sh ours ours-age age-aws                        what encryption costs; needs the package age
#   bench.sh base-ours base-pgbackrest base-pg_basebackup     base backups; needs the package pgbackrest
#
# A contestant is contestants/NAME-backup.sh and, where it makes sense, NAME-restore.sh and NAME-prepare.sh
# (not timed), sourced by bash with `set -eo pipefail`. They see PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE,
# the programs' DB_*, S3_* and AWS_*; S3_PREFIX, below which everything goes (emptied before each backup); and
# RESTORE_DB, an empty database. limit-* are no contestants but bounds.
#
# The database (generate_rows.py) packs about 2.5 : 1 with zstd -3. Measured per run: wall time; CPU of the
# contestant's processes by cgroup, the server's and the gateway's apart; the peak of its summed resident memory
# and, in brackets, of pg-backup alone; the peak of its temporary files; stored bytes; requests by the gateway's
# log. A restore is right when every table has as many rows as the original and as many indexes are there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
SERVERS=$here/../servers
PG_BACKUP=$here/../../build/bin/pg-backup
export SERVERS PG_BACKUP

size=1024 compare=()
while [ $# -gt 0 ]; do
    case $1 in
        --size) size=$2 && shift 2 ;;
        --runs) compare+=(--runs "$2") && shift 2 ;;
        --no-restore) compare+=(--no-restore) && shift ;;
        -*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
        *) break ;;
    esac
done
[ -x "$PG_BACKUP" ] || { echo "build first: there is no $PG_BACKUP" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "needs root, for cgroups" >&2; exit 2; }
[ -x /usr/bin/aws ] || { echo "needs the package awscli" >&2; exit 2; }

BENCH_WORK=$(mktemp -d /var/tmp/bench.XXXXXX)
export BENCH_WORK
chmod 755 "$BENCH_WORK"
finish() {
    trap - INT TERM
    [ ! -e "$BENCH_WORK/receiver/pid" ] || kill "$(cat "$BENCH_WORK/receiver/pid")" || true
    for server in ceph-rgw postgres; do
        [ ! -e "$BENCH_WORK/$server/pids" ] || "$SERVERS/$server-down.sh" "$BENCH_WORK/$server" || true
    done
    rm -rf "$BENCH_WORK"
    python3 "$here/measure.py" remove-cgroups || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Each server in a cgroup of its own, so that its CPU can be told from the client's.
python3 "$here/measure.py" run-in server "$SERVERS/postgres-up.sh" "$BENCH_WORK/postgres" shared_buffers=1GB \
    autovacuum=off jit=off maintenance_work_mem=256MB max_wal_size=8GB checkpoint_timeout=30min
S3_STORE=bluestore S3_SIZE=30G python3 "$here/measure.py" run-in gateway \
    "$SERVERS/ceph-rgw-up.sh" "$BENCH_WORK/ceph-rgw"

set -a
# shellcheck source=/dev/null
. "$BENCH_WORK/postgres/env"
# shellcheck source=/dev/null
. "$BENCH_WORK/ceph-rgw/env"
set +a
export PATH=$PG_BIN:/usr/bin:$PATH LC_ALL=C.UTF-8 PGDATABASE=bench
export DB_HOST=$PGHOST DB_PORT=$PGPORT DB=$PGDATABASE DB_USER=$PGUSER DB_PASSWORD=$PGPASSWORD
export AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET_KEY AWS_DEFAULT_REGION=$S3_REGION
export AWS_EC2_METADATA_DISABLED=true

"$here/make_database.sh" "$size"
python3 "$here/compare.py" ${compare[@]+"${compare[@]}"} "$@"
