# shellcheck shell=bash
# The verb `health` of both programs, asked beside a running daemon.

prepare() {
    create_small_database app
    use_database app
    settings+=(BACKUP_INTERVAL=1 PRUNE_INTERVAL=1 S3_BACKUP_MAX_AGE=1d MAX_BACKUP_AGE_SECONDS=5
        "HEALTH_SOCKET=$subject.$case_name.$$")
}

health() { (become "$BIN/$1" health) >"$T/out" 2>"$T/err"; }
is_well() { health "$1" && [ -s "$T/out" ]; }
is_unwell() { ! health "$1" && grep -qF -- "$2" "$T/err"; }

# An outage makes it unwell and does not end it; the end of the outage makes it well.
outage() { # PROGRAM
    use_dir
    prepare
    start_program "$1" serve
    wait_until 20 is_well "$1"
    mv "$folder" "$folder.away"
    wait_until 20 is_unwell "$1" "failed since, the last: "
    grep -qF "$folder" "$T/err" || fail "the reason is missing"
    mv "$folder.away" "$folder"
    wait_until 20 is_well "$1"
    kill -TERM "$pid"
    expect_end 0 10
    is_unwell "$1" "no daemon answers"
}
case_outage_of_pg_backup() { outage pg-backup; }
case_outage_of_pg_prune() { outage pg-prune; }

# The exit code is 0 or 1 whatever the settings are like, as container engines ask for.
case_exit_codes() {
    settings+=("HEALTH_SOCKET=$subject.$case_name.$$")
    expect 1 pg_backup health
    says "is \`serve\` running here?"
    expect 1 pg_prune health
    settings+=(LOG_LEVEL=loud)
    expect 1 pg_backup health
    says LOG_LEVEL
    expect 1 pg_prune health --no-such-option
}

# A second daemon with the same name says so and works.
case_two_daemons() {
    use_dir
    prepare
    start_program pg-backup serve
    wait_until 20 is_well pg-backup
    local first=$pid
    mv "$T/daemon.log" "$T/first.log" # each writes to its own
    start_program pg-backup serve
    wait_until 20 grep -qF "give each its own HEALTH_SOCKET" "$T/daemon.log"
    kill -TERM "$pid"
    expect_end 0 10
    pid=$first
    kill -TERM "$pid"
    expect_end 0 10
}

# Containers of one pod share the network namespace, where the name is, but not the process ids.
case_another_containers_daemon() {
    unshare --pid --fork true 2>/dev/null || skip "needs process id namespaces"
    use_dir
    prepare
    start_program pg-backup serve
    wait_until 20 is_well pg-backup
    ! (become unshare --pid --fork "$BIN/pg-backup" health) >"$T/out" 2>"$T/err" || fail "it took it for its own"
    says "another container's"
    kill -TERM "$pid"
    expect_end 0 10
}

# A clock that is an hour off: refused with the reason, late, and no end of the daemon.
case_clock_off_by_an_hour() {
    local library
    library=$(compgen -G '/usr/lib/*/faketime/libfaketime.so.1') || fail "needs the package libfaketime"
    ! grep -q __asan_init <<<"$(nm -D "$BIN/pg-backup")" || skip "ASan and this library do not go together"
    use_s3
    prepare
    settings+=("LD_PRELOAD=$library" FAKETIME=+1h DONT_FAKE_MONOTONIC=1)
    expect 0 pg_backup now
    says "the clock of this machine is wrong"
    expect 3 pg_prune now
    says clock
    start_program pg-prune serve
    wait_until 20 is_unwell pg-prune clock
    ! is_gone "$pid" || fail "it ended"
    kill -TERM "$pid"
    expect_end 0 10
}
