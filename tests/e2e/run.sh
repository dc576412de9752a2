#!/usr/bin/env bash
# run.sh [--bin FOLDER] [SUBJECT[:CASE]...]: the end-to-end tests. A subject is a file beside this one, a
# case a function case_NAME in it; without any, all are run. Starts a scratch PostgreSQL and an S3 gateway
# once, gives each case a folder, an S3 prefix and a server without databases, and stops both at the end.
# The last line counts: "N passed, M failed".
#   E2E_KEEP=1       keeps the folder with logs and stores
#   E2E_STORE=s3     what runs with a bucket and with a directory runs with the bucket only; or dir
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
bin=$here/../../build/bin
[ "${1:-}" != --bin ] || { bin=$2; shift 2; }
BIN=$(cd "$bin" && pwd -P)
export BIN

WORK=$(mktemp -d /tmp/pg-backup-e2e.XXXXXX)
export WORK
chmod 755 "$WORK"
passed=0 failed=0 running=

finish() {
    trap - INT TERM
    if [ -n "$running" ]; then
        kill -TERM "$running" 2>/dev/null || true
        wait "$running" 2>/dev/null || true
    fi
    for server in ceph-rgw postgres; do
        [ ! -e "$WORK/$server/pids" ] || "$here/../servers/$server-down.sh" "$WORK/$server" || true
    done
    [ -n "${E2E_KEEP:-}" ] || rm -rf "$WORK"
    echo "$passed passed, $failed failed"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# in_background COMMAND...: waits for it, but so that a signal to us is seen at once.
in_background() {
    local status=0
    "$@" &
    running=$!
    wait "$running" || status=$?
    running=
    return "$status"
}

run_case() { # SUBJECT CASE
    local name="$1: ${2//_/ }" log="$WORK/$1.$2.log" began=$SECONDS status=0
    in_background timeout -k 15 "${E2E_TIMEOUT:-300}" "$here/case.sh" "$1" "$2" >"$log" 2>&1 </dev/null || status=$?
    case $status in
        0) passed=$((passed + 1)) && echo "ok - $name ($((SECONDS - began)) s)" ;;
        77) echo "skipped - $name: $(tail -n 1 "$log")" ;;
        *)
            failed=$((failed + 1))
            [ "$status" != 124 ] || echo "took longer than ${E2E_TIMEOUT:-300} s" >>"$log"
            echo "not ok - $name ($((SECONDS - began)) s)"
            sed 's/^/    /' "$log"
            ;;
    esac
}

cases_of() { # SUBJECT
    (cd "$here" && . ./lib.sh && . "./$1.sh" && compgen -A function case_ | sed 's/^case_//') >"$WORK/cases"
    local left_out # the ending of those that run with the other store as well
    case ${E2E_STORE:-} in
        s3) left_out=dir ;;
        dir) left_out=s3 ;;
        *) cat "$WORK/cases" && return ;;
    esac
    grep -vxFf <(sed -n "s/_${E2E_STORE}\$/_$left_out/p" "$WORK/cases") "$WORK/cases"
}

if [ $# = 0 ]; then
    for file in "$here"/*.sh; do
        subject=$(basename "$file" .sh)
        case $subject in run | case | lib) ;; *) set -- "$@" "$subject" ;; esac
    done
fi
for program in pg-backup pg-prune; do
    [ -x "$BIN/$program" ] || { echo "there is no $BIN/$program" >&2; exit 2; }
done
in_background "$here/../servers/postgres-up.sh" "$WORK/postgres"
in_background "$here/../servers/ceph-rgw-up.sh" "$WORK/ceph-rgw"

for wanted in "$@"; do
    subject=${wanted%%:*} found=
    [ -e "$here/$subject.sh" ] || { echo "there is no subject $subject" >&2; exit 2; }
    for name in $(cases_of "$subject"); do
        case $wanted in "$subject" | "$subject:$name") found=1 && run_case "$subject" "$name" ;; esac
    done
    [ -n "$found" ] || { echo "there is no case $wanted" >&2; exit 2; }
done
[ "$failed" = 0 ]
