# shellcheck shell=bash
BACKUP_AGE_RECIPIENTS_FILE=$BENCH_WORK/age.recipient "$PG_BACKUP" now
