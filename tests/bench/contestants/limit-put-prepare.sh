# shellcheck shell=bash
pg_dump -Fc -Z0 | zstd -q -T0 -3 >"$BENCH_WORK/ready.zst"
