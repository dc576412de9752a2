# shellcheck shell=bash
# What people get wrong: a sentence that says what to do, the right health, and no crash loop.

database=(DB=app DB_HOST=postgres DB_USER=backup DB_PASSWORD=for-trying-only-backup)
bucket=(S3_ENDPOINT=http://s3:3900 S3_REGION=garage S3_BUCKET=backups S3_PREFIX=bad-input
    S3_ACCESS_KEY=for-trying-only-key S3_SECRET_KEY=for-trying-only-secret)

networks=(database store)

# with NAME=VALUE...: the environment of the next container
with() {
    local setting
    options=()
    for setting in "$@"; do options+=(-e "$setting"); done
}

# The stack's servers without its daemons.
prepare() {
    compose up -d --pull never --no-build --wait --wait-timeout 90 postgres s3
    compose stop backup prune
}

has_restarted() { [ "$(fact "$container" '{{.RestartCount}}')" -ge 2 ]; }

# It is tried again, and works as soon as the setting is right.
case_a_secret_that_the_user_cannot_read() {
    prepare
    install -m 0600 /dev/null "$T/secret"
    echo for-trying-only-secret >"$T/secret"
    with "${database[@]}" "${bucket[@]:0:5}" S3_SECRET_KEY_FILE=/run/secrets/key
    options+=(-v "$T/secret:/run/secrets/key:ro" --restart unless-stopped)
    start_image pg-backup
    wait_until 30 has_restarted
    docker logs "$container" >"$T/out" 2>&1
    tail -n 3 "$T/out"
    says /run/secrets/key
    says "Permission denied"
    wait_until 30 has_ended_with 2 # while it runs again, its status is 0
    chmod 0444 "$T/secret"
    wait_until 60 logs_say "$container" "backed up database=app"
}
has_ended_with() { [ "$(fact "$container" '{{.State.ExitCode}}')" = "$1" ]; } # STATUS

case_secrets_that_end_in_line_breaks() {
    prepare
    mkdir "$T/secrets"
    printf 'for-trying-only-backup\n' >"$T/secrets/password"
    printf 'for-trying-only-key\r\n' >"$T/secrets/key"
    printf 'for-trying-only-secret' >"$T/secrets/secret"
    chmod -R a+rX "$T/secrets"
    with "${database[@]:0:3}" "${bucket[@]:0:4}" DB_PASSWORD_FILE=/secrets/password S3_ACCESS_KEY_FILE=/secrets/key \
        S3_SECRET_KEY_FILE=/secrets/secret S3_PREFIX=line-breaks # where no backup is young enough to do without
    options+=(-v "$T/secrets:/secrets:ro")
    start_image pg-backup serve
    wait_until 20 logs_say "$container" "backed up database=app"
}

# A store that a daemon cannot write to: it says so, stays, and is unwell.
expect_an_unwell_daemon() { # SENTENCE...
    local sentence
    start_image pg-backup
    for sentence in "$@"; do wait_until 10 logs_say "$container" "$sentence"; done
    wait_until 20 unwell "$container"
    stays_alive "$container"
}

case_a_bind_mount_that_belongs_to_root() {
    prepare
    mkdir -m 0755 "$T/backups"
    with "${database[@]}" BACKUP_DIR=/backups BACKUP_INTERVAL=1h MAX_BACKUP_AGE_SECONDS=2
    options+=(-v "$T/backups:/backups")
    expect_an_unwell_daemon 10001
}

has_ended() { [ "$(fact "$container" '{{.State.Status}}')" = exited ]; }

# Nothing is kept in the container itself, where it would go with it: refused, and impossible on a read-only root.
case_a_mount_under_a_wrong_name() {
    prepare
    mkdir -m 0777 "$T/backups"
    expect_a_failed_run 2 "no volume is mounted at /backups"
    expect_a_failed_run 1 "Read-only file system" BACKUP_DIR_ON_ROOT=allow
}

expect_a_failed_run() { # STATUS SENTENCE [SETTING...]
    with "${database[@]}" BACKUP_DIR=/backups "${@:3}"
    options+=(-v "$T/backups:/backup")
    start_image pg-backup now
    wait_until 30 has_ended
    docker logs "$container" >"$T/out" 2>&1
    says "$2"
    expect "exit status" "$(fact "$container" '{{.State.ExitCode}}')" "$1"
}

case_a_read_only_volume() {
    prepare
    mkdir "$T/backups"
    chown 10001:10001 "$T/backups"
    with "${database[@]}" BACKUP_DIR=/backups BACKUP_INTERVAL=1h MAX_BACKUP_AGE_SECONDS=2
    options+=(-v "$T/backups:/backups:ro")
    expect_an_unwell_daemon "Read-only file system"
}

case_a_full_volume() {
    prepare
    with "${database[@]}" BACKUP_DIR=/backups BACKUP_INTERVAL=1h MAX_BACKUP_AGE_SECONDS=2
    options+=(--tmpfs "/backups:size=4k,uid=10001,gid=10001")
    expect_an_unwell_daemon "No space left on device"
    docker exec "$container" find /backups -type f | tee "$T/out"
    [ ! -s "$T/out" ] || fail "left files"
}

case_a_store_whose_name_nobody_knows() {
    prepare
    with "${database[@]}" "${bucket[@]:1}" S3_ENDPOINT=http://nowhere:3900 S3_RETRY_TIME=2s MAX_BACKUP_AGE_SECONDS=2
    expect_an_unwell_daemon nowhere
}

case_a_pruner_without_its_store() {
    prepare
    with "${bucket[@]:1}" S3_ENDPOINT=http://nowhere:3900 S3_RETRY_TIME=2s S3_BACKUP_MAX_AGE=30d MAX_BACKUP_AGE_SECONDS=2
    start_image pg-prune
    wait_until 20 logs_say "$container" nowhere
    docker logs "$container" 2>&1 | tail -n 2
    wait_until 20 unwell "$container"
    stays_alive "$container"
}

case_a_directory_of_its_own() {
    prepare
    mkdir "$T/backups"
    chown 10001:10001 "$T/backups"
    with "${database[@]}" BACKUP_DIR=/backups
    options+=(-v "$T/backups:/backups")
    start_image pg-backup
    wait_until 20 logs_say "$container" "backed up database=app"
    wait_until 10 well "$container"
    (cd "$T/backups/app/latest" && sha256sum -c SHA256SUMS)
}
