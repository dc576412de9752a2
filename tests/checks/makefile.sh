#!/usr/bin/env bash
# makefile.sh [ROOT]: deploy/compose/Makefile has each target of the older stack, and each one calls what it should, as a
# docker that only notes its arguments tells.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
cat >"$work/bin/docker" <<'SH'
#!/bin/sh
for word in "$@"; do printf '[%s]' "$word" >>"$NOTES"; done
echo >>"$NOTES"
SH
chmod +x "$work/bin/docker"
export NOTES=$work/notes
failed=0

# make_target STATUS CALL TARGET [NAME=VALUE...]: that status, and that call of docker or none
make_target() {
    local status=0
    : >"$NOTES"
    PATH=$work/bin:$PATH make -s -f deploy/compose/Makefile "${@:3}" >"$work/out" 2>&1 || status=$?
    [ "$status" = "$1" ] && [ "$(cat "$NOTES")" = "$2" ] && return
    failed=1
    echo "make ${*:3}: exit $status instead of $1; docker was called with $(cat "$NOTES") instead of $2"
    sed 's/^/    /' "$work/out"
}

make_target 0 '[compose][up][-d]' up
make_target 0 '[compose][down]' down
make_target 0 '[compose][exec][backup][pg-backup][now]' backup
make_target 0 '[compose][exec][backup][pg-backup][list]' list-backups
make_target 0 '[compose][exec][backup][pg-backup][list][--json]' list-backups ARGS=--json
make_target 0 '[compose][run][--rm][restore][2024/01/15/myapp_120000.sql.gz]' restore FILE=2024/01/15/myapp_120000.sql.gz
make_target 0 '[compose][run][--rm][restore][x][--target-database][copy][--create]' \
    restore FILE=x 'ARGS=--target-database copy --create'
make_target 0 "[compose][run][--rm][restore][a b'; echo \$HOME]" restore "FILE=a b'; echo \$\$HOME"
make_target 2 '' restore
make_target 0 '[compose][exec][prune][pg-prune][now]' cleanup
make_target 0 '[compose][exec][prune][pg-prune][plan]' cleanup-dry-run
make_target 0 '[compose][logs][-f]' logs
make_target 0 '[compose][logs][-f][backup]' logs-backup
make_target 0 '[compose][down][--volumes]' clean
make_target 0 "[compose][exec][postgres][sh][-c][exec psql -U \"\${POSTGRES_USER:-postgres}\" \"\${POSTGRES_DB:-postgres}\"]" \
    shell-postgres
make_target 0 '[compose][exec][backup][sh]' shell-backup
make_target 2 '' no-such-target
# Without a target it is the help, which names all of them.
make_target 0 ''
for target in help up down backup restore cleanup cleanup-dry-run test test-retention logs logs-backup clean \
    shell-postgres shell-backup list-backups; do
    grep -qE "^make $target +[A-Z]" "$work/out" || { failed=1 && echo "make help does not name $target"; }
done
# What these run takes long.
for line in "test deploy/compose/../../test.sh e2e" \
    "test-retention deploy/compose/../../tests/e2e/run.sh retention"; do
    [ "$(make -n -f deploy/compose/Makefile "${line%% *}")" = "${line#* }" ] ||
        { failed=1 && echo "make ${line%% *} does not run ${line#* }"; }
done
exit "$failed"
