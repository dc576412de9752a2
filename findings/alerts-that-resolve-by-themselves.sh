#!/usr/bin/env bash
# Software: prometheus-postgres-exporter 0.17.1 with PostgreSQL 17.12.
#
# One would guess: the age of the last archived segment and the lag of a replication slot are numbers that grow
# until somebody repairs the archive or the slot, so alerts of the form "age > 3600" and "lag > 10 GB" stay.
#
# What happens: both become NaN, for which no such comparison is true, at the moment at which things are worst.
# A crash of the server discards its statistics, and with them the time of the last archived segment: the age of an
# archive that has failed for hours is NaN from then on, as it is when archiving never worked at all. A slot that
# exceeds max_slot_wal_keep_size loses its position: the lag is NaN once the WAL that its reader needs is gone.
# The exporter reports a scrape without errors.
#
# Why it matters: the alert rings for a while and then resolves by itself, as if the cause had been repaired. Alerts
# need "or last_archive_age != last_archive_age", which is true for NaN alone, and wal_status="lost".
. "$(dirname "$0")/lib.sh"
packages trixie prometheus-postgres-exporter=0.17.1-1+b4 postgresql-17=17.12-0+deb13u1

start_postgres 17 archive_mode=on 'archive_command=test ! -e /home/outage' max_slot_wal_keep_size=64MB
export PGPORT=5417
port=$((20000 + RANDOM % 12000))
run DATA_SOURCE_NAME="user=postgres host=/s port=5417 dbname=postgres sslmode=disable" \
    prometheus-postgres-exporter --web.listen-address="127.0.0.1:$port" >"$W/exporter.log" 2>&1 &
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.2; done
metrics() { # NAME...: the lines of these metrics
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
    cat <&3 >"$W/metrics"
    exec 3>&-
    printf '%s\n' "$@" | grep -F -f - "$W/metrics" | grep -v '^#'
}
next_segment() { sql 17 -c 'create temporary table t ()' -c 'select pg_switch_wal()' -o /dev/null; }

next_segment
until [ "$(sql 17 -c 'select archived_count > 0 from pg_stat_archiver')" = t ]; do sleep 0.1; done
expect "Age of the last archived segment" "pg_stat_archiver_last_archive_age{*} [0-9]*" "$(metrics last_archive_age)"
run touch /home/outage
next_segment
pg 17 pg_ctl -D /home/17 -m immediate -w stop >/dev/null
pg 17 pg_ctl -D /home/17 -l /home/17.log -w start >/dev/null
until [ "$(metrics 'pg_up ')" = "pg_up 1" ]; do sleep 0.2; done
expect "Age after a crash, while the archive is out of order" "pg_stat_archiver_last_archive_age{*} NaN*" \
    "$(metrics last_archive_age)"

sql 17 -c "select pg_create_physical_replication_slot('standby', true)" -o /dev/null
for _ in 1 2 3; do next_segment; done
expect "Lag of the slot" "pg_replication_slots_pg_wal_lsn_diff{*} [0-9]*" "$(metrics pg_wal_lsn_diff)"
for _ in 1 2 3 4; do next_segment; done
sql 17 -c checkpoint
expect "State of the slot" lost "$(sql 17 -c 'select wal_status from pg_replication_slots')"
expect "Lag of the slot" "pg_replication_slots_pg_wal_lsn_diff{*} NaN" "$(metrics pg_wal_lsn_diff)"
expect "Errors of the scrape" "*pg_exporter_last_scrape_error 0*pg_up 1*" "$(metrics last_scrape_error "pg_up ")"
