# shellcheck shell=bash
# deploy/compose as documented: .env, secrets, up. Database and store are those of the stack, which are out of the
# reach of that file: compose.override.yaml names their networks.

here=$WORK/production

# in_folder COMMAND...: as a user types it there
in_folder() { (cd "$here" && env -u PG_REPO -u PG_MAJORS "$@" </dev/null); }
in_production() { in_folder docker compose --progress quiet --ansi never "$@"; }

set_in_env() { # NAME VALUE
    grep -q "^$1=" "$here/.env" || fail ".env.example has no $1"
    sed -i "s|^$1=.*|$1=$2|" "$here/.env"
}

copy_folder() {
    rm -rf "$here"
    cp -r "$root/deploy/compose" "$here"
    cp "$here/.env.example" "$here/.env"
}

write_secret() { # FILE VALUE
    printf '%s\n' "$2" >"$here/secrets/$1"
}

# once for all cases
prepare() {
    compose up -d --pull never --no-build --wait --wait-timeout 90
    [ ! -e "$here/compose.override.yaml" ] || return 0
    copy_folder
    set_in_env PG_BACKUP_IMAGE pg-backup
    set_in_env PG_PRUNE_IMAGE pg-prune
    set_in_env DB_HOST postgres
    set_in_env S3_ENDPOINT http://s3:3900
    set_in_env S3_PREFIX production
    mkdir -p "$here"/secrets/{backup,prune,restore}
    write_secret backup/db_password for-trying-only-backup
    write_secret restore/db_password for-trying-only-postgres
    for program in backup prune restore; do
        write_secret $program/s3_access_key for-trying-only-key
        write_secret $program/s3_secret_key for-trying-only-secret
    done
    chmod -R a+rX "$here/secrets"
    cat >"$here/compose.override.yaml" <<YAML
x-service: &service
  networks: [database, store]
  healthcheck: {interval: 2s, start_interval: 1s, retries: 2}
services:
  backup: *service
  prune: {<<: *service, networks: [store]}
  restore: {networks: [database, store]}
networks:
  database: {external: true, name: ${project}_database}
  store: {external: true, name: ${project}_store}
YAML
}

production_up() { in_production up -d --pull never --wait --wait-timeout 60; }
id_in_production() { in_production ps -aq "$1"; }

# list_in_production: ids of its backups
list_in_production() { in_production exec -T backup pg-backup list --json | jq -re '.key | split("/")[-2]'; }

case_the_version_of_the_example_is_this_one() {
    expect images "$(sed -nE 's/^PG_(BACKUP|PRUNE)_IMAGE=//p' "$root/deploy/compose/.env.example" | xargs)" \
        "ghcr.io/OWNER/pg-backup:$(project_version) ghcr.io/OWNER/pg-prune:$(project_version)"
}

case_without_settings_nothing_starts() {
    copy_folder
    ! in_production up -d >"$T/out" 2>&1 || fail "it starts as it is"
    says "ghcr.io/OWNER/pg-"
    rm "$here/.env"
    ! in_production up -d >"$T/out" 2>&1 || fail "it starts without .env"
    says .env
    expect containers "$(docker ps -aq --filter label=com.docker.compose.project=pg-backup-production)" ""
}

case_it_knows_no_bundled_server() {
    prepare
    in_production --profile '*' config --format json >"$T/config"
    expect services "$(jq -r '.services | keys | join(" ")' "$T/config")" "backup prune restore scratch verify"
    expect project "$(jq -r .name "$T/config")" pg-backup-production
    expect "project of the stack to try" \
        "$(docker compose -f "$root/compose.yaml" config --format json | jq -r .name)" pg-backup
    expect restart "$(jq -r '.services | .backup.restart, .prune.restart' "$T/config" | xargs)" \
        "unless-stopped unless-stopped"
}

case_up_gives_a_backup() {
    prepare
    production_up
    wait_until 20 list_in_production
    expect "secrets of the pruner" "$(in_production exec -T prune ls /run/secrets | xargs)" "s3_access_key s3_secret_key"
    stays_alive "$(id_in_production backup)"
    stays_alive "$(id_in_production prune)"
}

# Limits that .env names are those of the containers.
case_limits_are_variables() {
    prepare
    cp "$here/.env" "$T/env"
    set_in_env PG_BACKUP_MEMORY 1g
    set_in_env PG_BACKUP_PIDS 300
    set_in_env PG_PRUNE_MEMORY 700m
    set_in_env PG_PRUNE_PIDS 70
    in_production config --format json >"$T/config"
    cp "$T/env" "$here/.env"
    expect limits "$(jq -r '.services | .backup, .prune | "\(.mem_limit) \(.pids_limit)"' "$T/config" | xargs)" \
        "1073741824 300 734003200 70"
}

# Every `docker compose` of the documentation, in text and in blocks; what ends containers comes last.
documented_commands() {
    {
        grep -ohE '`docker compose [^`]*`' "$root/README.md" "$root"/docs/*.md
        "$root/tests/doc_commands.sh" | grep '^docker compose '
    } | sed -E 's/`//g; s/ +#.*//' | sort -u >"$T/commands"
    grep -v ' down' "$T/commands"
    grep ' down' "$T/commands"
}

of_project='{{.Label "com.docker.compose.project"}} {{.Label "com.docker.compose.service"}}'

others() { # the containers of the stack to try, and what they were made from
    docker ps -a --no-trunc --filter "label=com.docker.compose.project=$project" --format '{{.ID}} {{.Image}}' | sort
}

case_no_documented_command_reaches_a_bundled_server() {
    local command
    prepare
    production_up
    others >"$T/before"
    documented_commands >"$T/list"
    grep -q ' restore ' "$T/list" || fail "the documentation has no commands"
    while read -r command; do
        echo "\$ $command"
        in_folder timeout 60 bash -c "$command" >"$T/out" 2>&1 || echo "    ends with $?: $(tail -n 1 "$T/out")"
        docker ps -a --filter label=com.docker.compose.project --format "$of_project" | grep -v "^$project " \
            >"$T/services" || true
        ! grep -vE '^pg-backup-production (backup|prune|restore|scratch|verify)$' "$T/services" || fail "started another service"
        others | diff "$T/before" - || fail "touched the other stack"
    done <"$T/list"
    in_production --profile verify rm -fsv scratch verify
}

case_a_documented_restore() {
    prepare
    production_up
    wait_until 20 list_in_production
    in_production run --rm restore --target-database production_copy --create
    sql production_copy 'select 1'
    sql postgres 'drop database production_copy'
}

# restart_engine_under CONTAINER...: all of them start again with it.
restart_engine_under() {
    local id starts=()
    for id in "$@"; do starts+=("$id $(fact "$id" '{{.State.StartedAt}}')"); done
    restart_engine
    for id in "${starts[@]}"; do
        # shellcheck disable=SC2086
        wait_until 60 started_again $id
    done
}
started_again() { [ "$(fact "$1" '{{.State.StartedAt}}')" != "$2" ]; } # CONTAINER START

# After the documented commands: Docker remembers a signal of `docker kill` as a stop by hand.
case_both_daemons_outlive_a_restart_of_the_engine() {
    local id daemons
    prepare
    production_up
    stack_up
    daemons=("$(id_in_production backup)" "$(id_in_production prune)" "$(id_of backup)" "$(id_of prune)")
    restart_engine_under "${daemons[@]}"
    for id in "${daemons[@]}"; do wait_until 60 docker_says "$id" healthy; done
}

# with_versions OF_BACKUP OF_PRUNE: up with these, a backup more, and each program reads all that there are.
with_versions() {
    local before id
    set_in_env PG_BACKUP_IMAGE "pg-backup:$1"
    set_in_env PG_PRUNE_IMAGE "pg-prune:$2"
    production_up
    expect "image of backup" "$(fact "$(id_in_production backup)" '{{.Config.Image}}')" "pg-backup:$1"
    expect "image of prune" "$(fact "$(id_in_production prune)" '{{.Config.Image}}')" "pg-prune:$2"
    sleep 1 # ids sort by their second
    before=$(list_in_production | wc -l || true)
    in_production exec -T backup pg-backup now
    expect "backups that pg-backup lists" "$(list_in_production | tee -a "$T/all" | wc -l)" $((before + 1))
    sort -u -o "$T/all" "$T/all"
    in_production exec -T prune pg-prune now
    in_production exec -T prune pg-prune plan --json >"$T/plan"
    while read -r id; do
        grep -q "$id" "$T/plan" || fail "pg-prune $2 does not know $id"
        grep -q "$id" <<<"$(list_in_production)" || fail "pg-backup $1 does not list $id"
    done <"$T/all"
}

restores() { # ID
    in_production run --rm restore --id "$1" --target-database upgrade_copy --create
    sql postgres 'drop database upgrade_copy'
}

# Up with pg-backup first, down with pg-backup first: the other way round the mixed states are the same two.
case_upgrade_and_rollback() {
    prepare
    note "from $(fact pg-backup:old '{{index .Config.Labels "old"}}') to this version and back"
    with_versions old old
    with_versions new old
    restores "$(head -n 1 "$T/all")"
    with_versions new new
    with_versions old new
    restores "$(tail -n 2 "$T/all" | head -n 1)"
    with_versions old old
    note "$(wc -l <"$T/all") backups, readable throughout"
    set_in_env PG_BACKUP_IMAGE pg-backup
    set_in_env PG_PRUNE_IMAGE pg-prune
    production_up
}

case_down_removes_only_its_own() {
    prepare
    others >"$T/before"
    in_production down --timeout 5
    expect containers "$(docker ps -aq --filter label=com.docker.compose.project=pg-backup-production)" ""
    others | diff "$T/before" -
}
