#!/usr/bin/env bash
# Software: pg_dump and psql of PostgreSQL 17.12.
#
# One would guess: the rows of a dump mean the same in every database; pg_dump sets all settings on which
# the reading of its data depends.
#
# What happens: it does not set array_nulls. Where that is off (ALTER DATABASE, ALTER ROLE or
# postgresql.conf, for applications from the time of PostgreSQL 8.1), COPY reads NULL in an array as the
# word "NULL". A dump with --create even brings the setting along and applies it before the data. The
# restore reports no error, even with ON_ERROR_STOP.
#
# Why it matters: all counts are right, and values that were missing are now a text of four letters; only
# for arrays of numbers the restore fails.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17
export PGPORT=5417
sql 17 -c 'create database old' -c 'alter database old set array_nulls = off'
sql 17 -d old -c 'create table t (v text[])' -c "insert into t values (array[null, 'x'])"
expect "Before: is the first element null? The array" "t|{NULL,x}" "$(sql 17 -d old -c 'select v[1] is null, v from t')"
pg 17 pg_dump --create --file=/home/dump.sql old
sql 17 -c 'drop database old'
status=0
said=$(pg 17 psql -Xqo /dev/null -v ON_ERROR_STOP=1 --file=/home/dump.sql 2>&1) || status=$?
expect "Restore" "exit 0, said ''" "exit $status, said '$said'"
expect "After: is the first element null? The array" 'f|{"NULL",x}' "$(sql 17 -d old -c 'select v[1] is null, v from t')"
expect "An array of numbers" '*invalid input syntax for type integer: "NULL"*' \
    "$(sql 17 -d old -c "select '{NULL,1}'::int[]" 2>&1 || true)"
