#!/usr/bin/env bash
# Software: pg_dump, pg_dumpall, pg_restore and psql of PostgreSQL 15.20 and 18.6.
#
# One would guess: a dump with --create can be restored whatever the database's own settings are; dumps
# switch off what could be in their way, such as statement_timeout and row_security.
#
# What happens: a database frozen with ALTER DATABASE … SET default_transaction_read_only = on, an old and
# widespread way to close a database for writing, comes back empty. The dump creates it, applies its
# settings, connects to it, and from there on everything fails in a read-only transaction. pg_dumpall even
# writes SET default_transaction_read_only = off, but before it connects anew. psql without ON_ERROR_STOP
# exits with 0.
#
# Why it matters: a frozen database is one whose only use is to be kept. What helps is
# PGOPTIONS=-cdefault_transaction_read_only=off during the restore.
. "$(dirname "$0")/lib.sh"
packages bookworm postgresql-15=15.20-0+deb12u1
packages forky postgresql-18=18.6-3

for major in 15 18; do
    start_postgres "$major"
    export PGPORT=$((5400 + major))
    sql "$major" -c "create database frozen"
    sql "$major" -d frozen -c "create table t as select 1 as a"
    sql "$major" -c "alter database frozen set default_transaction_read_only = on"
    pg "$major" pg_dump --create --format=custom --file=/home/frozen.dump frozen
    pg "$major" pg_dumpall --file=/home/all.sql
    sql "$major" -c "drop database frozen"

    status=0
    said=$(pg "$major" pg_restore --create --dbname=postgres /home/frozen.dump 2>&1) || status=$?
    expect "$major: pg_restore --create, exit $status" "*cannot execute CREATE TABLE in a read-only transaction*" "$said"
    expect "$major: tables in the restored database" 0 \
        "$(sql "$major" -d frozen -c "select count(*) from pg_tables where schemaname = 'public'")"

    sql "$major" -c "drop database frozen"
    expect "$major: pg_dumpall's own precaution" "*default_transaction_read_only = off*" \
        "$(grep 'default_transaction_read_only' "$T/home/all.sql")"
    status=0
    said=$(pg "$major" psql -Xqo /dev/null --file=/home/all.sql postgres 2>&1) || status=$?
    expect "$major: psql with the output of pg_dumpall, exit $status" "*cannot execute CREATE TABLE in a read-only transaction*" "$said"
    expect "$major: exit code of psql" 0 "$status"

    sql "$major" -c "drop database frozen"
    run PGOPTIONS=-cdefault_transaction_read_only=off "/usr/lib/postgresql/$major/bin/pg_restore" \
        --create --dbname=postgres /home/frozen.dump
    expect "$major: rows after pg_restore with PGOPTIONS=-cdefault_transaction_read_only=off" 1 \
        "$(sql "$major" -d frozen -c 'select count(*) from t')"
    stop_postgres "$major"
done
