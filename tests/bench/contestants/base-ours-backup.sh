# shellcheck shell=bash
# With the WAL of the backup, over TLS as pgBackRest has it.
S3_ENDPOINT=$S3_TLS_ENDPOINT BACKUP_METHOD=physical "$PG_BACKUP" now
