# shellcheck shell=bash
# pg-backup serve: when it runs, what wakes and what ends it.

manifests_are() { [ "$(manifests | wc -l)" = "$1" ]; }
is_alive() { ! is_gone "$pid"; }
log_says() { grep -qF -- "$1" "$T/daemon.log"; }

prepare() {
    create_small_database app
    use_database app
    settings+=(BACKUP_INTERVAL=1h)
}

stop_daemon() {
    kill -TERM "$pid"
    expect_end 0 10
}

# At start only when the newest complete backup is older than the interval.
runs_at_start_if_due() {
    prepare
    start_program pg-backup serve
    wait_until 20 manifests_are 1
    stop_daemon
    expect_complete
    start_program pg-backup serve
    wait_until 20 log_says next
    stop_daemon
    manifests_are 1 || fail "a restart made another backup"

    # One that is older than the interval does not count, nor does one without manifest, nor another database's.
    local newest
    newest=$(field id)
    store_copy "app/$newest" app/20240101T000000Z-00000001
    store_remove "app/$newest/manifest.json"
    start_program pg-backup serve
    wait_until 20 manifests_are 2
    stop_daemon
    create_small_database app2
    use_database app2
    start_program pg-backup serve
    wait_until 20 manifests_are 3
    stop_daemon
}
both_stores runs_at_start_if_due

case_without_verb_it_serves() {
    use_dir
    prepare
    start_program pg-backup
    wait_until 20 manifests_are 1
    is_alive || fail "it ended"
    stop_daemon
}

case_sigusr1_runs_now() {
    use_s3
    prepare
    start_program pg-backup serve
    wait_until 20 manifests_are 1
    local i
    for i in 2 3; do
        sleep 1 # a run that is just ending may take the signal as its own
        kill -USR1 "$pid"
        wait_until 20 manifests_are "$i"
    done
    stop_daemon
    expect_complete
}

case_interval_from_start_to_start() {
    use_dir
    prepare
    settings+=(BACKUP_INTERVAL=2)
    start_program pg-backup serve
    wait_until 20 manifests_are 4
    stop_daemon
    expect_complete
}

# SIGTERM in the middle of a run.
termination() {
    create_large_database app 100
    use_database app
    settings+=(BACKUP_INTERVAL=1h)
    mkdir "$T/bin"
    ln -s "$PG_BIN"/* "$T/bin"
    rm "$T/bin/pg_dump"
    cat >"$T/bin/pg_dump" <<SCRIPT
#!/usr/bin/env bash
case "\$*" in --version | -V) exec "$PG_BIN/pg_dump" --version ;; esac
"$PG_BIN/pg_dump" "\$@" | { head -c 40000000; touch "$T/half"; while [ ! -e "$T/go" ]; do sleep 0.1; done; cat; }
SCRIPT
    chmod +x "$T/bin/pg_dump"
    settings+=("PG_BINDIR=$T/bin")
    start_program pg-backup serve
    wait_until 30 test -e "$T/half"
    stop_daemon
    expect_nothing_left
    no_dump() { [ "$(sql postgres "select count(*) from pg_stat_activity where datname = 'app'")" = 0 ]; }
    wait_until 5 no_dump
}
both_stores termination

case_termination_while_waiting() {
    use_dir
    prepare
    start_program pg-backup serve
    wait_until 20 manifests_are 1
    wait_until 20 log_says next
    kill -INT "$pid"
    expect_end 0 10
}

# A failed run does not end the daemon, and is told with its reason.
case_database_down() {
    use_s3
    prepare
    settings+=(DB_PORT=1)
    start_program pg-backup serve
    wait_until 20 log_says "onnection refused"
    wait_until 20 log_says retry
    is_alive || fail "it ended"
    nothing_left || fail "something was stored"
    stop_daemon
}

# The line of the run says which database and which run it was.
case_a_database_that_is_not_there() {
    use_dir
    use_database not_there
    start_program pg-backup serve
    wait_until 30 log_says "error failed job=backup database=not_there run=2"
    stop_daemon
}

case_store_down() {
    use_s3
    prepare
    settings+=(S3_ENDPOINT=http://127.0.0.1:1 S3_RETRY_TIME=1s)
    start_program pg-backup serve
    wait_until 30 log_says 127.0.0.1:1
    is_alive || fail "it ended"
    stop_daemon
}

# The database comes back: the next run, here on request, succeeds.
case_database_back() {
    use_dir
    settings+=(BACKUP_INTERVAL=1h)
    use_database app
    start_program pg-backup serve
    wait_until 20 log_says 'does not exist'
    wait_until 20 log_says retry
    create_small_database app
    kill -USR1 "$pid"
    wait_until 20 manifests_are 1
    stop_daemon
    expect_complete
}

case_json_log() {
    use_dir
    prepare
    settings+=(LOG_FORMAT=json)
    start_program pg-backup serve
    wait_until 20 manifests_are 1
    stop_daemon
    jq -e '.time and .level and .message' "$T/daemon.log" >/dev/null || fail "$(cat "$T/daemon.log")"
    # One line says whether the run worked, how large it is and how long it took; numbers are numbers.
    jq -se '(.[] | select(.message == "backed up")) as $one | .[] | select(.message == "run finished") | .result == "success"
        and .backups == 1 and .failed == 0 and .run == $one.run and $one.database == "app" and .bytes == $one.bytes
        and .bytes > 0 and .uncompressed_bytes > .bytes and (.seconds | type) == "number"' "$T/daemon.log" >/dev/null ||
        fail "$(cat "$T/daemon.log")"
    settings+=(DB= "DATABASES=app missing")
    expect 1 pg_backup now
    jq -se '[.[] | select(.message == "run finished")] | length == 1 and (.[0] | .result == "failure" and .backups == 1
        and .failed == 1)' "$T/err" >/dev/null || fail "$(cat "$T/err")"
    jq -se 'any(.[]; .level == "error" and .database == "missing" and .run)' "$T/err" >/dev/null || fail "$(cat "$T/err")"
}

# Both daemons say when they run next, and `schedule` shows it without a store or a database.
case_schedules() {
    use_dir
    prepare
    settings+=(BACKUP_INTERVAL= "BACKUP_SCHEDULE=0 3 * * *")
    start_program pg-backup serve
    wait_until 20 manifests_are 1
    wait_until 10 log_says "next backup"
    stop_daemon
    grep -q 'schedule when="0 3 \* \* \*" next="[^ ]*T21:15:00Z [^ ]*T21:15:00Z [^ ]*T21:15:00Z"' "$T/daemon.log" ||
        fail "$(cat "$T/daemon.log")" # 03:00 in Kathmandu
    grep -q 'T21:15:00Z$' <<<"$(jq -r .next_due "$folder"/app/2*/manifest.json)" || fail "another next_due"
    settings+=(RETENTION_KEEP_LAST=1 "CLEANUP_SCHEDULE=0 0 1 * * *")
    start_program pg-prune serve
    wait_until 20 log_says 'next pruning at='
    log_says 'T19:15:00Z' || fail "$(cat "$T/daemon.log")"
    stop_daemon

    settings=(TZ=Europe/Berlin)
    expect 0 pg_backup schedule --backup-schedule "30 2 * * sun"
    [ "$(grep -c '^Sun 20.*02:30:00 +0[12]:00  20.*Z  in ' "$T/out")" = 10 ] || fail "$(cat "$T/out")"
    expect 0 pg_prune schedule --cleanup-schedule "@every 90m"
    [ "$(wc -l <"$T/out")" = 10 ] || fail "$(cat "$T/out")"
    expect 0 pg_backup schedule --backup-schedule @daily --backup-jitter 20m
    says "each up to 20m later"
    local text
    for text in "0 3 * * 2026 1" "0 3 * *" "0 0 3 * * 2026" "61 * * * *" "@dayly" "0 3 31 2 *"; do
        expect 2 pg_backup schedule --backup-schedule "$text"
        says BACKUP_SCHEDULE:
        expect 2 pg_prune schedule --cleanup-schedule "$text"
        says CLEANUP_SCHEDULE:
    done
    expect 2 pg_prune schedule --cleanup-schedule "TZ=Asia/Tokyo @daily"
    says "set TZ=Asia/Tokyo instead"
    expect 2 pg_prune schedule --cleanup-schedule @daily --prune-interval 1h
    says "PRUNE_INTERVAL and CLEANUP_SCHEDULE are both set"
    expect 2 pg_backup schedule --backup-schedule @hourly --backup-jitter 1h
    says "BACKUP_JITTER=1h is not shorter"
}
