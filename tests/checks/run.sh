#!/usr/bin/env bash
# run.sh [sources|tidy]: the checks of the sources and of what describes them (sources), which take a minute, or
# clang-tidy, which takes ten. Both need the folder build. The last line counts: "N passed, M failed".
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
log=$(mktemp /tmp/pg-backup-checks.XXXXXX)
clean_up() { rm -f "$log"; }
# shellcheck source-path=SCRIPTDIR source=../runner.sh
. "$here/../runner.sh"
at_end

check() { run_case "$1" "$log" "${@:2}"; } # NAME COMMAND...

sources() {
    check layering "$here/layering.sh"
    check sizes "$here/sizes.sh"
    check format "$here/format.sh"
    check scripts "$here/scripts.sh"
    check yaml "$here/yaml.sh"
    check workflows "$here/workflows.sh"
    check makefile "$here/makefile.sh"
    check "the stack to try" "$here/stack.py"
    check dockerfiles "$here/dockerfiles.py"
    check documentation "$here/docs.sh"
    check "alerts and dashboard" "$here/monitoring.sh"
    check "doc comments" "$here/comments.py"
    check "log messages" "$here/log_messages.py"
    check "the checks themselves" "$here/self_test.sh"
    check "schedules, against other implementations" "$here/../cron/compare.py" "$here/../../build/bin/cron_times"
}

case ${1:-sources} in
    sources) sources ;;
    tidy) check clang-tidy "$here/tidy.sh" ;;
    *) echo "usage: run.sh [sources|tidy]" >&2; exit 2 ;;
esac
[ "$failed" = 0 ]
