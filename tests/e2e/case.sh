#!/usr/bin/env bash
# case.sh SUBJECT CASE: one case in a process of its own; started by run.sh.
set -euo pipefail
cd "$(dirname "$0")"
. ./lib.sh
# shellcheck source=/dev/null
. "./$1.sh"
begin_case "$1" "$2"
trap end_case EXIT
trap 'exit 143' TERM INT
"case_$2"
