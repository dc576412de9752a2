#!/usr/bin/env bash
# run.sh [SUBJECT[:CASE]...]: builds the images from their Dockerfiles and runs them, and compose.yaml, in a
# container engine of its own (engine-up.sh). A subject is a file in cases/, a case a function case_NAME in it,
# in the order of the file; "kubernetes" is kubernetes/run.sh. Without any, all are run. As root. The last line
# counts: "N passed, M failed".
#   KEEP=1   leaves engine and images for the next run, with the same DK (lib.sh)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
ours= # the engine was started here
if [ -z "${DK:-}" ] && [ -z "${KEEP:-}" ]; then
    DK=$(mktemp -d /tmp/pg-backup-engine.XXXXXX)
fi
. "$here/lib.sh"
export DK
WORK=$(mktemp -d /tmp/pg-backup-containers.XXXXXX)
chmod 755 "$WORK"
export WORK
passed=0 failed=0 running=

finish() {
    trap - INT TERM
    if [ -n "$running" ]; then
        kill -TERM "$running" 2>/dev/null || true
        wait "$running" 2>/dev/null || true
    fi
    if [ -n "$ours" ] && [ -z "${KEEP:-}" ]; then
        "$here/down.sh" || true
    elif engine_answers; then
        "$here/cases/case.sh" clean_up || true
    fi
    rm -rf "$WORK"
    echo "$passed passed, $failed failed"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# in_background COMMAND...: waits for it, but so that a signal to us is seen at once.
in_background() {
    local status=0
    "$@" </dev/null &
    running=$!
    wait "$running" || status=$?
    running=
    return "$status"
}

run_case() { # SUBJECT CASE
    local name="containers, $1: ${2//_/ }" log="$WORK/$1.$2.log" began=$SECONDS status=0
    in_background timeout -k 15 "${CASE_TIMEOUT:-400}" "$here/cases/case.sh" "$1" "$2" >"$log" 2>&1 || status=$?
    case $status in
        0)
            passed=$((passed + 1)) && echo "ok - $name ($((SECONDS - began)) s)"
            sed -n 's/^note: /    /p' "$log"
            ;;
        77) echo "skipped - $name: $(tail -n 1 "$log")" ;;
        *)
            failed=$((failed + 1))
            [ "$status" != 124 ] || echo "took longer than ${CASE_TIMEOUT:-400} s" >>"$log"
            echo "not ok - $name ($((SECONDS - began)) s)"
            sed 's/^/    /' "$log"
            ;;
    esac
}

# build_step NAME COMMAND...: counts as a case; without it there is nothing to test.
build_step() {
    local began=$SECONDS
    if in_background "${@:2}" >"$WORK/build.log" 2>&1; then
        passed=$((passed + 1)) && echo "ok - containers, $1 ($((SECONDS - began)) s)"
    else
        failed=$((failed + 1))
        echo "not ok - containers, $1"
        tail -n 60 "$WORK/build.log" | sed 's/^/    /'
        exit 1
    fi
}

# One waits for the network and the disk, the other one compiles.
build_all() {
    local stand_ins
    "$here/make-base-images.sh" postgres:17 s3-stand-in &
    stand_ins=$!
    "$here/build.sh" && version_images && wait "$stand_ins"
}

# Tags new and old, for the upgrade: this version, and the release before it (OLD_RELEASE, else the last tag). Where
# there is none, a copy of this version stands in.
version_images() {
    local root release program
    root=$(cd "$here/../.." && pwd -P)
    release=${OLD_RELEASE:-$(git_of "$root" describe --tags --abbrev=0 --match 'v*' HEAD^ 2>/dev/null || true)}
    for program in backup prune; do
        docker tag "pg-$program" "pg-$program:new"
        if [ -n "$release" ]; then
            git_of "$root" archive "$release" | docker build -q -f "Dockerfile.$program" --label old="$release" \
                --build-arg PG_REPO=debian --build-arg PG_MAJORS=17 -t "pg-$program:old" -
        else
            docker build -q --label old="a copy of this version" -t "pg-$program:old" - <<<"FROM pg-$program"
        fi
    done
}
git_of() { git -c safe.directory='*' -C "$@"; }

# Cases of a runner of its own, which prints and counts them itself.
run_kubernetes() {
    local good bad status=0
    mkfifo "$WORK/pipe"
    tee "$WORK/kubernetes.log" <"$WORK/pipe" | grep --line-buffered -vE '^[0-9]+ passed, [0-9]+ failed$' &
    # shellcheck disable=SC2016
    in_background bash -c 'exec "$0" >"$1" 2>&1' "$here/kubernetes/run.sh" "$WORK/pipe" || status=$?
    wait
    rm "$WORK/pipe"
    read -r good bad <<<"$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$WORK/kubernetes.log" | tail -n 1)"
    passed=$((passed + ${good:-0})) failed=$((failed + ${bad:-0}))
    [ "$status" = 0 ] || [ "${bad:-0}" != 0 ] || failed=$((failed + 1))
}

cases_of() { sed -nE 's/^case_([a-z0-9_]+)\(\).*/\1/p' "$here/cases/$1.sh"; }

[ $# -gt 0 ] || set -- images stack production nights outage bad_input kubernetes
if ! engine_answers; then
    ours=1
    build_step "an engine of our own" "$here/engine-up.sh"
fi
build_step "a base image from Debian's packages" "$here/make-base-images.sh" debian:trixie-slim
build_step "both images from their Dockerfiles, and the stand-ins" build_all

for wanted in "$@"; do
    if [ "$wanted" = kubernetes ]; then
        run_kubernetes
        continue
    fi
    subject=${wanted%%:*} found=
    [ -e "$here/cases/$subject.sh" ] || { echo "there is no subject $subject" >&2; exit 2; }
    for name in $(cases_of "$subject"); do
        case $wanted in "$subject" | "$subject:$name") found=1 && run_case "$subject" "$name" ;; esac
    done
    [ -n "$found" ] || { echo "there is no case $wanted" >&2; exit 2; }
done
[ "$failed" = 0 ]
