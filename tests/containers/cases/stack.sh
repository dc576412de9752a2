# shellcheck shell=bash
# compose.yaml as it is, from a fresh start to the stop.

case_the_files_are_valid() {
    compose config -q
    compose --env-file "$root/.env.example" config >"$T/example"
    compose config >"$T/defaults"
    diff "$T/defaults" "$T/example" || fail ".env.example differs from the defaults"
}

external() {
    env "$@" docker compose -f "$root/compose.yaml" -f "$root/deploy/compose/external.yaml" --env-file /dev/null \
        config --format json >"$T/config" 2>"$T/out"
}

case_a_database_and_a_store_elsewhere() {
    external DB_HOST=db.example.org S3_ENDPOINT=https://s3.example.org || fail "$(cat "$T/out")"
    expect services "$(jq -r '.services | keys | join(" ")' "$T/config")" "backup prune"
    expect addresses "$(jq -r '.services.backup | .environment.DB_HOST, .environment.S3_ENDPOINT' "$T/config" | xargs)" \
        "db.example.org https://s3.example.org"
    ! jq '.services, .networks' "$T/config" | grep -E 'garage|internal|depends_on|initdb' ||
        fail "something of the bundled servers is left"
    ! external S3_ENDPOINT=https://s3.example.org || fail "does not miss DB_HOST"
    says "DB_HOST"
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
        logs_say "$(id_of $service)" "S3_SECRET_KEY is the one that comes with the example" || fail "$service says nothing"
        ! logs_say "$(id_of $service)" for-trying-only || fail "$service says the secret"
    done
}

case_every_container_is_confined() {
    local service id
    for service in postgres s3 backup prune; do
        id=$(id_of $service)
        expect "$service: read-only root" "$(fact "$id" '{{.HostConfig.ReadonlyRootfs}}')" true
        expect "$service: published ports" "$(fact "$id" '{{len .HostConfig.PortBindings}}')" 0
        [ "$(fact "$id" '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}')" != "0 0" ] || fail "$service: no limits"
        compose exec -T $service cat /proc/1/status >"$T/status"
        grep -qE '^CapBnd:\s0+$' "$T/status" || fail "$service has capabilities"
        grep -qE '^NoNewPrivs:\s1$' "$T/status" || fail "$service may gain privileges"
    done
    for service in backup prune; do
        expect "$service: user" "$(compose exec -T $service cat /proc/1/status | sed -nE 's/^Uid:\s(\S+).*/\1/p')" 10001
    done
}

# Who reaches whom, and who holds which secret.
case_the_pruner_knows_nothing_of_the_database() {
    expect secrets "$(compose exec -T prune ls /run/secrets | tr '\n' ' ')" "s3_access_key s3_secret_key "
    expect secrets "$(compose exec -T backup ls /run/secrets | tr '\n' ' ')" \
        "db_password s3_access_key s3_secret_key "
    compose exec -T backup getent hosts postgres >/dev/null
    compose exec -T prune getent hosts s3 >/dev/null
    ! compose exec -T prune getent hosts postgres || fail "the pruner finds the database"
    ! compose exec -T postgres getent hosts s3 || fail "the database finds the store"
    # No way out: not even the machine that the containers run on.
    ! compose exec -T backup bash -c 'echo >/dev/tcp/10.0.2.3/53' 2>/dev/null || fail "there is a way out"
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
    ! compose exec -T backup pg-backup restore --target-database other --create --yes || fail "it could restore"
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
            from generate_series(1, 4096) j) from generate_series(1, 4000) i"
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
