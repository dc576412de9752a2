#!/usr/bin/env bash
# run.sh [SUBJECT[:CASE]...]: builds the images from their Dockerfiles and runs them, and compose.yaml, in a
# container engine of its own (engine-up.sh). A subject is a file in cases/, a case a function case_NAME in it,
# in the order of the file; "kubernetes" is kubernetes/run.sh, beside what is named after it; "build" is nothing more.
# Without any, all are run. As root. The last line counts: "N passed, M failed".
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
clean_up() {
    if [ -n "$ours" ] && [ -z "${KEEP:-}" ]; then
        "$here/down.sh" || true
    elif engine_answers; then
        "$here/cases/case.sh" clean_up || true
    fi
    rm -rf "$WORK"
}
# shellcheck source-path=SCRIPTDIR source=../runner.sh
. "$here/../runner.sh"
at_end

run_one() { # SUBJECT CASE
    run_case "containers, $1: ${2//_/ }" "$WORK/$1.$2.log" \
        timeout -k 15 "${CASE_TIMEOUT:-400}" "$here/cases/case.sh" "$1" "$2"
}

# build_step NAME COMMAND...: counts as a case; without it there is nothing to test.
build_step() {
    local began=$SECONDS
    if into "$WORK/build.log" "${@:2}"; then
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
    {
        "$here/make-base-images.sh" postgres:17 s3-stand-in prometheus-stand-in &&
            docker build -q -t kubernetes-tools "$here/kubernetes"
    } &
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

cases_of() { sed -nE 's/^case_([a-z0-9_]+)\(\).*/\1/p' "$here/cases/$1.sh"; }

[ $# -gt 0 ] || set -- images stack older_systems production physical nights kubernetes outage bad_input
if ! engine_answers; then
    ours=1
    build_step "an engine of our own" "$here/engine-up.sh"
fi
build_step "a base image from Debian's packages" "$here/make-base-images.sh" debian:trixie-slim
build_step "both images from their Dockerfiles, and the stand-ins" build_all

for wanted in "$@"; do
    case $wanted in
        build) ;; # done
        kubernetes) start_beside kubernetes "$WORK/kubernetes.log" "$here/kubernetes/run.sh" ;;
        *) run_wanted "$here/cases" "$wanted" ;;
    esac
done
[ -z "${beside[kubernetes]:-}" ] || join kubernetes "$WORK/kubernetes.log"
[ "$failed" = 0 ]
