# shellcheck shell=bash
# what people do
pg_dump -Fc | aws s3 cp --no-progress - "s3://$S3_BUCKET/$S3_PREFIX/dump"
