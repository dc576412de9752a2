# shellcheck shell=bash
# The commands and the .env of the older systems, with the images and with the stack of compose.yaml.

# exec_in SERVICE COMMAND...: in its running container; its status in `status`, what it said in $T/out
exec_in() {
    status=0
    compose exec -T "$@" >"$T/out" 2>&1 || status=$?
}

# more_after COMMAND...: it ends with 0, and one more backup is there
more_after() {
    local before
    before=$(backups)
    status=0
    "$@" >"$T/out" 2>&1 || status=$?
    [ "$status" = 0 ] || { cat "$T/out"; fail "exit $status: $*"; }
    expect "backups after $*" "$(backups)" "$((before + 1))"
}

case_each_is_a_command_of_its_image() {
    local command
    for command in /opt/backup.py /scripts/backup.sh backup-service backup-db "/scripts/restore.sh latest"; do
        # shellcheck disable=SC2086
        run_image pg-backup $command
        expect "status of $command" "$status" 2
        says S3_BUCKET
        ! grep -F "unknown command" "$T/out" || fail "$command is no command"
    done
    for command in /opt/prune-backups.py /scripts/cleanup.sh; do
        run_image pg-prune "$command"
        expect "status of $command" "$status" 2
        says S3_BUCKET
        ! grep -F "unknown command" "$T/out" || fail "$command is no command"
    done
    # As a shell finds them, for the user of the image.
    for command in /opt/backup.py /scripts/backup.sh backup-service backup-db "/scripts/restore.sh latest" check_backup \
        "restore LATEST"; do
        run_image --entrypoint /bin/sh pg-backup -c "$command"
        expect "status of $command in a shell" "$status" 2
        says S3_BUCKET
    done
    for command in /opt/prune-backups.py /scripts/cleanup.sh; do
        run_image --entrypoint /bin/sh pg-prune -c "$command"
        expect "status of $command in a shell" "$status" 2
        says S3_BUCKET
        run_image --entrypoint /bin/sh pg-backup -c "$command"
        expect "status of $command in the other image" "$status" 2
        says "$command is in the image of pg-prune"
    done
}

case_each_does_its_work_in_the_stack() {
    stack_up
    wait_until 20 more_backups_than 0
    more_after compose exec -T backup /opt/backup.py
    sleep 1
    more_after compose exec -T backup /scripts/backup.sh
    sleep 1
    more_after compose exec -T backup backup-db
    exec_in prune /opt/prune-backups.py
    expect "status of /opt/prune-backups.py" "$status" 0
    exec_in prune /scripts/cleanup.sh
    expect "status of /scripts/cleanup.sh" "$status" 0
    # A backup of the older stack, into a database of its own: with a role that may do so.
    sql app "create table if not exists of_the_older_stack as select 7 as seven"
    compose exec -T postgres pg_dump -U postgres app | gzip | s3 put 2024/01/15/app_120000.sql.gz
    exec_in -e DB_USER=postgres -e DB_PASSWORD=for-trying-only-postgres -e ADOPT_LAYOUTS=date-folders backup \
        /scripts/restore.sh 2024/01/15/app_120000.sql.gz --target-database older_copy --create
    [ "$status" = 0 ] || { cat "$T/out"; fail "exit $status"; }
    expect "the restored row" "$(sql older_copy "select seven from of_the_older_stack")" 7
    sql postgres "drop database older_copy"
    sql app "drop table of_the_older_stack"
    s3 rm 2024/01/15/app_120000.sql.gz
    # The name that the older stack gave to its store.
    compose exec -T backup getent hosts garage >"$T/garage"
    compose exec -T backup getent hosts s3 >"$T/s3"
    expect "the address of garage" "$(cut -d' ' -f1 "$T/garage")" "$(cut -d' ' -f1 "$T/s3")"
}

# told SERVICE VARIABLE: what the stack tells it, with the .env at hand; "unset" where that is nothing
told() { jq -r --arg s "$1" --arg v "$2" '.services[$s].environment[$v] // "unset"' "$T/config"; }

# with_env: compose.yaml with the .env on stdin
with_env() {
    cat >"$T/env"
    compose --env-file "$T/env" --profile '*' config --format json >"$T/config"
}

case_their_env_is_passed_on() {
    with_env <<'ENV'
POSTGRES_VERSION=18
POSTGRES_DB=myapp
POSTGRES_USER=owner
POSTGRES_PASSWORD=changeme
BACKUP_SCHEDULE=@hourly
CLEANUP_SCHEDULE=0 0 1 * * *
S3_ENDPOINT=http://garage:3900
S3_BUCKET=theirs
S3_ACCESS_KEY=garage-access-key
S3_SECRET_KEY=garage-secret-key
S3_REGION=eu
TZ=Europe/Berlin
BACKUP_FORMAT=plain
BACKUP_COMPRESSION=gzip
BACKUP_DIR=/backups
BACKUP_KEEP_DAYS=7
BACKUP_KEEP_MIN_COUNT=3
MAX_BACKUP_AGE_SECONDS=93600
DB_BACKUP_PREFIX=daily
RETENTION_KEEP_HOURLY=24
ENV
    local service
    expect image "$(jq -r .services.postgres.image "$T/config")" postgres:18
    expect "database of the server" "$(told postgres POSTGRES_DB)" myapp
    expect "its superuser" "$(told postgres POSTGRES_USER)" owner
    expect "its password" "$(told postgres POSTGRES_PASSWORD)" changeme
    expect "who restores" "$(told restore DB_USER) $(told restore DB_PASSWORD)" "owner changeme"
    expect "who backs up" "$(told backup DB_USER)" backup
    for service in backup restore; do expect "$service: database" "$(told $service DB)" myapp; done
    for service in backup prune restore; do
        expect "$service: store" "$(told $service S3_ENDPOINT) $(told $service S3_BUCKET) $(told $service S3_REGION)" \
            "http://garage:3900 theirs eu"
        expect "$service: keys" "$(told $service S3_ACCESS_KEY) $(told $service S3_SECRET_KEY)" \
            "garage-access-key garage-secret-key"
        expect "$service: directory" "$(told $service BACKUP_DIR)" /backups
        expect "$service: prefix" "$(told $service DB_BACKUP_PREFIX)" daily
        expect "$service: zone" "$(told $service TZ)" Europe/Berlin
    done
    expect "keys of the store" "$(told s3 GARAGE_DEFAULT_ACCESS_KEY) $(told s3 GARAGE_DEFAULT_SECRET_KEY)" \
        "garage-access-key garage-secret-key"
    expect "bucket of the store" "$(told s3 GARAGE_DEFAULT_BUCKET)" theirs
    expect schedules "$(told backup BACKUP_SCHEDULE) $(told prune CLEANUP_SCHEDULE)" "@hourly 0 0 1 * * *"
    expect formats "$(told backup BACKUP_FORMAT) $(told backup BACKUP_COMPRESSION)" "plain gzip"
    expect age "$(told prune S3_BACKUP_MAX_AGE) $(told prune BACKUP_KEEP_DAYS)" "7d 7"
    expect minimum "$(told prune RETENTION_MIN_BACKUPS)" 3
    expect health "$(told backup MAX_BACKUP_AGE_SECONDS)" 93600
    # The programs take them as they are told.
    accepted backup pg-backup
    accepted prune pg-prune
    # A schedule and an interval of the user's own contradict each other.
    with_env <<<$'BACKUP_SCHEDULE=@hourly\nBACKUP_INTERVAL=6h'
    accepted backup pg-backup 2
    says "BACKUP_INTERVAL and BACKUP_SCHEDULE are both set; keep one"
    # Without any, what the programs have by themselves.
    with_env </dev/null
    expect "schedule by default" "$(told backup BACKUP_SCHEDULE)$(told backup BACKUP_INTERVAL)" ""
    expect "format by default" "$(told backup BACKUP_FORMAT)" unset
    expect "age by default" "$(told prune S3_BACKUP_MAX_AGE)" 30d
    accepted backup pg-backup
    accepted prune pg-prune
}

# accepted SERVICE IMAGE [STATUS]: `config --check` with all that the stack tells that service
accepted() {
    jq -r --arg s "$1" '.services[$s].environment | to_entries[] | select(.value != null) | "\(.key)=\(.value)"' \
        "$T/config" >"$T/told"
    options=(--env-file "$T/told" --tmpfs /backups:uid=10001)
    run_image "$2" config --check
    options=()
    [ "$status" = "${3:-0}" ] || { cat "$T/out"; fail "config --check of $2: exit $status"; }
}
