# shellcheck shell=bash
# Who watches from outside is told of each run: pings, notifications, a Pushgateway, a text file. And a backup is
# neither failed nor delayed by any of them.

secret=hunter2-token # a part of each URL that nothing may show

prepare() {
    use_dir
    create_small_database app
    use_database app
}

events() { requests | jq -r 'select(.path == "/notify") | .body | fromjson | .event'; }
last_notice() { requests | jq -rs "map(select(.path == \"/notify\")) | last | .body | fromjson | $1"; }

expect_paths() { # LINE...
    [ "$(paths)" = "$(printf '%s\n' "$@")" ] || { paths; fail "other requests than: $*"; }
}
expect_events() { # WORD...
    [ "$(events | xargs)" = "$*" ] || { requests; fail "other events than: $*"; }
}
called() { grep -qxF -- "$1" <<<"$(paths)"; }
events_are() { [ "$(events | xargs)" = "$*" ]; }

expect_no_secret() {
    says_not "$secret"
    [ ! -e "$T/daemon.log" ] || ! grep -F "$secret" "$T/daemon.log" || fail "the log shows a URL"
}

# no_slower_than SECONDS COMMAND...
no_slower_than() {
    local began=$SECONDS most=$1
    shift
    "$@"
    [ $((SECONDS - began)) -le "$most" ] || fail "took $((SECONDS - began)) s: $*"
}

case_each_run_calls_its_address() {
    prepare
    start_receiver
    settings+=("PING_URL=http://me:pw@${receiver#http://}/$secret?create=1")
    backup_now
    expect_no_secret
    expect_paths "POST /$secret/start?create=1" "POST /$secret?create=1"
    requests | jq -es 'all(.authorization == "Basic bWU6cHc=")' >"$T/out" || fail "no authentication"
    pg_dump_is 'echo "pg_dump: error: out of luck" >&2; exit 1'
    expect 1 pg_backup now
    expect_no_secret
    expect_paths "POST /$secret/start?create=1" "POST /$secret?create=1" \
        "POST /$secret/start?create=1" "POST /$secret/fail?create=1"
    requests | tail -n 1 | jq -r .body >"$T/body"
    grep -q '^pg-backup on .*: the backup failed: backup of app: .*out of luck' "$T/body" || fail "$(cat "$T/body")"
    grep -q '^the last lines of the log:$' "$T/body" || fail "$(cat "$T/body")"
}

# A run that is not due is a success, too, and says what it was.
case_nothing_is_due() {
    prepare
    start_receiver
    settings+=("PING_URL=$receiver/ping" TZ=UTC "BACKUP_SCHEDULE=0 $(date -u -d '1 hour ago' +%-H) * * *")
    backup_now
    expect 0 pg_backup now --if-due
    [ "$(paths | tail -n 1)" = "POST /ping" ] || fail "$(paths)"
    grep -q '^pg-backup on .*: no backup was due$' <<<"$(requests | tail -n 1 | jq -r .body)" || fail "$(requests)"
    [ "$(manifests | wc -l)" = 1 ] || fail "$(manifests)"
}

# A run of several databases is a success only when all are.
case_one_of_three_databases_fails() {
    prepare
    create_small_database crm
    create_small_database erp
    start_receiver
    settings+=(DB= "DATABASES=app crm erp" "PING_URL=$receiver/ping" "NOTIFY_URL=$receiver/notify" METRICS_INSTANCE=db1)
    sql postgres 'alter database crm with allow_connections false'
    expect 1 pg_backup now
    sql postgres 'alter database crm with allow_connections true'
    grep -qx 'POST /ping/fail' <<<"$(paths)" || fail "$(paths)"
    ! grep -qx 'POST /ping' <<<"$(paths)" || fail "a success was told"
    expect_events failure
    [ "$(last_notice '.troubles | map("\(.group) \(.failures)") | join(",")')" = "crm 1" ] || fail "$(requests)"
    [ "$(last_notice '"\(.program) \(.instance) \(.job) \(.result)"')" = "pg-backup db1 backup failed" ] ||
        fail "$(requests)"
    expect_complete
}

# The daemon says what begins to fail, once, and when all is well again.
case_failure_and_recovery_of_the_daemon() {
    prepare
    start_receiver
    settings+=("NOTIFY_URL=$receiver/notify" BACKUP_INTERVAL=1)
    start_program pg-backup serve
    wait_until 20 grep -q 'next backup' "$T/daemon.log"
    sql postgres 'alter database app with allow_connections false'
    wait_until 30 events_are failure
    wait_until 30 eval '[ "$(grep -c " failures=[23] " "$T/daemon.log")" -ge 2 ]'
    expect_events failure # the repeats told nothing new
    sql postgres 'alter database app with allow_connections true'
    wait_until 90 events_are failure recovery
    [ "$(last_notice '.recovered | join(",")')" = app ] || fail "$(requests)"
    no_slower_than 8 eval 'kill -TERM "$pid" && expect_end 0 10'
    expect_events failure recovery
}

# A new process does not know what was told: it tells a failure again.
case_after_a_restart_a_failure_is_told_again() {
    prepare
    start_receiver
    settings+=("NOTIFY_URL=$receiver/notify" "NOTIFY_FORMAT=json")
    pg_dump_is 'exit 1'
    expect 1 pg_backup now
    expect 1 pg_backup now
    expect_events failure failure
    settings+=(NOTIFY_ON=always "PG_BINDIR=$PG_BIN")
    backup_now
    expect_events failure failure success
}

case_forms_of_messages() {
    prepare
    start_receiver
    settings+=("NOTIFY_URL=$receiver/notify" NOTIFY_ON=always METRICS_INSTANCE=db1)
    with NOTIFY_FORMAT=slack -- expect 0 pg_backup now
    requests | tail -n 1 | jq -e '.body | fromjson | keys == ["text"] and (.text | startswith("pg-backup on db1: "))' \
        >/dev/null || fail "$(requests)"
    with NOTIFY_FORMAT=ntfy -- expect 0 pg_backup now
    requests | tail -n 1 | jq -e '.title == "pg-backup on db1: success" and (.body | startswith("pg-backup on db1: "))' \
        >/dev/null || fail "$(requests)"
}

# A first answer of 500 costs a second try; answers that last cost a warning, and never the backup.
case_receivers_that_misbehave() {
    prepare
    start_receiver
    settings+=("NOTIFY_URL=$receiver/$secret" NOTIFY_ON=always)
    answers 500 200
    no_slower_than 15 backup_now
    says "trying again"
    expect_no_secret
    [ "$(requests | wc -l)" = 2 ] || fail "$(paths)"
    local word
    for word in 404 302 500 close endless; do
        answers "$word"
        no_slower_than 25 backup_now
        says "NOTIFY_URL: 127.0.0.1:"
        expect_no_secret
    done
    [ "$(manifests | wc -l)" = 6 ] || fail "$(manifests)"
    expect_complete
}

# What hangs holds up the end of `now` by 20 s at most, and the runs of the daemon not at all.
case_a_receiver_that_hangs() {
    prepare
    start_receiver
    answers hang
    settings+=("PING_URL=$receiver/$secret" "NOTIFY_URL=$receiver/$secret" NOTIFY_ON=always)
    no_slower_than 24 backup_now
    says "a report is given up, because the program ends setting=PING_URL"
    says "a report is given up, because the program ends setting=NOTIFY_URL"
    expect_no_secret
    local before
    before=$(manifests | wc -l)
    settings+=(BACKUP_INTERVAL=1)
    start_program pg-backup serve
    wait_until 20 eval '[ "$(manifests | wc -l)" -ge '$((before + 4))' ]'
    no_slower_than 8 eval 'kill -TERM "$pid" && expect_end 0 10'
    expect_no_secret
    expect_complete
}

case_nobody_there_and_wrong_urls() {
    prepare
    settings+=("PING_URL=http://127.0.0.1:1/$secret" "NOTIFY_URL=http://no-such-host.invalid/$secret" NOTIFY_ON=always)
    no_slower_than 25 backup_now
    says "PING_URL: cannot connect to 127.0.0.1:1"
    says "NOTIFY_URL: "
    says "no-such-host.invalid"
    expect_no_secret
    expect_complete
    settings+=("NOTIFY_URL=example.com/$secret")
    expect 2 pg_backup now
    says "NOTIFY_URL: this is no URL that begins with http:// or https://"
    expect_no_secret
    expect 2 pg_backup config --check
    expect 0 pg_backup list # what does not report does not ask
    expect 2 pg_backup now --ping-url=http://h/
    says "every process can read a command line"
}

# A file of a URL that is not there costs a note; when it appears the daemon uses it.
case_files_of_urls() {
    prepare
    start_receiver
    settings+=("PING_URL_FILE=$T/url")
    backup_now
    says "PING_URL_FILE: cannot read $T/url: No such file or directory; nothing is sent there"
    expect_complete
    settings+=(BACKUP_INTERVAL=1)
    start_program pg-backup serve
    wait_until 20 grep -q 'next backup' "$T/daemon.log"
    [ -z "$(requests)" ] || fail "$(requests)"
    echo "$receiver/$secret" >"$T/url.new"
    mv "$T/url.new" "$T/url"
    wait_until 20 called "POST /$secret"
    rm "$T/url" # the last value is kept
    local before
    before=$(requests | wc -l)
    wait_until 20 eval '[ "$(requests | wc -l)" -gt '$((before + 3))' ]'
    kill -TERM "$pid"
    expect_end 0 10
    expect_no_secret
}

# Nothing configured: as many threads as ever, and no child of ours sees a URL.
case_off_costs_nothing() {
    prepare
    settings+=(BACKUP_INTERVAL=1h) # no run goes on while threads are counted
    start_program pg-backup serve
    wait_until 20 grep -q 'next backup' "$T/daemon.log"
    local without
    without=$(threads)
    kill -TERM "$pid"
    expect_end 0 10
    start_receiver
    settings+=(BACKUP_INTERVAL=1 "PING_URL=$receiver/$secret" "NOTIFY_URL=$receiver/$secret" NOTIFY_ON=always)
    pg_dump_is "env >'$T/child.env'; real_pg_dump \"\$@\""
    start_program pg-backup serve
    wait_until 20 called "POST /$secret"
    wait_until 20 test -s "$T/child.env"
    [ "$(threads)" -gt "$without" ] || fail "$(threads) threads, and $without without receivers"
    ! grep -E "PING_URL|NOTIFY_URL|$secret" "$T/child.env" || fail "a child sees the URL"
    kill -TERM "$pid"
    expect_end 0 10
    [ "$without" -le 4 ] || fail "$without threads with nothing configured"
}
threads() { find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l; }

# A guard of pg-prune that objects is a notification, once for each group and guard.
case_frozen_by_a_guard() {
    prepare
    start_receiver
    backup_now
    local lost
    lost=$(date -u -d '41 days ago' +%Y%m%dT%H%M%SZ)-00000002
    store_copy "app/$(field id)" "app/$(date -u -d '40 days ago' +%Y%m%dT%H%M%SZ)-00000001" "app/$lost"
    store_remove "app/$lost/app.dump.zst"
    settings+=(S3_BACKUP_MAX_AGE=30d "PING_URL=$receiver/ping" "NOTIFY_URL=$receiver/notify" METRICS_INSTANCE=db1)
    expect 3 pg_prune now --dry-run
    expect 3 pg_prune plan
    [ -z "$(requests)" ] || fail "a rehearsal was told: $(requests)"
    expect 3 pg_prune now
    grep -qx 'POST /ping/fail' <<<"$(paths)" || fail "$(paths)"
    expect_events failure
    [ "$(last_notice '"\(.program) \(.result) \(.troubles[0].group) \(.troubles[0].guard)"')" = \
        "pg-prune refused app damaged" ] || fail "$(requests)"
    grep -q "app/$lost" <<<"$(last_notice '.troubles[0].text')" || fail "$(requests)"
    settings+=(PRUNE_INTERVAL=1)
    : >"$T/receiver/requests"
    start_program pg-prune serve
    wait_until 20 events_are failure
    rm -r "$folder/app/$lost"
    wait_until 90 events_are failure recovery
    kill -TERM "$pid"
    expect_end 0 10
}

# ---- metrics -------------------------------------------------------------------------------------------

# Debian's Pushgateway, or by hand another version, the program PUSHGATEWAY: its URL in `gateway`
start_gateway() {
    local port program=${PUSHGATEWAY:-prometheus-pushgateway}
    command -v "$program" >/dev/null || fail "needs the package prometheus-pushgateway"
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$program" "--web.listen-address=127.0.0.1:$port" --persistence.file= >"$T/gateway.log" 2>&1 &
    background+=("$!")
    gateway=http://127.0.0.1:$port
    wait_until 20 curl -sf --noproxy '*' -o "$T/ready" "$gateway/-/ready"
    curl() { command curl -sS --fail-with-body --noproxy '*' "$@"; }
}

pushed() { curl "$gateway/metrics" | grep -v '^#'; }
# has SERIES [VALUE]: as a pattern of grep -E
has() { grep -qE "^$1 ${2:-}" <<<"$(pushed)" || { pushed; fail "the gateway has no $1 ${2:-}"; }; }
is_pushed() { grep -qF -- "$1" <<<"$(pushed)"; }

case_pushgateway() {
    prepare
    start_gateway
    create_small_database crm
    settings+=(DB= "DATABASES=app crm" "PUSHGATEWAY_URL=$gateway" METRICS_INSTANCE=production)
    backup_now
    says_not "PUSHGATEWAY_URL:"
    local of='instance="production",job="pg_backup",program="pg-backup"'
    has "pg_backup_last_exit_code\\{database=\"app\",$of\\}" 0
    has "pg_backup_last_exit_code\\{database=\"crm\",$of\\}" 0
    has "pg_backup_last_run_succeeded\\{$of\\}" 1
    curl "$gateway/metrics" >"$T/exposed"
    promtool check metrics <"$T/exposed" >"$T/promtool" 2>&1 || [ $? = 3 ] || fail "$(cat "$T/promtool")"

    # A run that fails for one of them is told, too, and keeps what is known of the other.
    sql postgres 'alter database crm with allow_connections false'
    expect 1 pg_backup now
    sql postgres 'alter database crm with allow_connections true'
    has "pg_backup_last_exit_code\\{database=\"app\",$of\\}" 0
    has "pg_backup_last_exit_code\\{database=\"crm\",$of\\}" 1
    has "pg_backup_last_run_succeeded\\{$of\\}" 0

    # Another process for another database, under the same names, leaves these alone.
    create_small_database erp
    settings+=(DATABASES= DB=erp)
    backup_now
    has "pg_backup_last_exit_code\\{database=\"crm\",$of\\}" 1
    has "pg_backup_last_exit_code\\{database=\"erp\",$of\\}" 0

    # Nor does the other program, not even under the same job.
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 0 pg_prune now
    says_not "PUSHGATEWAY_URL:"
    has 'pg_prune_last_exit_code\{instance="production",job="pg_prune",program="pg-prune"\}' 0
    has 'pg_prune_backups\{database="erp",instance="production",job="pg_prune",program="pg-prune"\}' 1
    with METRICS_JOB=pg_backup -- expect 0 pg_prune now
    has 'pg_prune_backups\{database="erp",instance="production",job="pg_backup",program="pg-prune"\}' 1
    has "pg_backup_last_run_succeeded\\{$of\\}" 1
    has "pg_backup_last_exit_code\\{database=\"erp\",$of\\}" 0
}

# A database that the daemon no longer backs up leaves the gateway.
case_pushgateway_forgets_what_is_gone() {
    prepare
    start_gateway
    create_small_database crm
    settings+=(DB= DATABASES=all EXCLUDE_DATABASES=postgres "PUSHGATEWAY_URL=$gateway" METRICS_INSTANCE=p BACKUP_INTERVAL=2)
    start_program pg-backup serve
    wait_until 20 is_pushed 'pg_backup_last_exit_code{database="crm"'
    drop_database crm
    wait_until 40 eval '! is_pushed crm'
    has 'pg_backup_last_exit_code\{database="app",instance="p",job="pg_backup",program="pg-backup"\}' 0
    has 'pg_backup_last_exit_code\{database="_globals",instance="p",job="pg_backup",program="pg-backup"\}' 0
    kill -TERM "$pid"
    expect_end 0 10
}

# What an older system pushed has the same names and no type, or another one. Odd names of databases are names, too.
case_pushgateway_with_other_types() {
    prepare
    start_gateway
    local odd='a/b "c" ä %2F'
    create_small_database "$odd"
    settings+=(DATABASES= "DB=$odd" "PUSHGATEWAY_URL=$gateway/" METRICS_JOB=a/b METRICS_INSTANCE=..)
    printf 'pg_backup_last_exit_code 1\npg_backup_last_bytes 5\n' |
        curl --data-binary @- "$gateway/metrics/job@base64/YS9i/instance@base64/Li4"
    printf '# TYPE pg_backup_last_run_succeeded counter\npg_backup_last_run_succeeded 5\n' |
        curl --data-binary @- "$gateway/metrics/job@base64/YS9i/instance@base64/Li4"
    backup_now
    says_not "PUSHGATEWAY_URL:"
    has 'pg_backup_last_exit_code\{database="a/b \\"c\\" ä %2F",instance="..",job="a/b",program="pg-backup"\}' 0
    has 'pg_backup_last_run_succeeded\{instance="..",job="a/b",program="pg-backup"\}' 1
    ! is_pushed 'pg_backup_last_bytes{instance="..",job="a/b"}' || fail "what the older system pushed is still there"
    # A group of somebody else that is in the way is left alone, and said.
    curl -X DELETE "$gateway/metrics/job@base64/YS9i/instance@base64/Li4/program/pg-backup"
    printf '# TYPE pg_backup_last_run_succeeded counter\npg_backup_last_run_succeeded 5\n' |
        curl --data-binary @- "$gateway/metrics/job/other"
    backup_now
    says "PUSHGATEWAY_URL: 127.0.0.1:"
    says "answers 400"
    has 'pg_backup_last_run_succeeded\{instance="",job="other"\}' 5
    expect_complete
}

# Another version pushed other metrics, and the same ones with other types, for every database.
case_pushgateway_after_another_version() {
    prepare
    start_gateway
    create_small_database crm
    create_small_database erp
    settings+=(DB= "DATABASES=app crm erp" "PUSHGATEWAY_URL=$gateway" METRICS_INSTANCE=p)
    local group name
    for group in "" /database/app /database/crm /database/erp; do
        name=pg_backup_last_exit_code
        [ -n "$group" ] || name=pg_backup_unlisted_databases
        printf '# TYPE %s counter\n%s 7\n# TYPE pg_backup_of_then gauge\npg_backup_of_then 1\n' "$name" "$name" |
            curl --data-binary @- "$gateway/metrics/job/pg_backup/instance/p/program/pg-backup$group"
    done
    backup_now
    says_not "PUSHGATEWAY_URL:"
    for name in app crm erp; do
        has "pg_backup_last_exit_code\\{database=\"$name\",instance=\"p\",job=\"pg_backup\",program=\"pg-backup\"\\}" 0
    done
    ! is_pushed of_then || fail "what the other version pushed is still there"
    grep -qx '# TYPE pg_backup_last_exit_code gauge' <<<"$(curl "$gateway/metrics")" || fail "the type is the old one"
}

case_pushgateway_that_is_not_there() {
    prepare
    settings+=("PUSHGATEWAY_URL=http://me:$secret@127.0.0.1:1/")
    no_slower_than 25 backup_now
    says "PUSHGATEWAY_URL: cannot connect to 127.0.0.1:1"
    expect_no_secret
    expect_complete
}

case_text_file() {
    prepare
    mkdir "$T/textfile"
    settings+=("METRICS_TEXTFILE=$T/textfile/pg_backup.prom")
    backup_now
    [ "$(stat -c %a "$T/textfile/pg_backup.prom")" = 644 ] || fail "$(stat "$T/textfile/pg_backup.prom")"
    grep -qx 'pg_backup_last_exit_code{database="app"} 0' "$T/textfile/pg_backup.prom" ||
        fail "$(cat "$T/textfile/pg_backup.prom")"
    [ "$(tail -c 1 "$T/textfile/pg_backup.prom" | od -An -c | tr -d ' ')" = '\n' ] || fail "it does not end in a newline"
    promtool check metrics <"$T/textfile/pg_backup.prom" >"$T/promtool" 2>&1 || [ $? = 3 ] || fail "$(cat "$T/promtool")"
    pg_dump_is 'exit 1'
    expect 1 pg_backup now
    grep -qx 'pg_backup_last_exit_code{database="app"} 1' "$T/textfile/pg_backup.prom" ||
        fail "$(cat "$T/textfile/pg_backup.prom")"
    [ "$(ls -A "$T/textfile")" = pg_backup.prom ] || fail "$(ls -A "$T/textfile")"
    settings+=("PG_BINDIR=$PG_BIN" "METRICS_TEXTFILE=$T/gone/pg_backup.prom")
    backup_now
    says "METRICS_TEXTFILE: $T/gone/pg_backup.prom: No such file or directory"
    settings+=("METRICS_TEXTFILE=$T/textfile/pg_backup.txt")
    expect 2 pg_backup now
    says "node_exporter reads only files whose names end in .prom"
}
