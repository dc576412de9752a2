# shellcheck shell=bash
# the best that people can do by hand with encryption
pg_dump -Fc -Z0 | zstd -q -3 | age -R "$BENCH_WORK/age.recipient" |
    aws s3 cp --no-progress - "s3://$S3_BUCKET/$S3_PREFIX/dump.zst.age"
