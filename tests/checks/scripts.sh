#!/usr/bin/env bash
# scripts.sh [ROOT]: shellcheck over every shell script of ours.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
find . -path './build*' -prune -o -path ./.git -prune -o -type f -print0 | xargs -0 grep -lZE -m1 \
    '^#!/usr/bin/env bash$|^# shellcheck shell=bash$' | xargs -0 shellcheck -x --source-path=SCRIPTDIR
