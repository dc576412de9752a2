# shellcheck shell=bash
# the upload alone, of what is ready
"$SERVERS/s3.py" put-file "$BENCH_WORK/ready.zst" "$S3_PREFIX/dump.zst" 3 16
