#!/usr/bin/env bash
# Software: pg_dumpall of PostgreSQL 17.12 (15.20 and 18.6 behave the same).
#
# One would guess: pg_dumpall dumps every database, at least its CREATE DATABASE, or says which it cannot.
#
# What happens: a database with ALLOW_CONNECTIONS false does not occur in the output at all: neither its
# contents, which cannot be read, nor its name. There is no warning and the exit code is 0.
#
# Why it matters: closing a database that way is a usual step before its removal or its move, "just in
# case". The backups from then on have nothing of it, so the case in which they would be wanted is lost.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17
sql 17 -c 'create database closing'
sql 17 -d closing -c 'create table t as select 1 as a'
export PGPORT=5417
expect "Lines of pg_dumpall that name the database" "*CREATE DATABASE closing*" "$(pg 17 pg_dumpall | grep closing)"
sql 17 -c 'alter database closing allow_connections false'
status=0
said=$(pg 17 pg_dumpall --file=/home/all.sql 2>&1) || status=$?
expect "pg_dumpall after ALLOW_CONNECTIONS false" "exit 0, said ''" "exit $status, said '$said'"
expect "Lines that name the database" 0 "$(grep -c closing "$T/home/all.sql" || true)"
