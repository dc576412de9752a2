#!/usr/bin/env bash
# Software: pg_cron 1.6.5 with PostgreSQL 17.12.
#
# One would guess: a copy of a server that was restored beside it, on another port, runs the jobs of pg_cron in
# the copy, if at all: that is a nuisance, no danger to production.
#
# What happens: cron.schedule stores in cron.job.nodeport the port of the server, and pg_cron runs a job through an
# ordinary connection to cron.host (default localhost) and that port. The copy reads the table, connects to
# production and runs every job there, beside production's own pg_cron: each job runs twice in production, and
# never in the copy. pg_dump has the table, too, port and all (not tried here).
# The only trace on production's side is the second connection; cron.job_run_details of production knows nothing.
#
# Why it matters: jobs send mail, book, roll up and delete. A restore drill doubles them. Such a copy has to be
# started without pg_cron in shared_preload_libraries or with cron.launch_active_jobs = off.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1 postgresql-17-cron=1.6.5-1

start_postgres 17 shared_preload_libraries=pg_cron cron.host=/s
export PGPORT=5417
sql 17 -c 'create extension pg_cron' -c 'create table run (at timestamptz default now(), port int)' -o /dev/null \
    -c "select cron.schedule('count', '2 seconds', 'insert into run (port) values (current_setting(''port'')::int)')"
# runs: how many runs production sees in ten seconds, and how many of them its own pg_cron knows.
runs() {
    sql 17 -F ' ' -c 'truncate run' -c 'truncate cron.job_run_details' -c "select pg_sleep(10)" -c "select count(*) || ' runs, '
        || (select count(*) from cron.job_run_details) || ' known' from run" | tail -n 1
}
alone=$(runs)
pg 17 pg_basebackup -D /home/drill --checkpoint=fast
echo 'port = 5601' >>"$T/home/drill/postgresql.conf"
pg 17 pg_ctl -D /home/drill -l /home/drill.log -w start >/dev/null
sleep 3
expect "Where cron.job sends its commands" "/s 5417" "$(sql 17 -F ' ' -c 'select nodename, nodeport from cron.job')"
both=$(runs)
expect "Production in ten seconds" "[456] runs, [456] known" "$alone"
# Each of the two counts can miss one run at its border.
read -r seen _ known _ <<<"$both"
expect "While the copy runs: $both; more than known" "yes" "$([ "$seen" -ge $((known + 3)) ] && echo yes || echo no)"
expect "Runs in the copy" 0 "$(PGPORT=5601 pg 17 psql -XAtqc 'select count(*) from run where port = 5601')"
