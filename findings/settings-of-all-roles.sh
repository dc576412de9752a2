#!/usr/bin/env bash
# Software: pg_dumpall of PostgreSQL 15.20, 17.12 and 18.6.
#
# One would guess: pg_dumpall brings back every setting that pg_db_role_setting holds, or says what it
# leaves out. It does so for ALTER ROLE name SET, ALTER DATABASE … SET and ALTER ROLE … IN DATABASE … SET.
#
# What happens: what ALTER ROLE ALL SET stores (a row with neither role nor database) is in no dump:
# pg_dumpall walks over roles, pg_dump --create over the settings of one database. There is no warning.
#
# Why it matters: ALTER ROLE ALL SET is how a default is set for everybody without a restart or access to
# postgresql.conf, for example statement_timeout or a restricted search_path. After a restore it is gone.
# A backup has to read pg_db_role_setting itself to notice.
. "$(dirname "$0")/lib.sh"
packages bookworm postgresql-15=15.20-0+deb12u1
packages trixie postgresql-17=17.12-0+deb13u1
packages forky postgresql-18=18.6-3

for major in 15 17 18; do
    start_postgres "$major"
    sql "$major" <<'SQL'
create role app;
create database shop;
alter role app set work_mem = '11MB';
alter database shop set work_mem = '22MB';
alter role app in database shop set work_mem = '33MB';
alter role all in database shop set maintenance_work_mem = '44MB';
alter role all set statement_timeout = '55s';
SQL
    expect "$major: rows of pg_db_role_setting (database, role, settings)" "*0|0|{statement_timeout=55s}*" \
        "$(sql "$major" -c 'select * from pg_db_role_setting order by 1, 2')"
    dump=$(PGPORT=$((5400 + major)) pg "$major" pg_dumpall 2>&1)
    expect "$major: what pg_dumpall has of them" "*11MB*22MB*33MB*" "$(grep -E '(work_mem|timeout TO)' <<<"$dump")"
    expect "$major: lines with the setting of all roles" 0 "$(grep -c "statement_timeout.*55s" <<<"$dump" || true)"
    stop_postgres "$major"
done
