# shellcheck shell=bash
# /metrics of both programs, scraped while they run, and what clients of the status port can do to a daemon.

# A port of the loopback that was free a moment ago.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

prepare() {
    create_small_database app
    use_database app
    settings+=(BACKUP_INTERVAL=1h PRUNE_INTERVAL=1h S3_BACKUP_MAX_AGE=30d)
    port=$(free_port)
}

log_says() { grep -qF -- "$1" "$T/daemon.log"; }

# with_port PROGRAM ARGUMENTS...: the daemon, with its status port; its log in $T/PROGRAM.log
start_with_port() {
    port=$(free_port)
    with "STATUS_LISTEN=127.0.0.1:$port" "HEALTH_SOCKET=$subject.$case_name.$$.$1" -- start_program "$1" serve
}

stop_program() { # PID
    pid=$1
    kill -TERM "$pid"
    expect_end 0 10
}

scrape() { # PORT: into $T/metrics
    curl -sf --noproxy '*' --max-time 10 "http://127.0.0.1:$1/metrics" >"$T/metrics"
}
value() { sed -n "s/^$1 //p" "$T/metrics"; } # SERIES
shows() { scrape "$1" && [ -n "$(value "$2")" ]; } # PORT SERIES
is_value() { scrape "$1" && [ "$(value "$2")" = "$3" ]; } # PORT SERIES VALUE

expect_value() { # SERIES VALUE
    [ "$(value "$1")" = "$2" ] || { grep -v '^#' "$T/metrics"; fail "$1 is $(value "$1") and not $2"; }
}

# What Prometheus' own tool says of the last scrape: nothing.
expect_valid() {
    command -v promtool >/dev/null || fail "needs the package prometheus"
    promtool check metrics <"$T/metrics" >"$T/promtool" 2>&1 || { cat "$T/promtool"; fail "promtool refuses it"; }
    [ ! -s "$T/promtool" ] || { cat "$T/promtool"; fail "promtool has remarks"; }
}

# The last scrape has all metrics and labels whose names match REGEX and for which alerts and dashboard ask.
expect_asked() { # REGEX
    ../checks/queries.py --scrape "$1" "$T/metrics" || fail "alerts or dashboard ask for what is not there"
}

# Each shows what the other tools see in the store and the database.
both_programs() {
    prepare
    local begun stored
    begun=$(date +%s)
    start_with_port pg-backup
    wait_until 30 is_value "$port" 'pg_backup_runs_total{database="app",result="success"}' 1
    expect_valid
    stored=$(store_objects | awk '!/manifest/ { sum += $1 } END { print sum }')
    expect_value 'pg_backup_last_bytes{database="app"}' "$stored"
    [ "$(value 'pg_backup_last_uncompressed_bytes{database="app"}')" -gt "$stored" ] || fail "it does not compress"
    expect_value 'pg_backup_last_exit_code{database="app"}' 0
    expect_value 'pg_backup_consecutive_failures{database="app"}' 0
    expect_value 'pg_backup_running{database="app"}' 0
    expect_value pg_backup_healthy 1
    local run due
    run=$(value 'pg_backup_last_run_timestamp{database="app"}')
    due=$(value 'pg_backup_next_due_timestamp_seconds{database="app"}')
    [ "$run" -ge "$((begun - 2))" ] || fail "it began at $run"
    [ "$run" -le "$(date +%s)" ] || fail "it began at $run"
    [ "$due" = "$((run + 3600))" ] || fail "the next one is due at $due"
    value 'pg_backup_last_stage_seconds{database="app",stage="read"}' | awk '$1 > 0 { found = 1 } END { exit !found }' ||
        fail "pg_dump took no time"

    # A scrape asks nobody: the counts of requests stay.
    local before
    before=$(grep '^pg_backup_s3_requests_total' "$T/metrics" || true)
    if [ "$store" = s3 ]; then
        grep -q 'operation="PutObject",status="2xx"' <<<"$before" || fail "no request was counted"
        expect_asked '^pg_backup_s3_requests'
    fi
    for _ in 1 2 3 4 5; do scrape "$port"; done
    [ "$(grep '^pg_backup_s3_requests_total' "$T/metrics" || true)" = "$before" ] || fail "a scrape asked the store"
    stop_program "$pid"

    # After a restart the newest backup in the store is the last one.
    start_with_port pg-backup
    wait_until 30 shows "$port" 'pg_backup_last_run_timestamp{database="app"}'
    [ "$(($(value 'pg_backup_last_run_timestamp{database="app"}') - run))" -le 2 ] || fail "another time"
    expect_value 'pg_backup_runs_total{database="app",result="success"}' 0
    stop_program "$pid"

    store_copy "app/$(field id)" "app/$(date -u -d '40 days ago' +%Y%m%dT%H%M%SZ)-00000001"
    start_with_port pg-prune
    wait_until 30 is_value "$port" 'pg_prune_runs_total{result="success"}' 1
    expect_valid
    expect_value 'pg_prune_backups{database="app"}' 1
    expect_value pg_prune_last_run_deleted_backups 1
    expect_value pg_prune_last_run_kept_backups 1
    expect_value 'pg_prune_damaged_backups{database="app"}' 0
    [ "$(($(value 'pg_prune_newest_backup_timestamp_seconds{database="app"}') - run))" -le 2 ] || fail "another time"
    [ "$(value 'pg_prune_next_backup_due_timestamp_seconds{database="app"}')" -ge $((run + 3600)) ] || fail "due too early"
    [ "$(value 'pg_prune_next_backup_due_timestamp_seconds{database="app"}')" -le $((run + 3602)) ] || fail "due too late"
    [ "$(value pg_prune_last_listing_timestamp_seconds)" -ge "$run" ] || fail "when did it look?"
    [ "$(value process_start_time_seconds)" -ge "$run" ] || fail "it began before the backup"
    [ "$(value 'pg_prune_newest_backup_bytes{database="app"}')" -gt "$stored" ] || fail "without its manifest?"
    if [ "$store" = s3 ]; then
        [ "$(value pg_prune_s3_clock_difference_seconds | tr -d -)" -le 2 ] || fail "the clocks differ"
        shows "$port" 'pg_prune_s3_requests_total{operation="ListObjectsV2",status="2xx"}' || fail "no listing was counted"
    fi
    stop_program "$pid"
}
both_stores both_programs

# A database that cannot be dumped beside one that can, and a name that nobody expects.
case_failures_and_names() {
    use_dir
    local name='o"d\d {x}
2'
    create_small_database good 10
    create_small_database "$name" 10
    create_small_database locked 10
    use_database postgres
    pg_dump_is 'case "$*" in *locked*) echo "no luck" >&2; exit 1 ;; esac; real_pg_dump "$@"'
    settings+=(DB= DATABASES=all EXCLUDE_DATABASES=postgres BACKUP_INTERVAL=1h)
    start_with_port pg-backup
    wait_until 30 shows "$port" 'pg_backup_last_failure_timestamp_seconds{database="locked"}'
    wait_until 30 shows "$port" 'pg_backup_last_bytes{database="_globals"}'
    expect_valid
    expect_value 'pg_backup_last_exit_code{database="locked"}' 1
    expect_value 'pg_backup_last_exit_code{database="good"}' 0
    [ "$(value 'pg_backup_consecutive_failures{database="locked"}')" -ge 1 ] || fail "no failure"
    grep -qF 'pg_backup_last_exit_code{database="o\"d\\d {x}\n2"} 0' "$T/metrics" || fail "its name is spelled wrong"
    stop_program "$pid"
}

# Two destinations, of which one fails; then frozen because of damage.
# A run that ends before its first backup has failed for each database.
case_a_store_that_is_gone() {
    use_dir
    prepare
    start_with_port pg-backup
    wait_until 30 is_value "$port" 'pg_backup_runs_total{database="app",result="success"}' 1
    mv "$folder" "$folder.away"
    kill -USR1 "$pid"
    wait_until 30 is_value "$port" 'pg_backup_last_exit_code{database="app"}' 1
    expect_value 'pg_backup_consecutive_failures{database="app"}' 1
    mv "$folder.away" "$folder"
    kill -USR1 "$pid"
    wait_until 30 is_value "$port" 'pg_backup_runs_total{database="app",result="success"}' 2
    expect_value 'pg_backup_last_exit_code{database="app"}' 0
    stop_program "$pid"
}

case_two_destinations() {
    use_s3
    use_dir
    prepare
    start_with_port pg-backup
    wait_until 30 is_value "$port" 'pg_backup_runs_total{database="app",destination="s3",result="success"}' 1
    expect_valid
    expect_value 'pg_backup_runs_total{database="app",destination="dir",result="success"}' 1
    stop_program "$pid"
    expect 0 pg_backup verify --stored # alerts ask when that was
    on dir store_copy "app/$(pg_backup list --json --from dir | jq -r .id)" app/20261001T000000Z-00000001
    on dir store_remove app/20261001T000000Z-00000001/app.dump.zst
    start_with_port pg-prune
    wait_until 30 is_value "$port" 'pg_prune_runs_total{destination="dir",result="refused"}' 1
    wait_until 30 is_value "$port" 'pg_prune_runs_total{destination="s3",result="success"}' 1
    expect_valid
    expect_value 'pg_prune_frozen{database="app",destination="dir",guard="damaged"}' 1
    expect_value 'pg_prune_frozen_databases{destination="dir",guard="damaged"}' 1
    expect_value 'pg_prune_frozen_databases{destination="s3",guard="damaged"}' 0
    expect_value 'pg_prune_damaged_backups{database="app",destination="dir"}' 1
    expect_asked '^pg_prune_(?!s3_|frozen$)'
    expect_value 'pg_prune_last_exit_code{destination="dir"}' 3
    stop_program "$pid"
}

# The bytes and the estimate of a backup that goes on.
case_running() {
    use_dir
    create_large_database app 64
    sql app "vacuum analyze" # what the estimate is made from
    use_database app
    pg_dump_is 'real_pg_dump "$@" | { head -c 20000000; while [ -e "'"$T"'/wait" ]; do sleep 0.1; done; cat; }'
    touch "$T/wait"
    settings+=(BACKUP_INTERVAL=1h)
    start_with_port pg-backup
    wait_until 30 is_far
    expect_valid
    expect_value 'pg_backup_running{database="app"}' 1
    [ "$(value 'pg_backup_running_estimated_bytes{database="app"}')" -gt 30000000 ] || fail "no estimate"
    rm "$T/wait"
    wait_until 30 is_value "$port" 'pg_backup_running{database="app"}' 0
    [ -z "$(value 'pg_backup_running_bytes{database="app"}')" ] || fail "it still counts"
    stop_program "$pid"
}
is_far() { shows "$port" 'pg_backup_running_bytes{database="app"}' &&
    [ "$(value 'pg_backup_running_bytes{database="app"}')" -ge 15000000 ]; }

# WAL: how far it is stored, and what the slot keeps while nothing can be.
case_wal() {
    use_dir
    "$servers/postgres-up.sh" "$T/server" full_page_writes=on synchronous_commit=on >/dev/null
    cleanups=("$servers/postgres-down.sh $T/server || true" "${cleanups[@]}")
    use_server "$T/server"
    settings+=("DB_HOST=$PGHOST" "DB_PORT=$PGPORT" "DB_USER=$PGUSER" "DB_PASSWORD=$PGPASSWORD" BACKUP_METHOD=physical
        BACKUP_INTERVAL=1h)
    create_small_database app
    start_with_port pg-backup
    wait_until 60 is_value "$port" 'pg_backup_runs_total{database="_cluster",result="success"}' 1
    wait_until 30 is_value "$port" pg_backup_wal_lag_seconds 0
    expect_valid
    expect_asked '^pg_backup_(wal_|last_)'
    expect_value pg_backup_wal_connected 1
    expect_value pg_backup_wal_gap 0
    local end
    end=$(sql postgres "select pg_current_wal_flush_lsn() - '0/0'")
    wait_until 30 is_stored_to "$end"
    # Nothing can be stored: the lag grows, and so does what the server keeps.
    mv "$folder" "$folder.away"
    sql app "create table more as select i, md5(i::text) from generate_series(1, 50000) i"
    wait_until 30 is_lagging
    expect_valid
    mv "$folder.away" "$folder"
    wait_until 90 is_value "$port" pg_backup_wal_lag_seconds 0
    stop_program "$pid"
}
is_stored_to() { scrape "$port" && [ "$(value pg_backup_wal_stored_position_bytes)" -ge "$1" ]; }
is_lagging() {
    scrape "$port" && [ "$(value pg_backup_wal_lag_seconds)" -ge 2 ] &&
        { [ "$(value pg_backup_wal_lag_bytes)" -gt 1000000 ] || [ "$(value pg_backup_wal_connected)" = 0 ]; }
}

# A port in use is one warning, and backups are made.
case_port_in_use() {
    use_dir
    prepare
    start_with_port pg-backup
    wait_until 30 log_says "next backup"
    local first=$pid taken=$port
    mv "$T/daemon.log" "$T/first.log"
    with "STATUS_LISTEN=127.0.0.1:$taken" "HEALTH_SOCKET=$subject.$case_name.$$.second" -- start_program pg-prune serve
    wait_until 30 log_says "next pruning"
    log_says "it cannot be listened on address=127.0.0.1:$taken cause=" || { cat "$T/daemon.log"; fail "no warning"; }
    [ "$(grep -c 'cannot be listened on' "$T/daemon.log")" = 1 ] || fail "more than one"
    scrape "$taken"
    grep -q ^pg_backup "$T/metrics" || fail "the first one does not answer"
    stop_program "$pid"
    stop_program "$first"
}

# Without the setting there is no socket of the network and no thread for it.
# How many threads the program has, once the one that looks around at start has ended.
settled_threads() {
    local before='' now same=0
    while [ "$same" -lt 10 ]; do
        now=$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)
        [ "$now" = "$before" ] && same=$((same + 1)) || same=0
        before=$now
        sleep 0.2
    done
    echo "$now"
}

case_off() {
    use_dir
    prepare
    local threads status=0
    settings+=("HEALTH_SOCKET=$subject.$case_name.$$")
    start_program pg-backup serve
    wait_until 30 log_says "next backup"
    python3 - "$pid" <<'PY' || status=$?
import glob, os, re, sys
process = sys.argv[1]
sockets = {re.search(r"\d+", os.readlink(path))[0] for path in glob.glob(f"/proc/{process}/fd/*")
           if os.readlink(path).startswith("socket:")}
tables = [line.split() for name in ("tcp", "tcp6") for line in open(f"/proc/{process}/net/{name}")][1:]
listens = any(row[3] == "0A" and row[9] in sockets for row in tables if len(row) > 9)
sys.exit(4 if listens else 3)
PY
    [ "$status" = 3 ] || fail "it listens, or nobody knows: $status"
    threads=$(settled_threads)
    stop_program "$pid"
    start_with_port pg-backup
    wait_until 30 log_says "next backup"
    [ "$(settled_threads)" = "$((threads + 1))" ] || fail "not one thread more"
    stop_program "$pid"
}

# What is no address is told, with what to write; other commands do not look at it.
case_bad_addresses() {
    use_dir
    prepare
    local address
    for address in 9480 :0 :65536 localhost:9480 ::1:9480 http://127.0.0.1:9480 127.0.0.1; do
        expect 2 with "STATUS_LISTEN=$address" -- pg_backup serve
        says "STATUS_LISTEN: '$address' is no address with a port: write :9480"
        expect 2 with "STATUS_LISTEN=$address" -- pg_prune config --check
        says "STATUS_LISTEN: '$address'"
    done
    expect 0 with STATUS_LISTEN=9480 -- pg_backup now
    expect 0 with "STATUS_LISTEN=[::1]:9480" -- pg_backup config --check
}

# attack PORT: a thousand connections that say nothing, send slowly, send headers without end, or read nothing, until
# the file $T/stop is there.
attack() {
    python3 - "$1" "$T/stop" <<'PY'
import os, resource, socket, sys, time
port, stop = int(sys.argv[1]), sys.argv[2]
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
clients = []
while not os.path.exists(stop):
    if len(clients) < 1000:
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        clients.append(client)
        continue
    for number, client in enumerate(clients):
        text = [b"", b"G", b"X: " + b"x" * 1000 + b"\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"][number % 4]
        try:
            client.send(text)
        except BlockingIOError:
            pass
        except OSError:
            client.close()
            clients[number] = socket.socket()
            clients[number].setblocking(False)
            clients[number].connect_ex(("127.0.0.1", port))
    time.sleep(0.05)
PY
}

# A backup under attack is made, takes no more descriptors than the bounds say, and the port answers afterwards.
case_attacked() {
    use_dir
    create_large_database app 64
    use_database app
    pg_dump_is 'while [ ! -e "'"$T"'/attacked" ]; do sleep 0.1; done; real_pg_dump "$@"'
    settings+=(BACKUP_INTERVAL=1h)
    start_with_port pg-backup
    wait_until 30 log_says "backing up database=app"
    attack "$port" &
    background+=("$!")
    wait_until 30 is_full
    touch "$T/attacked"
    wait_until 60 log_says "backed up database=app"
    [ "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" -lt 80 ] || fail "it holds too many descriptors"
    if ! grep -q asan <<<"$(nm -D "$BIN/pg-backup")"; then
        [ "$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")" -lt 200000 ] || fail "it takes too much memory"
    fi
    touch "$T/stop"
    wait_until 60 scrape "$port"
    expect_value 'pg_backup_last_exit_code{database="app"}' 0
    expect_complete
    stop_program "$pid"
}
is_full() { # all connections of one address are taken
    [ "$(find "/proc/$pid/fd" -mindepth 1 -lname 'socket:*' | wc -l)" -ge 8 ]
}

# Prometheus as deploy/prometheus/ configures it, but for addresses and pace: healthy programs raise no alert, damage
# does, and every expression of the alerts and the dashboard is answered.
case_prometheus() {
    use_dir
    prepare
    local of_backup of_prune pruner
    start_with_port pg-backup
    of_backup=$port
    wait_until 30 is_value "$of_backup" 'pg_backup_runs_total{database="app",result="success"}' 1
    start_with_port pg-prune
    of_prune=$port pruner=$pid
    mkdir "$T/prometheus"
    cp ../../deploy/prometheus/alerts.yaml "$T/prometheus"
    sed "s/backup:9480/127.0.0.1:$of_backup/; s/prune:9481/127.0.0.1:$of_prune/; s/_interval: 30s/_interval: 1s/" \
        ../../deploy/prometheus/prometheus.yaml >"$T/prometheus/prometheus.yaml"
    port=$(free_port)
    prometheus --config.file="$T/prometheus/prometheus.yaml" --storage.tsdb.path="$T/prometheus/data" \
        --web.listen-address="127.0.0.1:$port" >"$T/prometheus.log" 2>&1 &
    background+=("$!")
    wait_until 60 answers_with 'count(pg_backup_next_due_timestamp_seconds and on () pg_prune_backups)' 1
    wait_until 60 all_rules_are_evaluated
    wait_until 30 no_alert_is_left # the first evaluation may come before the first scrape
    ../checks/queries.py --ask "http://127.0.0.1:$port" || fail "not all is answered"

    store_copy "app/$(field id)" app/20261001T000000Z-00000001
    store_remove app/20261001T000000Z-00000001/app.dump.zst
    kill -USR1 "$pruner"
    wait_until 60 answers_with 'ALERTS{alertname="PgBackupDamaged", alertstate="firing", database="app"}' 1
    ask alerts | jq -e '.data.alerts[] | select(.labels.alertname == "PgBackupDamaged") | .annotations
        | .summary == "1 backups of app are damaged." and (.description | length > 200 and contains("error") == false)' ||
        { ask alerts; fail "the text of the alert"; }
}
no_alert_is_left() { ask alerts | jq -e '.data.alerts == []' >/dev/null; }
ask() { curl -sf --noproxy '*' --max-time 10 "http://127.0.0.1:$port/api/v1/$1" "${@:2}"; } # WHAT CURL-ARGUMENTS...
answers_with() { # QUERY VALUE
    [ "$(ask query --data-urlencode "query=$1" | jq -r '.data.result[0].value[1]')" = "$2" ]
}
all_rules_are_evaluated() { # all but those of a slower group were asked, and none failed
    ask rules | jq -e '[.data.groups[].rules[] | select(.health == "err")] == []
        and ([.data.groups[] | select(.interval < 60) | .rules[] | select(.health != "ok")] == [])' >/dev/null
}
