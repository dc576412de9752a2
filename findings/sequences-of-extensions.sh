#!/usr/bin/env bash
# Software: pgAgent 4.2.3 and PgQ 3.5.1 with PostgreSQL 17.12, pg_dump and pg_restore.
#
# One would guess: where the rows of an extension's table are in the dump, the sequence that numbers them is, too, as
# for every serial column of a user's table.
#
# What happens: an extension has to mark tables and sequences each by itself. pgAgent and PgQ mark the tables only. The
# jobs, queues and consumers come back; the sequences begin at 1 again. pg_restore exits with 0.
#
# Why it matters: the first new job, queue or consumer after a restore fails with "duplicate key", as does the second,
# until the sequence has passed the restored rows. Londiste, mimeo and PoWA leave such sequences out, too. After a restore:
# setval() for the sequences that pg_depend knows as members of the extension and extconfig does not list.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1 postgresql-17-pgq3=3.5.1-1 pgagent=4.2.3-2

start_postgres 17
export PGPORT=5417
job() { sql 17 -d "$1" -c "insert into pgagent.pga_job (jobjclid, jobname) values (1, 'job') returning jobid" 2>&1 || true; }
sql 17 -o /dev/null 2>/dev/null -c 'create extension pgagent' -c 'create extension pgq' -c "select pgq.create_queue('mails')" \
    -c 'create table own (id serial primary key, note text)' -c "insert into own (note) values ('a'), ('b')"
expect "Jobs" "1 2" "$(for _ in 1 2; do job postgres; done | paste -sd' ')"
pg 17 pg_dump -Fc -f /home/dump
sql 17 -c 'create database restored'
status=0
said=$(pg 17 pg_restore -d restored /home/dump 2>&1) || status=$?
expect "pg_restore" "exit 0, said ''" "exit $status, said '$said'"
expect "A new row of a user's table after the restore" 3 \
    "$(sql 17 -d restored -c "insert into own (note) values ('c') returning id")"
expect "Jobs after the restore" "1 2" "$(sql 17 -d restored -c 'select jobid from pgagent.pga_job order by 1' | paste -sd' ')"
expect "A new job" '*duplicate key*Key (jobid)=(1) already exists.' "$(job restored)"
expect "A new job" '*duplicate key*Key (jobid)=(2) already exists.' "$(job restored)"
expect "A new job" 3 "$(job restored)"
expect "A new queue" '*duplicate key*Key (queue_id)=(1) already exists.*' \
    "$(sql 17 -d restored -c "select pgq.create_queue('others')" 2>&1 || true)"
