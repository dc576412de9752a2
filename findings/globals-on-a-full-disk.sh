#!/usr/bin/env bash
# Software: pg_dumpall of PostgreSQL 15.20, 17.12 and 18.6 (19rc1 behaves the same).
#
# One would guess: pg_dumpall reports that it could not write its output, as psql does.
#
# What happens: the roles and tablespaces are written by pg_dumpall itself, which never looks at the
# result. On a full disk, `pg_dumpall --globals-only >FILE` leaves an empty or cut file, says nothing and
# exits with 0; so does `--file=FILE`.
#
# Why it matters: the globals are the part of a logical backup that nobody looks at before the restore.
# A backup script that trusts the exit code keeps a file without roles. The output has to be checked for
# its last line, "PostgreSQL database cluster dump complete".
. "$(dirname "$0")/lib.sh"
packages bookworm postgresql-15=15.20-0+deb12u1
packages trixie postgresql-17=17.12-0+deb13u1
packages forky postgresql-18=18.6-3

mkdir "$T/small"
mount -t tmpfs -o size=64k,mode=1777 tmpfs "$T/small"
for major in 15 17 18; do
    start_postgres "$major"
    export PGPORT=$((5400 + major))
    sql "$major" -c "do 'begin for i in 1..500 loop execute ''create role role_'' || i; end loop; end'"
    whole=$(pg "$major" pg_dumpall --globals-only | wc -l)

    status=0
    said=$(pg "$major" pg_dumpall --globals-only 2>&1 >/dev/full) || status=$?
    expect "$major: pg_dumpall --globals-only to a device that is always full" \
        "exit 0, said ''" "exit $status, said '$said'"

    rm -f "$T/small"/*
    head -c 50000 /dev/zero >"$T/small/filler"
    status=0
    said=$(pg "$major" pg_dumpall --globals-only --file=/small/globals.sql 2>&1) || status=$?
    expect "$major: pg_dumpall --globals-only --file= on a full file system" \
        "exit 0, said '', * of $whole lines, last line complete: no" \
        "exit $status, said '$said', $(wc -l <"$T/small/globals.sql") of $whole lines, last line complete: $(
            grep -q 'cluster dump complete' "$T/small/globals.sql" && echo yes || echo no)"

    stop_postgres "$major"
done
