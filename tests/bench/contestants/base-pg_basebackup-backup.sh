# shellcheck shell=bash
# PostgreSQL's own program, which stores nothing here: what the server and the compression cost.
pg_basebackup -X none -Ft -D - --checkpoint=fast --compress=client-zstd:3 >/dev/null
