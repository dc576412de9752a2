# shellcheck shell=bash
aws s3 cp --no-progress "s3://$S3_BUCKET/$S3_PREFIX/dump.zst.age" - | age -d -i "$BENCH_WORK/age.key" | zstd -dq |
    pg_restore -d "$RESTORE_DB"
