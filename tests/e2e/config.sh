# shellcheck shell=bash
# Settings: every wrong one is named, all of them at once, exit 2, and no secret is ever shown.

good() {
    settings=()
    use_dir
    use_database app
}

# refused TEXT NAME=VALUE...: exit 2 with that text, for `now` of both programs where BOTH is set
refused() {
    local text=$1
    shift
    echo "$*"
    good
    settings+=("$@")
    expect 2 pg_backup now
    says "$text"
    [ "$(wc -l <"$T/err")" -le 3 ] || fail "too many words: $(cat "$T/err")"
}

case_each_wrong_setting() {
    good
    create_small_database app
    backup_now
    refused DB_PORT DB_PORT=0
    refused DB_PORT DB_PORT=65536
    refused DB_PORT DB_PORT=-1
    refused DB_PORT DB_PORT=5432x
    refused DB_PORT "DB_PORT= 5432 x"
    refused Kubernetes DB_PORT=tcp://10.0.0.1:5432
    refused BACKUP_INTERVAL BACKUP_INTERVAL=0
    refused BACKUP_INTERVAL BACKUP_INTERVAL=-1h
    refused BACKUP_INTERVAL BACKUP_INTERVAL=1.5h
    refused BACKUP_INTERVAL BACKUP_INTERVAL=6hours
    refused BACKUP_INTERVAL BACKUP_INTERVAL=99999999999999999999
    refused BACKUP_INTERVAL BACKUP_INTERVAL=h
    refused ZSTD_LEVEL ZSTD_LEVEL=0x3
    refused ZSTD_LEVEL ZSTD_LEVEL=23
    refused ZSTD_LEVEL ZSTD_LEVEL=fast
    refused S3_UPLOAD_CONCURRENCY S3_UPLOAD_CONCURRENCY=0
    refused S3_UPLOAD_CONCURRENCY S3_UPLOAD_CONCURRENCY=three
    refused LOG_FORMAT LOG_FORMAT=xml
    refused LOG_LEVEL LOG_LEVEL=loud
    refused S3_ADDRESSING S3_ADDRESSING=vhost
    refused DB_PASSWORD_FILE "DB_PASSWORD_FILE=$T/not-there"
    settings=()
}

case_wrong_s3_settings() {
    local name value
    use_s3
    use_database app
    local complete=("${settings[@]}")
    for value in S3_ENDPOINT=ftp://x S3_ENDPOINT=http:// S3_ENDPOINT=http://x:port S3_ENDPOINT=http://x/path?query \
        S3_ACCESS_KEY= S3_SECRET_KEY= S3_BUCKET=; do
        echo "$value"
        settings=("${complete[@]}" "$value")
        expect 2 pg_backup now
        says "${value%%=*}"
    done
    settings=("${complete[@]}" "S3_CA_FILE=$T/not-there" S3_ENDPOINT=https://127.0.0.1:1)
    expect 2 pg_backup now
    says S3_CA_FILE
}

case_all_problems_at_once() {
    use_dir
    settings+=(DB_PORT=x ZSTD_LEVEL=99 LOG_FORMAT=xml BACKUP_INTERVAL=never DB_PASSWORD=a "DB_PASSWORD_FILE=$T/password")
    echo b >"$T/password"
    local name
    expect 2 pg_backup now
    for name in DB_PORT ZSTD_LEVEL LOG_FORMAT BACKUP_INTERVAL DB_PASSWORD_FILE; do says "$name"; done
    settings=(RETENTION_MIN_BACKUPS=x SWEEP_AFTER=x S3_BACKUP_MAX_AGE=x PRUNE_INTERVAL=x)
    expect 2 pg_prune now
    for name in RETENTION_MIN_BACKUPS SWEEP_AFTER S3_BACKUP_MAX_AGE PRUNE_INTERVAL BACKUP_DIR; do says "$name"; done
}

case_no_target() {
    use_database app
    expect 2 pg_backup now
    says BACKUP_DIR
    says S3_BUCKET
    expect 2 pg_backup list
    expect 2 pg_backup serve
    settings=(S3_BACKUP_MAX_AGE=30d)
    expect 2 pg_prune now
    says BACKUP_DIR
}

case_no_database() {
    use_dir
    expect 2 pg_backup now
    says DB
}

case_wrong_prune_settings() {
    local value
    use_dir
    for value in S3_BACKUP_MAX_AGE=0 S3_BACKUP_MAX_AGE=-1d S3_BACKUP_MAX_AGE=30days S3_BACKUP_MAX_AGE=1.5d \
        S3_BACKUP_MAX_AGE=99999999999999999999 RETENTION_MIN_BACKUPS=0 RETENTION_MIN_BACKUPS=-1 \
        RETENTION_MIN_BACKUPS=many PRUNE_INTERVAL=0 SWEEP_AFTER=-1s; do
        echo "$value"
        settings=("BACKUP_DIR=$folder" S3_BACKUP_MAX_AGE=30d "$value")
        expect 2 pg_prune now
        says "${value%%=*}"
    done
}

# A whole run at the most talkative level, and every kind of failure: no secret anywhere.
case_secrets_are_never_shown() {
    use_s3
    create_small_database app
    use_database app
    settings+=(LOG_LEVEL=debug)
    local log=$T/all.log command
    for command in now list "list --json" "restore --database app --clean --yes" "restore --database app --output $T/x" \
        "now --help" "now --db-port x" "now --zstd-level 99" "now --no-such-option"; do
        # shellcheck disable=SC2086
        pg_backup $command >>"$log" 2>&1 </dev/null || true
    done
    pg_prune now >>"$log" 2>&1 || true
    settings+=(S3_BACKUP_MAX_AGE=1d)
    pg_prune now >>"$log" 2>&1
    settings+=(DB_PORT=1 S3_RETRY_TIME=1s)
    pg_backup now >>"$log" 2>&1 || true
    settings+=(S3_ENDPOINT=http://127.0.0.1:1)
    pg_backup list >>"$log" 2>&1 || true
    settings+=(S3_ENDPOINT=nonsense:// "DB_PASSWORD_FILE=$T/x")
    pg_backup list >>"$log" 2>&1 || true
    [ "$(wc -l <"$log")" -gt 50 ] || fail "hardly any output: $(cat "$log")"
    local secret
    for secret in "$PGPASSWORD" "$S3_SECRET_KEY" Authorization Signature=; do
        ! grep -nF -- "$secret" "$log" || fail "shown: $secret"
    done
}

# Nor in the arguments or, for the store's keys, the environment of what it starts.
case_secrets_of_children() {
    local name
    use_s3
    create_small_database app
    use_database app
    mkdir "$T/bin"
    ln -s "$PG_BIN"/* "$T/bin"
    rm "$T/bin/pg_dump"
    cat >"$T/bin/pg_dump" <<SCRIPT
#!/bin/sh
tr '\\0' '\\n' </proc/\$\$/environ >>"$T/environment"
tr '\\0' '\\n' </proc/\$\$/cmdline >>"$T/arguments"
tr '\\0' '\\n' </proc/\$PPID/cmdline >>"$T/arguments"
exec "$PG_BIN/pg_dump" "\$@"
SCRIPT
    chmod +x "$T/bin/pg_dump"
    settings+=("PG_BINDIR=$T/bin")
    for name in AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CONTAINER_AUTHORIZATION_TOKEN AWS_WEB_IDENTITY_TOKEN_FILE; do
        settings+=("$name=not-for-children")
    done
    backup_now
    [ -s "$T/environment" ] || fail "the script was not used"
    ! grep -F not-for-children "$T/environment" || fail "a variable of AWS"
    ! grep -F "$S3_SECRET_KEY" "$T/environment" "$T/arguments" || fail "the store's key"
    ! grep -F "$PGPASSWORD" "$T/arguments" || fail "the password"
}

case_file_forms() {
    use_s3
    create_small_database app
    use_database app
    printf '%s\n' "$PGPASSWORD" >"$T/password"
    printf '%s\n' "$S3_SECRET_KEY" >"$T/secret"
    printf '%s\n' "$S3_ACCESS_KEY" >"$T/access"
    local variables=("${settings[@]}") i
    for i in "${!settings[@]}"; do
        case ${settings[i]} in
            DB_PASSWORD=*) settings[i]=DB_PASSWORD_FILE=$T/password ;;
            S3_SECRET_KEY=*) settings[i]=S3_SECRET_KEY_FILE=$T/secret ;;
            S3_ACCESS_KEY=*) settings[i]=S3_ACCESS_KEY_FILE=$T/access ;;
        esac
    done
    backup_now
    settings=("${variables[@]}" "S3_SECRET_KEY_FILE=$T/secret")
    expect 2 pg_backup now
    says S3_SECRET_KEY_FILE
}

case_flags_come_first() {
    use_dir
    create_small_database app
    use_database app
    settings+=(DB=not-this-one)
    expect 0 pg_backup now --db app
    expect 0 pg_backup now --db=app
    expect 0 pg_backup --db app now
    expect 1 pg_backup now
    [ "$(field group | sort -u)" = app ] || fail "$(field group)"
}

case_usage() {
    local program
    for program in pg-backup pg-prune; do
        expect 0 pg_"${program#pg-}" --help
        says "$program"
        says S3_BUCKET
        says now
        says serve
        [ ! -s "$T/err" ] || fail "--help writes to stderr"
        expect 0 pg_"${program#pg-}" --version
        [[ $(cat "$T/out") =~ ^$program\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$(cat "$T/out")"
        expect 2 pg_"${program#pg-}" --s3-buket x
        says --s3-bucket
        expect 2 pg_"${program#pg-}" nwo
        expect 2 pg_"${program#pg-}" now now
        expect 2 pg_"${program#pg-}" now --s3-bucket
    done
    expect 0 pg_backup now --help
    use_dir
    expect 2 pg_prune list
}

case_endpoint_without_scheme_means_https() {
    use_s3
    create_small_database app
    use_database app
    settings+=("S3_ENDPOINT=127.0.0.1:${S3_TLS_ENDPOINT##*:}" "S3_CA_FILE=$S3_CA_FILE")
    backup_now
    settings+=("S3_ENDPOINT=127.0.0.1:${S3_ENDPOINT##*:}" S3_RETRY_TIME=1s) # http there
    expect 1 pg_backup list
}

# With LOG_FORMAT=json the last words are a line of JSON too.
case_json_errors() {
    settings=(LOG_FORMAT=json DB=app)
    expect 2 pg_backup now
    jq -e 'select(.level == "error" and .message == "failed" and (.cause | contains("there is no destination")) and .hint)' "$T/err" >/dev/null ||
        fail "no line of JSON"
    settings=(LOG_FORMAT=json "BACKUP_DIR=$T/away" S3_BACKUP_MAX_AGE=1d)
    expect 1 pg_prune now
    [ "$(jq -r .level "$T/err" | tail -n 1)" = error ] || fail "no line of JSON"
}

# What a user runs first. It connects to nothing.
case_config_shows_and_checks() {
    settings=("DB_HOST=nowhere.invalid" DB_NAME=app DB_PASSWORD=geheim BACKUP_DIR=/nowhere S3_BUKET=x)
    echo /secret >"$T/key"
    expect 0 pg_backup config --lock-timeout 1m
    grep -qE '^DATABASES +app +DB_NAME$' "$T/out" || fail "$(cat "$T/out")"
    grep -qE '^DB_PASSWORD +\(hidden\) +variable$' "$T/out" || fail "$(cat "$T/out")"
    grep -qE '^LOCK_TIMEOUT +1m +--lock-timeout$' "$T/out" || fail "$(cat "$T/out")"
    grep -qE '^BACKUP_INTERVAL +1d +default$' "$T/out" || fail "$(cat "$T/out")"
    says "DB_NAME is used as DATABASES"
    says "S3_BUKET is no setting; did you mean S3_BUCKET?"
    says_not geheim
    expect 0 pg_backup config --check
    says "the settings are valid; no connection was made"
    [ "$(wc -l <"$T/out")" = 1 ] || fail "$(cat "$T/out")"
    settings+=(BACKUP_DIR= DB_PORT=x)
    expect 2 pg_backup config
    says DB_PORT:
    says "there is no destination"
    grep -q ^LOG_LEVEL "$T/out" || fail "no table"
    expect 2 pg_backup config --check
    says "there is no destination"
    [ ! -s "$T/out" ] || fail "$(cat "$T/out")"
    expect 2 pg_backup now --check
    says "--check has no effect on now; it belongs to pg-backup config"
    settings=(BACKUP_DIR=/nowhere RETENTION_KEEP_DALY=7)
    expect 2 pg_prune config --check
    says "RETENTION_KEEP_DALY is no setting; did you mean RETENTION_KEEP_DAILY?"
    says "no retention rule is set"
    settings+=(BACKUP_KEEP_DAYS=7 DB=app BACKUP_FORMAT=plain)
    expect 0 pg_prune config
    grep -qE '^S3_BACKUP_MAX_AGE +7d +BACKUP_KEEP_DAYS$' "$T/out" || fail "$(cat "$T/out")"
    says_not "DB is no setting"
    says_not BACKUP_FORMAT
}

# One wrong letter in the path of a mount, and the backups go with the container.
case_no_backups_in_the_layer_of_a_container() {
    local folder
    folder=$(mktemp -d /var/tmp/pg-backup-test.XXXXXX)
    cleanups+=("rm -rf $folder")
    [ "$(stat -c %m "$folder")" = / ] || skip "/var/tmp is a mount of its own"
    settings+=(DB=app "BACKUP_DIR=$folder" BACKUP_DIR_ON_ROOT= KUBERNETES_SERVICE_HOST=10.0.0.1)
    for verb in "config --check" now; do
        # shellcheck disable=SC2086 # two words
        expect 2 pg_backup $verb
        says "BACKUP_DIR: no volume is mounted at $folder"
    done
    expect 0 pg_backup list
    settings+=(BACKUP_DIR_ON_ROOT=allow)
    expect 0 pg_backup config --check
    settings+=(BACKUP_DIR_ON_ROOT=refuse BACKUP_DIR=/proc)
    expect 0 pg_backup config --check
}
