#!/usr/bin/env bash
# Software: pg_dumpall and psql of PostgreSQL 15.20 and 17.12 (18.6 behaves as 17).
#
# One would guess: the output of pg_dumpall --globals-only can be loaded by any superuser into any new
# cluster of the same version.
#
# What happens: since 16 every membership has a grantor, for a superuser's GRANT always the role that
# initdb made. The dump says GRANT … GRANTED BY postgres. In a cluster whose first superuser has another
# name (POSTGRES_USER of the container image, a managed service) the dump makes a superuser "postgres",
# but being a superuser is not enough to be a grantor: each GRANT of a role fails, and with it all
# memberships. Without ON_ERROR_STOP psql exits with 0. Up to 15 it works.
#
# Why it matters: all roles are there and can log in, the restore reports success, and the privileges that
# they had through groups are gone.
. "$(dirname "$0")/lib.sh"
packages bookworm postgresql-15=15.20-0+deb12u1
packages trixie postgresql-17=17.12-0+deb13u1

for major in 15 17; do
    start_postgres "$major"
    sql "$major" -c 'create role accounting; create role alice login; grant accounting to alice'
    PGPORT=$((5400 + major)) pg "$major" pg_dumpall --globals-only --file=/home/globals.sql
    stop_postgres "$major"
    expect "$major: the line of the dump" "GRANT accounting TO alice*" "$(grep '^GRANT' "$T/home/globals.sql")"

    pg "$major" initdb -D /home/other -U admin -N --auth=trust -E UTF8 --locale=C.UTF-8 >/dev/null
    printf "listen_addresses = ''\nunix_socket_directories = '/s'\nport = 5600\n" >>"$T/home/other/postgresql.conf"
    pg "$major" pg_ctl -D /home/other -l /home/other.log -w start >/dev/null
    export PGPORT=5600
    status=0
    said=$(pg "$major" psql -Xqo /dev/null --username=admin --file=/home/globals.sql 2>&1) || status=$?
    if [ "$major" = 15 ]; then wanted='' members=accounting/alice; else
        wanted='*permission denied to grant privileges as role "postgres"*' members=''
    fi
    expect "$major: psql loads it as the superuser admin" "$wanted" "$said"
    expect "$major: exit code of psql" 0 "$status"
    expect "$major: memberships afterwards (role/member)" "$members" "$(pg "$major" psql -XAt --username=admin -c "
        select roleid::regrole || '/' || member::regrole from pg_auth_members where roleid > 16383")"
    pg "$major" pg_ctl -D /home/other -m fast -w stop >/dev/null
    run rm -r /home/other
done
