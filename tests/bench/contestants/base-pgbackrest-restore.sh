# shellcheck shell=bash
# shellcheck source=tests/bench/contestants/base-pgbackrest.sh
. "${BASH_SOURCE[0]%/*}/base-pgbackrest.sh"
install -d -o postgres -m 0700 "$RESTORE_DIR"
PGBACKREST_PG1_PATH=$RESTORE_DIR pgbackrest --type=immediate restore
