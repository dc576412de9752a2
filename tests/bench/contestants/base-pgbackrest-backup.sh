# shellcheck shell=bash
# shellcheck source=tests/bench/contestants/base-pgbackrest.sh
. "${BASH_SOURCE[0]%/*}/base-pgbackrest.sh"
pgbackrest --type=full backup
