#!/usr/bin/env bash
# format.sh [--fix] [ROOT]: every source is as clang-format 14 (Debian 12) writes it; --fix writes it so.
# Other versions differ in details: with one of those the check is left out, says so and ends with 77.
set -euo pipefail
fix=
[ "${1:-}" != --fix ] || { fix=1; shift; }
cd "${1:-$(dirname "$0")/../..}"

clang_format=$(command -v clang-format-14 || command -v clang-format || true)
case $([ -z "$clang_format" ] || "$clang_format" --version) in
    *" version 14."*) ;;
    *) echo "needs clang-format 14"; exit 77 ;;
esac

failed=0
while read -r -d '' file; do
    if [ -n "$fix" ]; then
        "$clang_format" -i --style=file "$file"
    elif ! "$clang_format" --dry-run -Werror --style=file "$file" 2>/dev/null; then
        echo "$file: not formatted (tests/checks/format.sh --fix)"
        failed=1
    fi
done < <(find . \( -path './build*' -o -path ./.git \) -prune -o \( -name '*.cc' -o -name '*.h' \) -print0)
exit $failed
