#!/usr/bin/env bash
# sizes.sh [ROOT]: no source file above 450 lines, no test above 600. Prints the files that are too long.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

too_long() { # LIMIT FOLDER
    local lines file
    [ -d "$2" ] || return 0
    find "$2" \( -name '*.cc' -o -name '*.h' \) -exec wc -l {} \; | while read -r lines file; do
        [ "$lines" -le "$1" ] || echo "$file: $lines lines, at most $1"
    done
}

found=$(for folder in common backup prune; do too_long 450 $folder; done; too_long 600 tests)
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
