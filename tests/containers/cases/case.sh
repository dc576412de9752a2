#!/usr/bin/env bash
# case.sh SUBJECT CASE: one case in a process of its own; case.sh clean_up: removes all that cases leave.
set -euo pipefail
cd "$(dirname "$0")"
. ./lib.sh
if [ "$1" = clean_up ]; then
    clean_up
else
    # shellcheck source=/dev/null
    . "./$1.sh"
    begin_case "$1.$2"
    "case_$2"
fi
