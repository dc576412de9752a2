#!/usr/bin/env bash
# Software: the server and pg_basebackup of PostgreSQL 17.12, logical replication.
#
# One would guess: a copy of a subscriber, restored from its base backup, does not disturb the original: its
# subscriptions are disabled, or the publisher refuses a second one that uses the same replication slot.
#
# What happens: the subscription is in the backup, enabled, with the address of the publisher. When recovery
# ends the copy connects and asks for the same slot. The publisher refuses while the original is connected; the
# copy tries again every five seconds. The first time the original is away for a moment (a restart) the copy
# gets the slot, and with it the changes, and confirms them. The original then waits for the slot, and goes on
# after the drill with what comes next: the changes in between never reach it. The only trace is "replication
# slot is active" in its log; the statistics count no error, and the subscription stays enabled.
#
# Why it matters: a restore drill, a test copy or a clone of a subscriber loses rows of production. Before the
# first start it needs max_logical_replication_workers = 0, or no way to the publisher.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17 wal_level=logical
export PGPORT=5417
publisher() { PGPORT=5417 pg 17 psql -XAtq -v ON_ERROR_STOP=1 "$@" 2>&1; }
subscriber() { PGPORT=5601 pg 17 psql -XAtq "$@" 2>&1; }
drill() { PGPORT=5602 pg 17 psql -XAtq "$@" 2>&1; }
await() { # EXPECTED COMMAND...
    for _ in $(seq 300); do
        [ "$("${@:2}")" != "$1" ] || return 0
        sleep 0.2
    done
    echo "waited in vain for: ${*:2}: $("${@:2}")" >&2
    exit 1
}
publisher -c 'create table t (g int primary key)' -c 'create publication p for table t'
pg 17 pg_basebackup -D /home/subscriber --checkpoint=fast
echo 'port = 5601' >>"$T/home/subscriber/postgresql.conf"
pg 17 pg_ctl -D /home/subscriber -l /home/subscriber.log -w start >/dev/null
subscriber -c "create subscription s connection 'host=/s port=5417 user=postgres dbname=postgres' publication p" \
    -o /dev/null
publisher -c 'insert into t select g from generate_series(1, 100) g'
await 100 subscriber -c 'select count(*) from t'
PGPORT=5601 pg 17 pg_basebackup -D /home/drill --checkpoint=fast
echo 'port = 5602' >>"$T/home/drill/postgresql.conf"

# change FIRST: a hundred rows more; who has them shows later.
change() { publisher -c "insert into t select g from generate_series($1, $1 + 99) g"; }
# await_confirmed: until whoever has the slot has confirmed all that was written.
await_confirmed() {
    local end
    end=$(publisher -c 'select pg_current_wal_lsn()')
    await t publisher -c "select confirmed_flush_lsn >= '$end' from pg_replication_slots"
}
# The drill runs beside the subscriber; the subscriber restarts once, and the drill ends.
pg 17 pg_ctl -D /home/drill -l /home/drill.log -w start >/dev/null
change 101
await 200 subscriber -c 'select count(*) from t'
pg 17 pg_ctl -D /home/subscriber -m fast -w stop >/dev/null
change 201
await 1 drill -c 'select count(*) from t where g = 300'
pg 17 pg_ctl -D /home/subscriber -l /home/subscriber.log -w start >/dev/null
change 301
await 1 drill -c 'select count(*) from t where g = 400'
await_confirmed
pg 17 pg_ctl -D /home/drill -m fast -w stop >/dev/null

change 401
await 1 subscriber -c 'select count(*) from t where g = 500'
expect "Rows of the publisher" 500 "$(publisher -c 'select count(*) from t')"
expect "Rows of the subscriber" 300 "$(subscriber -c 'select count(*) from t')"
expect "Its subscription" "t r" \
    "$(subscriber -F ' ' -c 'select subenabled, srsubstate from pg_subscription, pg_subscription_rel')"
expect "Errors counted by it" "0 0" \
    "$(subscriber -F ' ' -c 'select apply_error_count, sync_error_count from pg_stat_subscription_stats')"
expect "Errors in its log" '*replication slot "s" is active*' "$(grep ERROR "$T/home/subscriber.log")"
