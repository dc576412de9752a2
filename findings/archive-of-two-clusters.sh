#!/usr/bin/env bash
# Software: pg_receivewal of PostgreSQL 17.12.
#
# One would guess: pg_receivewal refuses to go on in a directory that holds the WAL of another cluster. It asks
# the server for its system identifier, and each segment has one in its head.
#
# What happens: it looks at the names of the files only. Where the other cluster's WAL has come at least as far
# (after pg_upgrade it always has: the new cluster begins where the old one ended), it goes on with the next name,
# says "starting log streaming" and nothing else. The directory holds segments of both in one row. A recovery of
# the old cluster's backup ends where the foreign WAL begins, and the server comes up as a primary.
#
# Why it matters: a service with pg_receivewal keeps running through an upgrade, or through a server that was made anew
# by dump and restore, and looks well. Nobody sees that since then no base backup fits to the WAL that
# comes in. Each cluster needs a directory of its own, best with the system identifier in its name.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

# cluster NAME PORT
cluster() {
    pg 17 initdb -D "/home/$1" -U postgres -N --auth=trust >"$W/initdb.log" 2>&1
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '/s'" "port = $2" 'fsync = off' 'wal_keep_size = 1GB' \
        >>"$T/home/$1/postgresql.conf"
    pg 17 pg_ctl -D "/home/$1" -l "/home/$1.log" -w start >/dev/null
}
query() { # PORT psql ARGUMENT...
    PGPORT=$1 pg 17 psql -XAtq -v ON_ERROR_STOP=1 "${@:2}"
}
# receive PORT: what the server's slot has to give, up to a switch of segments; exit code and words.
receive() {
    local status=0 said
    query "$1" -o /dev/null -c 'select pg_switch_wal()' -c 'create table if not exists last ()'
    said=$(PGPORT=$1 pg 17 pg_receivewal -D /home/archive --slot=archive --verbose --no-loop \
        --endpos="$(query "$1" -c 'select pg_current_wal_lsn()')" 2>&1) || status=$?
    echo "exit $status"$'\n'"$said"
}
# identifiers: the system identifiers in the heads of the archived segments, as names of the clusters.
identifiers() {
    local file
    for file in "$T"/home/archive/*; do
        case $(od -An -td8 -j24 -N8 "$file" | tr -d ' ') in
            "$first") echo first ;;
            "$second") echo second ;;
            *) echo unknown ;;
        esac
    done | uniq | paste -sd' '
}
run mkdir /home/archive
cluster first 5601
cluster second 5602
first=$(query 5601 -c 'select system_identifier from pg_control_system()')
second=$(query 5602 -c 'select system_identifier from pg_control_system()')
PGPORT=5601 pg 17 pg_basebackup -D /home/backup --checkpoint=fast
for port in 5601 5602; do
    query "$port" -o /dev/null -c "select pg_create_physical_replication_slot('archive', true)" \
        -c 'create table t as select g from generate_series(1, 1000) g'
done
expect "pg_receivewal, the first cluster" "exit 0*" "$(receive 5601)"
# The second has come some segments further.
for _ in 1 2 3 4; do query 5602 -o /dev/null -c 'select pg_switch_wal()' -c 'insert into t values (1)'; done
expect "pg_receivewal, the second cluster" "exit 0*starting log streaming at*stopped log streaming*" "$(receive 5602)"
expect "Whose segments are in the directory, in their order" "first second" "$(identifiers)"

query 5601 -c 'insert into t select g from generate_series(1, 500) g'
pg 17 pg_ctl -D /home/first -m fast -w stop >/dev/null
printf '%s\n' "port = 5601" "restore_command = 'cp /home/archive/%f %p'" >>"$T/home/backup/postgresql.conf"
run touch /home/backup/recovery.signal
pg 17 pg_ctl -D /home/backup -l /home/backup.log -w start >/dev/null
for _ in $(seq 100); do [ "$(query 5601 -c 'select pg_is_in_recovery()')" = t ] || break; sleep 0.2; done
expect "A recovery of the first" "*WAL file is from different database system*" "$(grep 'different database' "$T/home/backup.log")"
expect "It is in recovery; rows of 1500" "f|1000" "$(query 5601 -c 'select pg_is_in_recovery(), count(*) from t')"
