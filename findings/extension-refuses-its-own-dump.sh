#!/usr/bin/env bash
# Software: periods 1.2.3 (system versioning) with PostgreSQL 17.12, pg_dump and pg_restore.
#
# One would guess: a database in which one command of an extension was used can be dumped and restored in one
# transaction (--single-transaction), by the same superuser, into a new database with the same extension.
#
# What happens: the extension has event triggers that watch over the privileges of its history tables, and they are
# active as soon as CREATE EXTENSION of the restore is done. pg_dump writes privileges that equal the default as REVOKE
# and GRANT; the trigger raises an error for them. pg_restore --single-transaction restores nothing; without it
# the errors are counted and the rows come.
#
# Why it matters: the backup of the whole database cannot be restored by any tool that stops at the first error, and
# nobody knows before the first drill. --no-acl helps, and loses all other grants; event_triggers = off (17 and later)
# in PGOPTIONS helps without a loss.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1 postgresql-17-periods=1.2.3-1+b1

start_postgres 17
export PGPORT=5417
sql 17 -o /dev/null 2>/dev/null <<'SQL'
create extension periods cascade;
create table employee (id int primary key, name text);
select periods.add_system_time_period('employee');
select periods.add_system_versioning('employee');
insert into employee values (1, 'a');
update employee set name = 'b';
SQL
pg 17 pg_dump -Fc -f /home/dump
# restore DATABASE OPTION...: exit code and words, and what is in the database.
restore() {
    local status=0 said
    sql 17 -c "create database $1"
    said=$(run PGOPTIONS="${options:-}" /usr/lib/postgresql/17/bin/pg_restore -d "$1" "${@:2}" /home/dump 2>&1) || status=$?
    said=$(grep -vE '^$|^(Command was|GRANT|CONTEXT)' <<<"$said") || true
    echo "exit $status${said:+$'\n'}$said"
    echo "rows of the past: $(sql 17 -d "$1" -c 'select count(*) from employee_history' 2>/dev/null || echo no table)"
}
expect "pg_restore --single-transaction" "exit 1*ERROR:  cannot revoke SELECT directly*rows of the past: no table" \
    "$(restore one --single-transaction)"
expect "pg_restore" "exit 1*cannot revoke*errors ignored on restore: *rows of the past: 1" "$(restore two)"
expect "pg_restore --single-transaction --no-acl" "exit 0*rows of the past: 1" "$(restore three --single-transaction --no-acl)"
expect "pg_restore --single-transaction with event_triggers = off" "exit 0*rows of the past: 1" \
    "$(options="-c event_triggers=off" restore four --single-transaction)"
