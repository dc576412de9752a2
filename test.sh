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

passed=0 failed=0 running=
declare -A beside=() # by name: what runs beside the rest
work=$(mktemp -d /tmp/pg-backup-test.XXXXXX)

finish() {
    local status=$?
    trap - INT TERM
    local process
    for process in $running "${beside[@]}"; do
        kill -TERM "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    [ ! -e "$work/s3/pids" ] || tests/servers/ceph-rgw-down.sh "$work/s3" || true
    [ ! -s "$work/failures" ] || { section "what failed" && cat "$work/failures"; }
    rm -rf "$work"
    [ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1 # stopped half-way
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] || [ "$status" != 0 ] || exit 1
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# attempt COMMAND...: its status; a signal to us is seen at once, and then ends it too.
attempt() {
    local status=0
    "$@" </dev/null &
    running=$!
    wait "$running" || status=$?
    running=
    return "$status"
}

section() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

build() { # FOLDER TARGET CMAKE_OPTION...
    section "build $1"
    attempt cmake -S . -B "$1" -G Ninja -DBUILD_TESTING=ON -DCMAKE_UNITY_BUILD=OFF \
        -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "${@:3}" >"$work/cmake.log" 2>&1 ||
        { cat "$work/cmake.log"; exit 1; }
    attempt cmake --build "$1" --target "$2"
}

# start_beside NAME COMMAND...: together with what comes next. join NAME waits for it, shows its output and has its
# status.
start_beside() {
    "${@:2}" >"$work/$1.log" 2>&1 </dev/null &
    beside[$1]=$!
}

join() { # NAME
    local status=0
    wait "${beside[$1]}" || status=$?
    unset "beside[$1]"
    mv "$work/$1.log" "$work/output"
    cat "$work/output"
    return "$status"
}

check() { # NAME COMMAND...
    local status=0
    attempt "${@:2}" || status=$?
    verdict "$1" "$status"
}

verdict() { # NAME STATUS
    case $2 in
        0) passed=$((passed + 1)) && echo "ok - $1" ;;
        77) echo "skipped - $1" ;; # it has said why
        *) failed=$((failed + 1)) && echo "not ok - $1" | tee -a "$work/failures" ;;
    esac
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

# Adds up the line with which a runner ends: "N passed, M failed", or ctest's own.
count() { # STATUS
    local result
    failures_in "$work/output" >>"$work/failures"
    result=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p
        s/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/- \1 \2/p' "$work/output" | tail -n 1)
    case $result in
        "") failed=$((failed + 1)) ;; # it came to no result
        "- "*)
            read -r _ bad all <<<"$result"
            passed=$((passed + all - bad)) failed=$((failed + bad))
            ;;
        *)
            read -r good bad <<<"$result"
            passed=$((passed + good)) failed=$((failed + bad))
            [ "$1" = 0 ] || [ "$bad" != 0 ] || failed=$((failed + 1))
            ;;
    esac
}

join_counted() { # NAME TITLE
    local status=0
    section "$2"
    join "$1" || status=$?
    count "$status"
}

# run_counted COMMAND...: shows its output, but not ctest's lines about tests that pass.
run_counted() {
    local status=0 reader
    mkfifo "$work/pipe"
    tee "$work/output" <"$work/pipe" |
        grep --line-buffered -vE '^ *(Start +[0-9]+: |[0-9]+/[0-9]+ Test .* Passed )' &
    reader=$!
    attempt "$@" >"$work/pipe" 2>&1 || status=$?
    wait "$reader" || true
    rm "$work/pipe"
    count "$status"
}

ctest_in() { # FOLDER CTEST_OPTION...
    section "unit tests in $1"
    run_counted env "${gateway[@]}" ctest --test-dir "$1" -j "$(nproc)" --no-tests=error --output-on-failure \
        --timeout 240 "${@:2}"
}

unit() {
    section checks
    check layering tests/checks/layering.sh
    check sizes tests/checks/sizes.sh
    check format tests/checks/format.sh
    check scripts tests/checks/scripts.sh
    check yaml tests/checks/yaml.sh
    check workflows tests/checks/workflows.sh
    check dockerfiles tests/checks/dockerfiles.py
    check documentation tests/checks/docs.sh
    check "doc comments" tests/checks/comments.py
    check "the checks themselves" tests/checks/self_test.sh
    check "schedules, against other implementations" tests/cron/compare.py build/bin/cron_times

    # The stores' contract is tested on the real gateway too.
    attempt tests/servers/ceph-rgw-up.sh "$work/s3"
    mapfile -t gateway <"$work/s3/env"
    ctest_in build
    [ "$what" = unit ] || sanitized_unit
    attempt tests/servers/ceph-rgw-down.sh "$work/s3"
}

sanitized_unit() {
    build build-asan all -DSANITIZE=address,undefined
    ctest_in build-asan
    build build-tsan thread_tests -DSANITIZE=thread
    check "threads under TSan" build-tsan/bin/thread_tests
}

# Both runs together, each with servers of its own: they wait more than they work. What runs with both kinds of store
# runs with one of them in each.
e2e() {
    build build-asan all -DSANITIZE=address,undefined
    section "end to end, plain and under ASan and UBSan"
    start_beside plain env E2E_STORE=dir tests/e2e/run.sh
    run_counted env E2E_STORE=s3 KILL_POINTS=4 tests/e2e/run.sh --bin build-asan/bin
    join_counted plain "end to end, plain"
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

containers() {
    local reason
    reason=$(why_no_containers)
    if [ -n "$reason" ] && [ "${REQUIRE:-}" = containers ]; then
        echo "not ok - containers: $reason"
        echo "0 passed, 1 failed"
    elif [ -n "$reason" ]; then
        echo "skipped - containers: $reason"
        echo "0 passed, 0 failed"
    else
        exec tests/containers/run.sh
    fi
}

# The checks that only compute run beside what waits.
all() {
    start_beside tidy nice tests/checks/tidy.sh
    unit
    start_beside fuzz nice tests/fuzz/run.sh "${FUZZ_SECONDS:-5}"
    e2e
    join_counted fuzz fuzzing
    section containers # alone: their health counts in seconds
    run_counted containers
    local status=0
    section clang-tidy
    join tidy || status=$?
    verdict clang-tidy "$status"
}

install_packages "${build_packages[@]}" "${test_packages[@]}"
# Clones in different folders share what was compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
if [ "$what" = containers ]; then
    section containers
    run_counted containers
    exit
fi
build build all -DWERROR=ON # not with the sanitizers: g++ 12 then warns where nothing is wrong
"$what"
section "end"
