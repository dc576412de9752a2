# shellcheck shell=bash
aws s3 cp --no-progress "s3://$S3_BUCKET/$S3_PREFIX/dump" - | pg_restore -d "$RESTORE_DB"
