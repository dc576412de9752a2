# shellcheck shell=bash
# deploy/compose left alone for a week: the daemons are rebooted, upgraded, rolled back and reconfigured while one
# database cannot be backed up. Their clock is libfaketime's, so the store is a directory: a bucket has a clock of its
# own, and pg-backup refuses one that differs.

# shellcheck source-path=SCRIPTDIR source=production.sh
. ./production.sh
here=$WORK/nights
first_day=$(date -u -d "+2 days" +%F)

# set_clock DAY HH:MM:SS: for the daemons, DAY days after the first one
set_clock() {
    echo "+$(($(date -u -d "$first_day +$1 days $2" +%s) - $(date +%s)))" >"$here/clock/new"
    mv "$here/clock/new" "$here/clock/now"
}

prepare_nights() {
    local library name
    library=$(compgen -G '/usr/lib/*/faketime/libfaketime.so.1') || fail "needs the package libfaketime"
    compose up -d --pull never --no-build --wait --wait-timeout 90
    copy_folder
    set_in_env PG_BACKUP_IMAGE pg-backup:old
    set_in_env PG_PRUNE_IMAGE pg-prune:old
    set_in_env DB_HOST postgres
    set_in_env DB ""
    set_in_env DATABASES app,broken
    set_in_env BACKUP_DIR /backups
    for name in S3_ENDPOINT S3_BUCKET S3_ACCESS_KEY_FILE S3_SECRET_KEY_FILE BACKUP_INTERVAL PRUNE_INTERVAL \
        S3_BACKUP_MAX_AGE; do
        set_in_env $name ""
    done
    echo "BACKUP_SCHEDULE=30 2 * * *" >>"$here/.env"
    echo "CLEANUP_SCHEDULE=30 14 * * *" >>"$here/.env"
    set_in_env RETENTION_KEEP_DAILY 3
    mkdir -p "$here"/secrets/{backup,prune,restore} "$here/clock" "$here/backups"
    write_secret backup/db_password for-trying-only-backup
    chmod -R a+rX "$here/secrets" "$here/clock"
    chown 10001:10001 "$here/backups"
    cp -L "$library" "$here/clock/libfaketime.so.1"
    cat >"$here/compose.override.yaml" <<YAML
x-service: &service
  networks: [database]
  environment: {LD_PRELOAD: /clock/libfaketime.so.1, FAKETIME_TIMESTAMP_FILE: /clock/now, FAKETIME_NO_CACHE: "1",
    DONT_FAKE_MONOTONIC: "1"}
  volumes: [{type: bind, source: ./clock, target: /clock, read_only: true}]
  healthcheck: {interval: 2s, start_interval: 1s, retries: 2}
services:
  backup: *service
  prune: *service
networks:
  database: {external: true, name: ${project}_database}
YAML
}

# days_of DATABASE: of its complete backups, counted from the first one, in one line
days_of() {
    in_production exec -T backup pg-backup list --json >"$T/list" || return 1
    jq -r --arg database "$1" 'select(.group == $database) | .id[:8]' "$T/list" | while read -r day; do
        echo $((($(date -u -d "$day" +%s) - $(date -u -d "$first_day" +%s)) / 86400))
    done | sort -n | uniq | xargs
}
days_are() { [ "$(days_of "$1")" = "$2" ]; } # DATABASE DAYS

# night DAY: the backup of that night comes
night() {
    set_clock "$1" 02:29:55
    wait_until 60 newest_is "$1"
}
newest_is() { [ "$(days_of app | awk '{print $NF}')" = "$1" ]; } # DAY

# noon DAY DAYS: pg-prune does its work, and leaves these
noon() {
    set_clock "$1" 14:29:55
    wait_until 60 days_are app "$2"
    expect "days of the database that fails" "$(days_of broken)" 0
}

# use_versions OF_BACKUP OF_PRUNE: pg-backup says that a database is late when it has looked.
use_versions() {
    set_in_env PG_BACKUP_IMAGE "pg-backup:$1"
    set_in_env PG_PRUNE_IMAGE "pg-prune:$2"
    in_production up -d --pull never
    wait_until 60 in_production_is_unwell broken
    wait_until 60 in_production exec -T prune pg-prune health
}

case_backups_outlive_a_week_of_nobody_looking() {
    prepare_nights
    sql postgres 'drop database if exists broken'
    sql postgres 'create database broken'
    set_clock 0 03:00:00
    production_up
    wait_until 60 days_are app 0
    wait_until 60 days_are broken 0
    wait_until 30 docker_says "$(id_in_production backup)" healthy

    sql broken 'select lo_create(7)' # which pg_read_all_data does not read before version 19
    night 1

    restart_engine_under "$(id_in_production backup)" "$(id_in_production prune)"
    compose up -d --pull never --no-build --wait --wait-timeout 90
    noon 1 "0 1"
    wait_until 60 in_production_is_unwell broken

    use_versions new old
    night 2
    noon 2 "0 1 2"
    use_versions new new
    night 3
    noon 3 "1 2 3"

    set_in_env RETENTION_KEEP_DAILY 2
    use_versions old new
    wait_until 60 days_are app "2 3" # pg-prune begins with it
    night 4
    noon 4 "3 4"
    in_production_is_unwell broken || fail "nobody is told that broken fails"

    sql broken 'select lo_unlink(7)'
    night 5
    days_are app "3 4 5" || days_are app "4 5" || fail "$(days_of app)"
    wait_until 60 days_are broken "0 5"
    wait_until 60 docker_says "$(id_in_production backup)" healthy
    in_production down -v --timeout 5
    sql postgres 'drop database broken'
}

in_production_is_unwell() { # DATABASE: the daemon says so by name
    local said
    ! said=$(in_production exec -T backup pg-backup health 2>&1) && grep -qF -- "$1" <<<"$said"
}
