#!/usr/bin/env bash
# layering.sh [ROOT]: who may include whom. Prints every violation; exit 1 if there is one.
#   common/: a layer includes only itself and the layers before it in this list.
#   backup/ and prune/ never include each other; common/ includes neither and knows no libpq.
#   backup/: its rooms include postgres/ and common/, never each other nor what lies above them; postgres/ knows no
#   store. Only the files that lie directly in backup/ include config.h.
#   Only common/base/clock.cc reads the system's clock.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
layers=(base codec http store catalog service)
rooms=(dump restore physical verify)

violations() {
    local i lower folder
    for i in "${!layers[@]}"; do
        for lower in "${layers[@]:i+1}"; do
            grep_includes "common/${layers[i]}" "common/$lower/" "common/${layers[i]} must not include common/$lower"
        done
    done
    for folder in common/*/; do
        folder=$(basename "$folder")
        [[ " ${layers[*]} " = *" $folder "* ]] || echo "common/$folder: not in the list of layers"
    done
    for folder in backup/*/; do
        [ -d "$folder" ] || continue
        folder=$(basename "$folder")
        [[ " postgres ${rooms[*]} " = *" $folder "* ]] || echo "backup/$folder: not in the list of rooms"
        grep_includes "backup/$folder" 'backup/[a-z_]+\.h' "backup/$folder must not include what lies above it"
        for i in "${rooms[@]}"; do
            [ "$i" = "$folder" ] ||
                grep_includes "backup/$folder" "backup/$i/" "backup/$folder must not include backup/$i"
        done
    done
    grep_includes backup/postgres 'common/(http|store|service)/' "backup/postgres must know no store"
    grep_includes common '(backup|prune|tests)/' "common must not include the programs"
    grep_includes backup '(prune|tests)/' "backup must not include prune"
    grep_includes prune '(backup|tests)/' "prune must not include backup"
    grep_includes common '[a-z/]*libpq' "common must not know libpq"
    grep_includes prune '[a-z/]*libpq' "prune must not know libpq"
    grep_code 'system_clock::now|[^_[:alnum:].>]time\((NULL|nullptr|0|&[a-z_]+)?\)|gettimeofday|CLOCK_REALTIME' \
        "only common/base/clock.cc reads the clock" | grep -v '^common/base/clock\.cc:' || true
}

grep_includes() { # FOLDER PATTERN WHAT
    [ -d "$1" ] || return 0
    grep -rnE --include='*.h' --include='*.cc' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]$2" "$1" |
        sed "s#\$#    <- $3#" || true
}

grep_code() { # PATTERN WHAT: in the programs and the library, comments left out
    grep -rnE --include='*.h' --include='*.cc' "$1" common backup prune 2>/dev/null |
        grep -vE '^[^:]+:[0-9]+:[[:space:]]*//' | sed "s#\$#    <- $2#" || true
}

found=$(violations)
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
