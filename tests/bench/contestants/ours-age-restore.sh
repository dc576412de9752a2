# shellcheck shell=bash
BACKUP_AGE_IDENTITY_FILE=$BENCH_WORK/age.key "$PG_BACKUP" restore --database "$DB" --target-database "$RESTORE_DB"
