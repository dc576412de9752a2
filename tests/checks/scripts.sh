#!/usr/bin/env bash
# scripts.sh [ROOT]: shellcheck over every shell script of ours, and a trap that it does not know.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
# grep -q leaves at the first match; with pipefail the writer's SIGPIPE then counts as "not found", at times.
! grep -rsnE '\| *grep -[a-zA-Z]*q' --include='*.sh' tests deploy ./*.sh || {
    echo "grep -q behind a pipe: use grep -q ... <<<\"\$(command)\"" >&2
    exit 1
}
find . -path './build*' -prune -o -path ./.git -prune -o -type f -print0 | xargs -0 grep -lZE -m1 \
    '^#!/usr/bin/env bash$|^#!/bin/sh$|^# shellcheck shell=bash$' | xargs -0 shellcheck -x --source-path=SCRIPTDIR
