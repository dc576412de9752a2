#!/usr/bin/env bash
# test.sh [unit|e2e|containers]: installs what is missing, builds, and runs the checks and unit tests (unit), the
# end-to-end tests against a scratch PostgreSQL and a Ceph S3 gateway (e2e), the images and what deploys them in a
# container engine of its own (containers), or all of it and clang-tidy.
# End-to-end tests run plain and under ASan+UBSan; with all, so do the unit tests, and those of threads under
# TSan, and each target of tests/fuzz gets FUZZ_SECONDS (5). Nothing is touched that was not started here. What this
# machine cannot run is skipped, and counts as nothing; with REQUIRE=containers those that are skipped count as failed.
# What failed is shown once more at the end. The last line counts: "N passed, M failed".
set -euo pipefail
cd "$(dirname "$0")"
. tests/packages.sh

what=${1:-all}
case $what in
    all | unit | e2e | containers) ;;
    *) echo "usage: ./test.sh [unit|e2e|containers]" >&2; exit 2 ;;
esac

work=$(mktemp -d /tmp/pg-backup-test.XXXXXX)
clean_up() {
    [ ! -e "$work/s3/pids" ] || tests/servers/ceph-rgw-down.sh "$work/s3" || true
    [ ! -e "$work/engine/pids" ] || DK=$work/engine tests/containers/down.sh || true
    [ ! -s "$work/failures" ] || { section "what failed" && cat "$work/failures"; }
    rm -rf "$work"
}
. tests/runner.sh
at_end

section() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

build() { # FOLDER TARGET CMAKE_OPTION...
    section "build $1"
    into "$work/cmake.log" cmake -S . -B "$1" -G Ninja -DBUILD_TESTING=ON -DWERROR=ON \
        -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "${@:3}" ||
        { cat "$work/cmake.log"; exit 1; }
    in_background cmake --build "$1" --target "$2"
}

# run NAME COMMAND...: a runner, whose failures are shown again at the end.
run() {
    run_counted "$work/$1.log" "${@:2}"
    failures_in "$work/$1.log" >>"$work/failures"
}

# run_beside NAME COMMAND...: the same together with what comes next, until join_as NAME TITLE.
run_beside() { start_beside "$1" "$work/$1.log" "${@:2}"; }
join_as() {
    section "$2"
    join "$1" "$work/$1.log"
    failures_in "$work/$1.log" >>"$work/failures"
}

# Prints each failed case of a runner or of ctest, with the last lines that it wrote.
failures_in() { # FILE
    awk 'function flush(  i) {
            if (title != "") print title
            for (i = (n > 25 ? n - 24 : 1); i <= n; i++) print line[i]
            title = ""; n = 0
        }
        /^(ok|skipped) - / || /^[0-9]+\/[0-9]+ Test / || /^[0-9]+% tests/ || /^[0-9]+ passed/ { flush(); inside = 0 }
        /^not ok - / || /\*\*\*(Failed|Timeout|Exception|Not Run)/ { flush(); inside = 1; title = $0; next }
        inside { line[++n] = $0 }
        END { flush() }' "$1"
}

ctest_in() { # FOLDER CTEST_OPTION...
    section "unit tests in $1"
    # They wait more than they work.
    run "ctest $1" env "${gateway[@]}" ctest --test-dir "$1" -j $((2 * $(nproc))) --no-tests=error --output-on-failure \
        --timeout 240 "${@:2}"
}

unit() {
    run_beside checks tests/checks/run.sh

    # The stores' contract is tested on the real gateway too.
    in_background tests/servers/ceph-rgw-up.sh "$work/s3"
    mapfile -t gateway <"$work/s3/env"
    ctest_in build
    join_as checks checks
    [ "$what" = unit ] || sanitized_unit
    in_background tests/servers/ceph-rgw-down.sh "$work/s3"
}

build_sanitized() { build build-asan all -DSANITIZE=address,undefined; }

sanitized_unit() {
    build_sanitized
    ctest_in build-asan
    build build-tsan thread_tests -DSANITIZE=thread
    ctest_in build-tsan
}

# Both runs together, in two parts each and with servers of their own: they wait more than they work. What runs with both
# kinds of store runs with one of them in each.
e2e() {
    build_sanitized
    section "end to end, plain and under ASan and UBSan"
    run_beside plain_1 env E2E_PART=1/2 E2E_STORE=dir tests/e2e/run.sh
    run_beside plain_2 env E2E_PART=2/2 E2E_STORE=dir tests/e2e/run.sh
    run_beside sanitized_2 env E2E_PART=2/2 E2E_STORE=s3 KILL_POINTS=4 tests/e2e/run.sh --bin build-asan/bin
    run sanitized_1 env E2E_PART=1/2 E2E_STORE=s3 KILL_POINTS=4 tests/e2e/run.sh --bin build-asan/bin
    join_as sanitized_2 "end to end under ASan and UBSan, the other half"
    join_as plain_1 "end to end, plain"
    join_as plain_2 "end to end, plain, the other half"
}

# Why this machine cannot run a container engine; nothing where it can.
why_no_containers() {
    if [ "$(id -u)" != 0 ]; then
        echo "needs root"
    elif ! unshare --mount --net true 2>/dev/null; then
        echo "needs mount and network namespaces"
    elif [ ! -c /dev/net/tun ]; then
        echo "needs /dev/net/tun"
    fi
}

containers() { # SUBJECT...
    local reason
    reason=$(why_no_containers)
    if [ -n "$reason" ] && [ "${REQUIRE:-}" = containers ]; then
        echo "not ok - containers: $reason"
        echo "0 passed, 1 failed"
    elif [ -n "$reason" ]; then
        echo "skipped - containers: $reason"
        echo "0 passed, 0 failed"
    else
        exec tests/containers/run.sh "$@"
    fi
}

# What only computes runs beside what waits, and takes the time that nothing else wants: health counts in seconds.
all() {
    export DK=${DK:-$work/engine} # one for both
    run_beside tidy chrt -i 0 tests/checks/run.sh tidy
    unit
    run_beside images build_images
    e2e
    join_as images images
    run_beside fuzz chrt -i 0 tests/fuzz/run.sh "${FUZZ_SECONDS:-5}"
    section containers
    run containers containers
    join_as fuzz fuzzing
    join_as tidy clang-tidy
}

build_images() { KEEP=1 containers build; }

install_packages "${build_packages[@]}" "${test_packages[@]}"
# Clones in different folders share what was compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
if [ "$what" = containers ]; then
    section containers
    run containers containers
else
    build build all
    "$what"
    section "end"
fi
[ "$failed" = 0 ]
