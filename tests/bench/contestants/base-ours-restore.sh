# shellcheck shell=bash
# shellcheck source=tests/bench/contestants/base-pgbackrest.sh
. "${BASH_SOURCE[0]%/*}/base-pgbackrest.sh"
install -d -o postgres -m 0700 "$RESTORE_DIR"
S3_ENDPOINT=$S3_TLS_ENDPOINT "$PG_BACKUP" restore --cluster --target-dir "$RESTORE_DIR"
