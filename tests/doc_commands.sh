#!/usr/bin/env bash
# doc_commands.sh [PAGE...]: the lines of all `sh` blocks in these pages, by default README.md and docs/*.md. What runs
# the documented commands takes them from here.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd -P)
[ $# != 0 ] || set -- "$root/README.md" "$root"/docs/*.md
awk 'FNR == 1 { inside = 0 } /^```/ { inside = !inside && $0 == "```sh"; next } inside' "$@"
