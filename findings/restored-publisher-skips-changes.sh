#!/usr/bin/env bash
# Software: the server and pg_basebackup of PostgreSQL 17.12, logical replication.
#
# One would guess: when a publisher was restored from a backup and the slot of a subscriber was made again, the
# publisher refuses the subscriber, whose position is ahead of all that the publisher ever wrote: a standby gets
# "requested starting point … is ahead of the WAL flush position". Or it sends all that is new.
#
# What happens: START_REPLICATION … LOGICAL takes any position and means "nothing that committed before it". The
# subscription says that it streams, no error is counted, no line in either log warns; what is written into the
# restored publisher is not sent, and is confirmed as if it were, until its WAL has grown past the old position.
# After that changes flow again. The rows in between never reach the subscriber.
#
# Why it matters: a point-in-time recovery of a publisher is followed by making the slots again, because base
# backups have none, and then everything looks healthy. The subscription has to be made again as well, with
# its tables copied anew (or its origin set back by pg_replication_origin_advance after comparing the rows).
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17 wal_level=logical
export PGPORT=5417
publisher() { pg 17 psql -XAtq -v ON_ERROR_STOP=1 "$@" 2>&1; }
subscriber() { PGPORT=5601 pg 17 psql -XAtq "$@" 2>&1; }
await() { # EXPECTED COMMAND...
    for _ in $(seq 300); do
        [ "$("${@:2}")" != "$1" ] || return 0
        sleep 0.2
    done
    echo "waited in vain for: ${*:2}: $("${@:2}")" >&2
    exit 1
}
pg 17 initdb -D /home/subscriber -U postgres -N --auth=trust >"$W/initdb.log" 2>&1
printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '/s'" 'port = 5601' 'fsync = off' \
    >>"$T/home/subscriber/postgresql.conf"
pg 17 pg_ctl -D /home/subscriber -l /home/subscriber.log -w start >/dev/null

publisher -c 'create table t (g int primary key)' -c 'create publication p for table t'
subscriber -o /dev/null -c 'create table t (g int primary key)' \
    -c "create subscription s connection 'host=/s port=5417 user=postgres dbname=postgres' publication p" >/dev/null
publisher -c 'insert into t select g from generate_series(1, 100) g'
await 100 subscriber -c 'select count(*) from t'
pg 17 pg_basebackup -D /home/backup --checkpoint=fast
# What the backup does not have: ten megabytes of WAL and a hundred rows.
publisher -c "create table other as select repeat('x', 500) from generate_series(1, 20000)" \
    -c 'insert into t select g from generate_series(101, 200) g'
await 200 subscriber -c 'select count(*) from t'

# The publisher is lost and restored from the backup; its slot is made again.
pg 17 pg_ctl -D /home/17 -m immediate -w stop >/dev/null
pg 17 pg_ctl -D /home/backup -l /home/backup.log -w start >/dev/null
publisher -o /dev/null -c "select pg_create_logical_replication_slot('s', 'pgoutput')"
await t publisher -c "select active from pg_replication_slots where slot_name = 's'"
errors() { subscriber -F ' ' -c 'select apply_error_count, sync_error_count from pg_stat_subscription_stats'; }
before=$(errors)
publisher -c 'insert into t select 1000 + g from generate_series(1, 10) g'
sleep 5
expect "Publisher: rows written since the restore" 10 "$(publisher -c 'select count(*) from t where g > 1000')"
expect "Subscriber: rows of them" 0 "$(subscriber -c 'select count(*) from t where g > 1000')"
expect "The publisher says" "streaming, confirmed" "$(publisher -c "select state || ', confirmed' from pg_stat_replication
    where replay_lsn >= pg_current_wal_lsn()")"
expect "Errors that the subscriber counted" "as before: $before" "as before: $(errors)"

publisher -c "create table other as select repeat('x', 500) from generate_series(1, 40000)" \
    -c 'insert into t select 2000 + g from generate_series(1, 10) g'
await 10 subscriber -c 'select count(*) from t where g > 2000'
expect "Some WAL later, rows of the publisher, rows of the subscriber" "10 10, 0 10" \
    "$(for side in publisher subscriber; do "$side" -F ' ' -c 'select count(*) filter (where g between 1001 and 2000),
        count(*) filter (where g > 2000) from t'; done | paste -sd, | sed 's/,/, /')"
expect "Warnings of the restored publisher" 0 "$(grep -cE 'WARNING|ERROR' "$T/home/backup.log" || true)"
