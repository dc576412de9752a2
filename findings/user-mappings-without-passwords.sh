#!/usr/bin/env bash
# Software: pg_dump of PostgreSQL 15.20 and 18.6, run by a role that has pg_read_all_data.
#
# One would guess: pg_dump fails, or at least warns, where its role may not read something that belongs
# into the dump, as it does for a table ("permission denied") and for subscriptions (a warning).
#
# What happens: the options of user mappings, with user names and passwords for foreign servers, are
# hidden from roles that are not superusers. pg_dump takes the hidden options for none and writes
# CREATE USER MAPPING without any. It says nothing and exits with 0.
#
# Why it matters: a backup role with few privileges is good practice, and pg_read_all_data is the
# documented way. After a restore no foreign table can be read until somebody finds the passwords.
. "$(dirname "$0")/lib.sh"
packages bookworm postgresql-15=15.20-0+deb12u1
packages forky postgresql-18=18.6-3

for major in 15 18; do
    start_postgres "$major"
    sql "$major" <<'SQL'
create role app;
create role backup login;
grant pg_read_all_data to backup;
create foreign data wrapper wrapper;
create server archive foreign data wrapper wrapper;
create user mapping for app server archive options (user 'reader', password 'not-so-secret');
SQL
    export PGPORT=$((5400 + major))
    expect "$major: the dump of a superuser" "*CREATE USER MAPPING FOR app SERVER archive OPTIONS (*not-so-secret*" \
        "$(pg "$major" pg_dump | grep -A 3 '^CREATE USER MAPPING')"
    status=0
    pg "$major" pg_dump --username=backup >"$W/dump" 2>"$W/errors" || status=$?
    expect "$major: the dump of the backup role" "CREATE USER MAPPING FOR app SERVER archive;" \
        "$(grep -A 3 '^CREATE USER MAPPING' "$W/dump" | grep -v '^$' | head -n 1)"
    expect "$major: how pg_dump ended" "exit 0, said ''" "exit $status, said '$(cat "$W/errors")'"
    stop_postgres "$major"
done
