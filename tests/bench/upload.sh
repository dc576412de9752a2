#!/usr/bin/env bash
# upload.sh: a file that is ready goes to an S3 gateway (Ceph, on a disk) over 1, 2, 4 and 8 connections, by our
# code, by `aws s3 cp` and by `rclone` in parts of 16 MiB each, and by `curl -T` as one object, or as many as there
# are connections: once after openssl has computed the payload's checksum, which the gateway then verifies as it does
# with the other tools, and once without one. Same bytes, same run, in turn; medians. Needs root for cgroups, the
# packages awscli, rclone, curl and openssl, and a free machine.
#   upload.sh                          1 GiB, five runs each
#   upload.sh --size 64 --runs 1 --connections 1,2    does it work?
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
SERVERS=$here/../servers
BENCH_UPLOAD=$here/../../build/bin/bench_upload
export SERVERS BENCH_UPLOAD

size=1024 options=()
while [ $# -gt 0 ]; do
    case $1 in
        --size) size=$2 && shift 2 ;;
        --runs) options+=("$1" "$2") && shift 2 ;;
        --connections) IFS=, read -ra connections <<<"$2" && options+=("$1" "${connections[@]}") && shift 2 ;;
        *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
[ "$(id -u)" = 0 ] || { echo "needs root, for cgroups" >&2; exit 2; }
for tool in aws rclone curl openssl; do
    [ -x "/usr/bin/$tool" ] || { echo "needs /usr/bin/$tool: the packages awscli, rclone, curl, openssl" >&2; exit 2; }
done
cmake --build "$here/../../build" --target bench_upload

BENCH_WORK=$(mktemp -d /var/tmp/bench.XXXXXX)
export BENCH_WORK
finish() {
    trap - INT TERM
    [ ! -e "$BENCH_WORK/ceph-rgw/pids" ] || "$SERVERS/ceph-rgw-down.sh" "$BENCH_WORK/ceph-rgw" || true
    rm -rf "$BENCH_WORK"
    python3 "$here/measure.py" remove-cgroups || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

S3_STORE=bluestore S3_SIZE=30G python3 "$here/measure.py" run-in gateway \
    "$SERVERS/ceph-rgw-up.sh" "$BENCH_WORK/ceph-rgw"
set -a
# shellcheck source=/dev/null
. "$BENCH_WORK/ceph-rgw/env"
set +a
export PATH=/usr/bin:$PATH LC_ALL=C.UTF-8
head -c "$((size << 20))" /dev/urandom >"$BENCH_WORK/ready"
python3 "$here/upload.py" "${options[@]}"
