#!/usr/bin/env bash
# Software: PgQ 3.5.1 (the queue of Londiste) with PostgreSQL 17.12, pg_dump and pg_restore.
#
# One would guess: a queue that was dumped and restored goes on: all that is written into it after the restore
# reaches its consumers. The dump is complete, and pg_restore reports no error.
#
# What happens: PgQ notes in each tick and each event the number of the transaction, and a batch is what lies between
# two ticks by these numbers. A new cluster counts from some hundred again. While its number is lower than the one in
# the dump, pgq.insert_event() works, and only the ticker fails ("Invalid PgQ state"), so no consumer gets anything.
# Then, some days or years later, the numbers have caught up: the ticker works again without any help, and every
# event that was written until then counts as delivered. No consumer ever sees it.
#
# Why it matters: a move to a new server by dump and restore loses the events of the time after it, not before, and
# those who look at the tables of the application find nothing wrong. All extensions and applications that store
# transaction numbers (xid8, txid_current()) are concerned. `pg_resetwal --epoch` on the new cluster, before the
# first start for users, puts its numbers above the old ones.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1 postgresql-17-pgq3=3.5.1-1

start_postgres 17
export PGPORT=5417
# use_transactions COUNT
use_transactions() { seq -f 'select pg_current_xact_id(); -- %g' "$1" | sql 17 -o /dev/null; }
write() { sql 17 -o /dev/null -c "select pgq.insert_event('mails', 'mail', '$1')"; }
tick() { sql 17 -o /dev/null -c "select pgq.force_tick('mails')" -c "select pgq.ticker('mails')" 2>&1; }
# consume: what a consumer gets in all batches that there are.
consume() {
    local batch
    while batch=$(sql 17 -c "select pgq.next_batch('mails', 'sender')") && [ -n "$batch" ]; do
        sql 17 -c "select ev_data from pgq.get_batch_events($batch)"
        sql 17 -o /dev/null -c "select pgq.finish_batch($batch)"
    done | paste -sd' '
}
sql 17 -o /dev/null -c 'set client_min_messages = warning' -c 'create extension pgq' -c "select pgq.create_queue('mails')" \
    -c "select pgq.register_consumer('mails', 'sender')"
use_transactions 3000
write one
tick
expect "Before the dump the consumer gets" one "$(consume)"
pg 17 pg_dump -Fc -f /home/dump
stop_postgres 17

# Another cluster on another port in the place of the first.
mv "$T/home/17" "$T/home/old"
start_postgres 17
status=0
said=$(pg 17 pg_restore -d postgres /home/dump 2>&1) || status=$?
expect "pg_restore" "exit 0, said ''" "exit $status, said '$said'"
for event in two three four; do write "$event"; done
expect "The ticker in the new cluster" "*ERROR:  Invalid PgQ state: old xmin=*, cur txid=*" "$(tick || true)"
expect "The consumer gets" "" "$(consume)"
expect "Events in the queue" "one two three four" "$(sql 17 -c 'select ev_data from pgq.event_1 order by ev_id' | paste -sd' ')"
use_transactions 4000
write five
expect "The ticker some thousand transactions later" "" "$(tick)"
expect "The consumer gets" five "$(consume)"
