#!/usr/bin/env bash
# Run once, when the server's data is made: the role that makes backups, with the least rights.
set -euo pipefail
psql -X -v ON_ERROR_STOP=1 -v database="$POSTGRES_DB" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
\set password `cat /run/secrets/db_password`
CREATE ROLE backup LOGIN PASSWORD :'password' BYPASSRLS;
GRANT pg_read_all_data TO backup;
ALTER ROLE backup IN DATABASE :"database" SET lo_compat_privileges = on;
SQL
