# shellcheck shell=bash
# A server goes away and comes back: `health` and the engine say so, and no daemon is ever restarted.

# With a short pulse: late after 8 s instead of a day and two hours.
quick_stack_up() {
    export BACKUP_INTERVAL=2s PRUNE_INTERVAL=2s MAX_BACKUP_AGE_SECONDS=8 S3_RETRY_TIME=3s
    stack_up
    backup=$(id_of backup) prune=$(id_of prune)
    wait_until 20 well "$backup"
    wait_until 20 well "$prune"
}

case_the_database_is_killed() {
    quick_stack_up
    compose kill postgres
    wait_until 30 unwell "$backup"
    wait_until 30 docker_says "$backup" unhealthy
    docker exec "$backup" pg-backup health >"$T/out" 2>&1 || true
    says "failed"
    well "$prune"
    stays_alive "$backup"
    compose start postgres
    wait_until 30 database_answers
    wait_until 30 well "$backup"
    wait_until 30 docker_says "$backup" healthy
    stays_alive "$backup"
}

database_answers() { sql app 'select 1' >/dev/null 2>&1; }

case_the_store_is_killed() {
    quick_stack_up
    compose kill s3
    wait_until 40 unwell "$backup"
    wait_until 40 unwell "$prune"
    wait_until 30 docker_says "$backup" unhealthy
    stays_alive "$backup"
    stays_alive "$prune"
    compose start s3
    wait_until 60 store_answers
    wait_until 60 well "$backup"
    wait_until 60 well "$prune"
    stays_alive "$backup"
    stays_alive "$prune"
    no_partial_backup
}

store_answers() { s3 ls >/dev/null 2>&1; }

# Each folder of a backup has its manifest, but for one that is being written.
no_partial_backup() {
    compose stop backup
    diff <(s3 ls | sed -nE 's#^[0-9]+ (app/.*)/[^/]+$#\1#p' | sort -u) <(ids | sort -u) || fail "a partial backup"
}

# The daemon starts first, minutes before its servers.
case_the_database_starts_later() {
    quick_stack_up
    compose stop postgres backup
    compose up -d --pull never --no-build --no-deps --force-recreate backup
    backup=$(id_of backup)
    wait_until 30 unwell "$backup"
    docker logs "$backup" 2>&1 | grep -E 'warn|error' | tail -n 2
    stays_alive "$backup"
    compose start postgres
    wait_until 30 database_answers
    wait_until 30 well "$backup"
    stays_alive "$backup"
}
