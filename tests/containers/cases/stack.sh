# shellcheck shell=bash
# compose.yaml as it is, from a fresh start to the stop.

case_the_files_are_valid() {
    compose config -q
    compose --env-file "$root/.env.example" config >"$T/example"
    compose config >"$T/defaults"
    diff "$T/defaults" "$T/example" || fail ".env.example differs from the defaults"
}

case_up_gives_a_backup() {
    clean_up 2>/dev/null
    stack_up
    wait_until 20 more_backups_than 0
    compose exec -T backup pg-backup list | tee "$T/out"
    says "$(ids | sed 's#.*/##')"
}

case_the_example_secrets_are_warned_about() {
    local service
    for service in backup prune; do
        logs_say "$(id_of $service)" "set your own before you store data here setting=S3_SECRET_KEY" || fail "$service says nothing"
        ! logs_say "$(id_of $service)" for-trying-only || fail "$service says the secret"
    done
}

# confined SERVICE CAPABILITIES PORTS: these in hexadecimal, and so many published ports
confined() {
    local id memory pids
    id=$(id_of "$1")
    expect "$1: read-only root" "$(fact "$id" '{{.HostConfig.ReadonlyRootfs}}')" true
    expect "$1: published ports" "$(fact "$id" '{{len .HostConfig.PortBindings}}')" "$3"
    read -r memory pids <<<"$(fact "$id" '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}')"
    [ "$memory" -gt 0 ] || fail "$1: no limit of memory"
    [ "$pids" -gt 0 ] || fail "$1: no limit of processes" # unlimited is -1, 0 or <nil>
    compose exec -T "$1" cat /proc/1/status >"$T/status"
    grep -qE "^CapBnd:\s0+$2\$" "$T/status" || fail "$1 has capabilities"
    grep -qE '^NoNewPrivs:\s1$' "$T/status" || fail "$1 may gain privileges"
}

case_every_container_is_confined() {
    local service
    for service in postgres backup prune; do confined $service 0 0; done
    confined s3 2 0 # CAP_DAC_OVERRIDE: it reads its configuration whatever the mode
    for service in backup prune; do
        expect "$service: user" "$(compose exec -T $service cat /proc/1/status | sed -nE 's/^Uid:\s(\S+).*/\1/p')" 10001
    done
}

# Who reaches whom, and who holds which secret.
case_the_pruner_knows_nothing_of_the_database() {
    compose exec -T backup env >"$T/out"
    says for-trying-only-backup
    compose exec -T prune env >"$T/out"
    says for-trying-only-secret
    ! grep -E 'DB|PG|for-trying-only-(backup|postgres)' "$T/out" || fail "the pruner is told of the database"
    resolves backup postgres 0
    resolves backup s3 0
    resolves prune s3 0
    resolves prune postgres 2
    resolves postgres backup 0
    resolves postgres s3 2
}

resolves() { # SERVICE NAME STATUS: 0, or 2 where nobody there knows that name
    local found=0
    compose exec -T "$1" getent hosts "$2" || found=$?
    expect "what $1 finds when it looks for $2" "$found" "$3"
}

# Not even to the name server of the engine; a container in a network that is not internal does find it.
case_there_is_no_way_out() {
    connect=(-c 'echo >/dev/tcp/10.0.2.3/53')
    ! compose exec -T backup bash "${connect[@]}" >"$T/out" 2>&1 || fail "there is"
    says "Network is unreachable"
    run_image --entrypoint bash pg-backup "${connect[@]}"
    ! grep -F "Network is unreachable" "$T/out" || fail "there is none for any container"
}

# The profile monitoring. Prometheus reaches both programs and the Pushgateway, and nothing else of the stack.
case_prometheus_scrapes_both_programs() {
    local service
    stack_up
    compose --profile monitoring up -d --pull never --no-build --wait --wait-timeout 90
    confined prometheus 2 1 # as s3 has it
    confined pushgateway 0 1
    for service in prometheus pushgateway; do
        expect "$service: address" "$(fact "$(id_of $service)" \
            '{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}}{{end}}{{end}}')" 127.0.0.1
    done
    resolves prometheus backup 0
    resolves prometheus postgres 2
    resolves prometheus s3 2
    resolves pushgateway s3 2
    wait_until 90 prometheus_says 'query?query=sum(up)' '"3"]'
    wait_until 90 prometheus_says 'query?query=pg_backup_healthy' '"1"]'
    prometheus_says rules '"name":"PgBackupOverdue"' || fail "it has no alerts"
    # Before the first scrape the absence of a program is pending, until the rules are judged again.
    wait_until 120 prometheus_says alerts '"alerts":[]'
    compose --profile monitoring rm -fs prometheus pushgateway
}

prometheus_says() { # PATH TEXT
    compose exec -T prometheus wget -qO- "http://127.0.0.1:9090/api/v1/$1" >"$T/out" && grep -qF -- "$2" "$T/out"
}

case_a_backup_on_request_and_a_restore() {
    local before
    sql app "create table item (id int primary key, name text);
        insert into item select i, md5(i::text) from generate_series(1, 1000) i"
    before=$(backups)
    sleep 1 # ids sort by their second
    run_now backup
    wait_until 20 more_backups_than "$before"
    compose run --rm -T --no-deps restore --target-database app_copy --create --yes
    expect "what was restored" "$(sql app_copy "select count(*), md5(string_agg(name, ',' order by id)) from item")" \
        "$(sql app "select count(*), md5(string_agg(name, ',' order by id)) from item")"
    # The role that makes backups cannot: nothing is harmed.
    ! compose exec -T backup pg-backup restore --target-database other --create --yes >"$T/out" 2>&1 ||
        fail "it could restore"
    says "permission denied to create database"
}

case_the_pruner_removes_an_aged_backup() {
    local aged newest
    newest=$(ids | tail -n 1)
    aged=app/$(date -u -d '40 days ago' +%Y%m%dT%H%M%SZ)-0badcafe
    s3 copy-folder "$newest" "$aged"
    run_now prune
    wait_until 20 removed "$aged"
    grep -qxF "$newest" <<<"$(ids)" || fail "the newest one went too"
}

removed() { ! grep -qF "$1" <<<"$(s3 ls)"; }

# While a large dump is on its way.
case_stop_is_quick_and_leaves_nothing() {
    local id began seconds
    id=$(id_of backup)
    sql app "create table chunk (data bytea); alter table chunk alter data set storage external;
        insert into chunk select (select string_agg(decode(md5(i || ':' || j), 'hex'), '')
            from generate_series(1, 4096) j) from generate_series(1, 1000) i"
    s3 ls >"$T/before"
    run_now backup
    wait_until 20 uploading
    began=$(date +%s%N)
    compose stop backup prune
    seconds=$((($(date +%s%N) - began) / 100000000))
    note "stopped after $((seconds / 10)).$((seconds % 10)) s"
    [ "$seconds" -lt 100 ] || fail "took too long"
    expect "exit status" "$(fact "$id" '{{.State.ExitCode}}')" 0
    ! uploading || fail "left an upload"
    s3 ls | diff "$T/before" -
    sql app "drop table chunk"
    stack_up
    stays_alive "$id"
}

uploading() { [ -n "$(s3 uploads)" ]; }

# A crash is not counted: any number of them, and the engine starts it again.
case_six_crashes_do_not_end_a_daemon() {
    local id crash pid
    stack_up
    id=$(id_of prune)
    for crash in $(seq 6); do
        wait_until 30 is_up "$id" "$((crash - 1))"
        pid=$(fact "$id" '{{.State.Pid}}')
        [ "$pid" -gt 1 ] || fail "it has no process"
        kill -KILL "$pid"
    done
    wait_until 30 is_up "$id" 6
    wait_until 30 docker_says "$id" healthy
}

is_up() { [ "$(fact "$1" '{{.State.Status}} {{.RestartCount}}')" = "running $2" ]; } # CONTAINER RESTARTS

# After `git pull`: the next `up` runs what the sources say now.
case_up_builds_what_has_changed() {
    local before
    stack_up
    before=$(fact "$(id_of backup)" '{{.Image}}')
    mkdir "$T/clone"
    (cd "$root" && cp -a Dockerfile.* .dockerignore CMakeLists.txt common backup prune deploy compose.yaml "$T/clone")
    sed -i 's/^LABEL /&pulled="yes" /' "$T/clone/Dockerfile.backup"
    VERSION=$(project_version) docker compose --progress quiet -p "$project" -f "$T/clone/compose.yaml" \
        -f "$root/tests/containers/compose.ci.yaml" --env-file /dev/null up -d --no-deps backup
    expect label "$(fact "$(id_of backup)" '{{index .Config.Labels "pulled"}}')" yes
    docker tag "$before" pg-backup
    stack_up
}
