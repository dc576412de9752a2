# shellcheck shell=bash
# pg_dump alone
pg_dump -Fc -Z0 >/dev/null
