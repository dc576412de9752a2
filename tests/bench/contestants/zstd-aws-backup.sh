# shellcheck shell=bash
# the best that people can do by hand
pg_dump -Fc -Z0 | zstd -q -T0 -3 | aws s3 cp --no-progress - "s3://$S3_BUCKET/$S3_PREFIX/dump.zst"
