#!/usr/bin/env bash
# run.sh [--bin FOLDER] [SUBJECT[:CASE]...]: the end-to-end tests. A subject is a file beside this one, a
# case a function case_NAME in it; without any, all are run. Starts a scratch PostgreSQL and an S3 gateway
# once, gives each case a folder, an S3 prefix and a server without databases, and stops both at the end.
# The last line counts: "N passed, M failed".
#   E2E_KEEP=1       keeps the folder with logs and stores
#   E2E_STORE=s3     what runs with a bucket and with a directory runs with the bucket only; or dir
#   E2E_PART=1/2     only every second case, from the first one; or 2/2
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
bin=$here/../../build/bin
[ "${1:-}" != --bin ] || { bin=$2; shift 2; }
BIN=$(cd "$bin" && pwd -P)
export BIN

s3= # the process of s3.py
WORK=$(mktemp -d /tmp/pg-backup-e2e.XXXXXX)
export WORK
chmod 755 "$WORK"
clean_up() {
    local server
    stop "$s3"
    for server in ceph-rgw postgres; do
        [ ! -e "$WORK/$server/pids" ] || "$here/../servers/$server-down.sh" "$WORK/$server" || true
    done
    [ -n "${E2E_KEEP:-}" ] || rm -rf "$WORK"
}
# shellcheck source-path=SCRIPTDIR source=../runner.sh
. "$here/../runner.sh"
at_end

number=0
run_one() { # SUBJECT CASE
    local part=${E2E_PART:-1/1}
    number=$((number + 1))
    [ $(((number - ${part%/*}) % ${part#*/})) = 0 ] || return 0
    run_case "$1: ${2//_/ }" "$WORK/$1.$2.log" timeout -k 15 "${E2E_TIMEOUT:-300}" "$here/case.sh" "$1" "$2"
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
        case $subject in run | case | lib | *_lib) ;; *) set -- "$@" "$subject" ;; esac
    done
fi
for program in pg-backup pg-prune; do
    [ -x "$BIN/$program" ] || { echo "there is no $BIN/$program" >&2; exit 2; }
done
"$here/../servers/s3.py" serve "$WORK/s3.port" </dev/null >"$WORK/s3.log" 2>&1 &
s3=$!
in_background "$here/../servers/postgres-up.sh" "$WORK/postgres"
in_background "$here/../servers/ceph-rgw-up.sh" "$WORK/ceph-rgw"

run_wanted "$here" "$@"
[ "$failed" = 0 ]
