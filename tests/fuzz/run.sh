#!/usr/bin/env bash
# run.sh [SECONDS [TARGET...]]: each fuzz target for so long (5), a few at a time, from the inputs in
# corpus/ and inputs of its own. Builds them first, in build-fuzz. What breaks a promise lies in
# build-fuzz/found/ afterwards: the fix puts it into corpus/. The last line counts: "N passed, M failed".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
root=$here/../..
seconds=${1:-5}
[ $# = 0 ] || shift

build() {
    cmake -S "$root" -B "$root/build-fuzz" -G Ninja -DFUZZ=ON -DCMAKE_BUILD_TYPE=None \
        -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_CXX_COMPILER_LAUNCHER=ccache >/dev/null
    cmake --build "$root/build-fuzz" >"$root/build-fuzz/build.log" || { cat "$root/build-fuzz/build.log"; exit 1; }
}

# One line, and what the target said where it found something. Nothing but the corpus is read, and the folder of
# new inputs is not kept: a run depends on no other.
fuzz() { # TARGET
    local status=0 log=$found/$1.log inputs
    inputs=$found/$1.inputs && mkdir "$inputs"
    TZ=UTC "$bin/fuzz_$1" -max_total_time="$seconds" -max_len=8192 -timeout=60 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$found/$1-" "$inputs" "$here/corpus/$1" >"$log" 2>&1 </dev/null || status=$?
    rm -rf "$inputs"
    if [ "$status" = 0 ]; then
        echo "ok - fuzz $1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s"
    else
        echo "not ok - fuzz $1"
        grep -vE $'^(#[0-9]|\t)' "$log" | tail -n 60 # without its progress
    fi
}

build
found=$root/build-fuzz/found
bin=$root/build-fuzz/bin
rm -rf "$found" && mkdir "$found"
[ $# -gt 0 ] || mapfile -t targets < <(cd "$here/corpus" && ls)
[ $# = 0 ] || targets=("$@")
export here seconds found bin
export -f fuzz
# In a process group of their own: whoever stops us stops them.
# shellcheck disable=SC2016
printf '%s\0' "${targets[@]}" |
    setsid xargs -0 -n 1 -P "$(nproc)" bash -c 'fuzz "$1" >"$found/$1.result"' fuzz &
group=$!
trap 'kill -TERM -- "-$group"; exit 143' TERM INT
wait "$group" || true
failed=0
for target in "${targets[@]}"; do
    cat "$found/$target.result"
    grep -q '^ok' "$found/$target.result" || failed=$((failed + 1))
done
echo "$((${#targets[@]} - failed)) passed, $failed failed"
[ "$failed" = 0 ]
