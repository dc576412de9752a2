#!/usr/bin/env bash
# tidy.sh [FILE...]: clang-tidy 14 with .clang-tidy over our own sources (tests excepted), or those pieces that hold a
# FILE, two at a time. A piece is what a unity build compiles at once, so that the headers of many sources are read and
# checked once. A piece that has not changed since it last passed is not looked at again: what it was compiled from is
# hashed, and remembered in the user's cache folder, for every clone.
set -euo pipefail
cd "$(dirname "$0")/../.."
build="build-tidy"
passed=${XDG_CACHE_HOME:-$HOME/.cache}/pg-backup-tidy

if ! clang_tidy=$(command -v clang-tidy-14); then
    echo "needs clang-tidy 14"
    exit 77
fi
cmake -S . -B "$build" -G Ninja -DBUILD_TESTING=OFF >/dev/null
mapfile -t pieces < <(jq -r '.[].file' "$build/compile_commands.json")
find common backup prune -name '*.cc' -printf "#include \"$PWD/%p\"\n" | grep -vxFf <(cat "${pieces[@]}") && {
    echo "in no CMakeLists.txt"
    exit 1
}
[ $# = 0 ] || mapfile -t pieces < <(grep -lFf <(printf "$PWD/%s\n" "$@") "${pieces[@]}")

# tidy_one CLANG_TIDY BUILD PASSED PIECE
tidy_one() {
    local command stamp
    command=$(jq -r --arg file "$4" '.[] | select(.file == $file) | .command' "$2/compile_commands.json")
    # The preprocessed text without line markers: comments and formatting do not matter to most checks, but
    # NOLINT does, so the sources themselves are hashed too.
    stamp=$({
        "$1" --version
        cat .clang-tidy
        sed -n 's/^#include "\(.*\)"$/\1/p' "$4" | xargs -d '\n' cat
        eval "${command%% -o *} -E -P $4"
    } 2>/dev/null | sha256sum | cut -c1-64)
    [ ! -e "$3/$stamp" ] || return 0
    "$1" --quiet --config-file=.clang-tidy -p "$2" "$4" 2>/dev/null || return 1
    touch "$3/$stamp"
}
export -f tidy_one

mkdir -p "$passed"
find "$passed" -type f -mtime +30 -delete
printf '%s\0' "${pieces[@]}" | xargs -0 -n 1 -P 2 bash -c 'tidy_one "$@"' _ "$clang_tidy" "$build" "$passed"
