# shellcheck shell=bash
"$PG_BACKUP" restore --database "$DB" --target-database "$RESTORE_DB"
