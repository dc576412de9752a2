# shellcheck shell=bash
# pg_dump and compression, no store
pg_dump -Fc -Z0 | zstd -q -T0 -3 >/dev/null
