#!/usr/bin/env bash
# tidy.sh [FILE...]: clang-tidy 14 with .clang-tidy over our own sources (tests excepted), two
# at a time. A file that has not changed since it last passed is not looked at again: what it was compiled
# from is hashed, and remembered in the user's cache folder, for every clone.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build
passed=${XDG_CACHE_HOME:-$HOME/.cache}/pg-backup-tidy

if ! clang_tidy=$(command -v clang-tidy-14); then
    echo "tidy: left out, needs clang-tidy 14"
    exit 77
fi
if [ $# = 0 ]; then
    mapfile -t files < <(find common backup prune -name '*.cc' | sort)
    set -- "${files[@]}"
fi

# tidy_one CLANG_TIDY BUILD PASSED FILE
tidy_one() {
    local command stamp
    command=$(jq -r --arg file "$PWD/$4" '.[] | select(.file == $file) | .command' "$2/compile_commands.json")
    [ -n "$command" ] || { echo "$4: not in compile_commands.json"; return 1; }
    # The preprocessed text without line markers: comments and formatting do not matter to most checks, but
    # NOLINT does, so the file itself is hashed too.
    stamp=$({ "$1" --version; cat .clang-tidy "$4"; eval "${command%% -o *} -E -P $4"; } 2>/dev/null | sha256sum | cut -c1-64)
    [ ! -e "$3/$stamp" ] || return 0
    "$1" --quiet -p "$2" "$4" 2>/dev/null || return 1
    touch "$3/$stamp"
}
export -f tidy_one

mkdir -p "$passed"
find "$passed" -type f -mtime +30 -delete
printf '%s\0' "$@" | xargs -0 -n 1 -P 2 bash -c 'tidy_one "$@"' _ "$clang_tidy" "$build" "$passed"
