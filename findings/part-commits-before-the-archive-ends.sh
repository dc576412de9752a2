#!/usr/bin/env bash
# Software: pg_restore of PostgreSQL 15.20 and 17.12, fed from a pipe.
#
# One would guess: `decrypt | pg_restore --single-transaction --table=...` restores nothing when the
# program in front of the pipe fails, or at least nothing before the end of the archive has come.
#
# What happens: pg_restore stops reading when it has the rows of the last table that was asked for. It
# commits and exits with 0 while the rest of the archive has not come, and never will.
#
# Why it matters: programs that decrypt, download or check a sum know only at the end that something is
# wrong. For a whole archive that is early enough, since pg_restore waits for its end. For a part of one
# it is too late: the rows are committed already.
. "$(dirname "$0")/lib.sh"
packages bookworm postgresql-15=15.20-0+deb12u1
packages trixie postgresql-17=17.12-0+deb13u1

for major in 15 17; do
    start_postgres "$major"
    export PGPORT=$((5400 + major))
    sql "$major" <<'SQL'
create database source;
create database target;
SQL
    pg "$major" psql -Xqd source -c "create table a (i int); insert into a select generate_series(1, 10);
        create table z as select i, md5(i::text) from generate_series(1, 200000) i"
    pg "$major" pg_dump -Fc -Z0 source >"$W/archive"
    # A third of the archive, and then a program that fails: there is never an end.
    part() { head -c $(($(stat -c %s "$W/archive") / 3)) "$W/archive"; }
    status=0
    pg "$major" pg_restore --single-transaction --table=a -d target < <(part) || status=$?
    expect "$major: how pg_restore of one table ended" "exit 0" "exit $status"
    expect "$major: rows that are committed" "10" "$(pg "$major" psql -XAtd target -c 'select count(*) from a')"
    pg "$major" psql -Xqd target -c "drop table a"
    status=0
    pg "$major" pg_restore --single-transaction -d target < <(part) 2>"$W/errors" || status=$?
    expect "$major: how pg_restore of everything ended" "exit 1" "exit $status"
    expect "$major: tables that are committed" "0" \
        "$(pg "$major" psql -XAtd target -c "select count(*) from pg_class where relname in ('a', 'z')")"
    stop_postgres "$major"
done
