# shellcheck shell=bash
# The environments of the older systems, as their own documents give them: the programs get these variables and
# those that docs/migration.md tells to add (`added`), and nothing else.

# A bucket of the case's own, as these systems had one: there is no S3_PREFIX.
own_bucket() {
    # shellcheck disable=SC2034 # lib.sh looks at them
    store=s3 prefix=
    S3_BUCKET=$(tr -c 'a-z0-9\n' - <<<"old-$case_name" | cut -c1-40)
    export S3_BUCKET
    s3 make-bucket
}

theirs() { settings+=("$@"); }
added() { settings+=("$@"); }

# works DATABASE: config, backup, list, plan, prune and restore, each as its users would
works() {
    expect 0 pg_backup config --check
    expect 0 pg_prune config --check
    expect 0 pg_backup "${backup_verb:-now}"
    expect 0 pg_backup list
    says "$1"
    [ "$(field group | grep -cx "$1")" = 1 ] || fail "$(field group)"
    next_second
    backup_now
    expect 0 pg_prune plan
    says "a backup stays if any of these keeps it"
    expect 0 pg_prune now
    expect 0 pg_backup restore --database "$1" --target-database restored --create
    expect_same_database "$1" restored
    drop_database restored
}

case_backup_py_and_prune_backups_py() {
    own_bucket
    create_small_database app
    theirs "DB_HOST=$PGHOST" "DB_PORT=$PGPORT" DB=app "DB_USER=$PGUSER" "DB_PASSWORD=$PGPASSWORD" \
        "S3_ENDPOINT=$S3_ENDPOINT" "S3_BUCKET=$S3_BUCKET" "S3_ACCESS_KEY=$S3_ACCESS_KEY" \
        "S3_SECRET_KEY=$S3_SECRET_KEY" S3_REGION=us-east-1 S3_BACKUP_MAX_AGE=2592000
    # What it left: older than that, and younger.
    local old
    old=backup-$(date -u -d '40 days ago' +%Y-%m-%dT%H:%M:%S).106555.dump
    PGDATABASE=app "$PG_BIN/pg_dump" -Fc | s3 put "$old"
    PGDATABASE=app "$PG_BIN/pg_dump" -Fc | s3 put "backup-$(date -u +%Y-%m-%dT%H:%M:%S).106555.dump"
    works app
    says_not "$old"
    [ "$(s3 ls | grep -c ' backup-')" = 2 ] || fail "its backups were touched although nobody adopted them"
    # Its two scripts, in a container that runs and as the command of one.
    local count command
    for command in "older pg-backup/opt/backup.py" "pg_backup /opt/backup.py"; do
        count=$(field id | wc -l)
        next_second
        expect 0 eval "$command"
        [ "$(field id | wc -l)" = $((count + 1)) ] || fail "$command made no backup"
    done
    added ADOPT_LAYOUTS=backup-time ADOPT_DATABASE=app
    expect 0 pg_prune plan
    says "$old"
    expect 2 older pg-backup/opt/prune-backups.py
    says "/opt/prune-backups.py is in the image of pg-prune"
    expect 0 older pg-prune/opt/prune-backups.py
    [ "$(s3 ls | grep -c ' backup-')" = 1 ] || fail "$(s3 ls)"
    expect 0 pg_prune /opt/prune-backups.py
    [ "$(s3 ls | grep -c ' backup-')" = 1 ] || fail "$(s3 ls)"
}

# wal-e's own objects are none of ours. With databases named, dumps are made; physical.sh has the rest.
case_docker_pg_backup_with_wal_e() {
    own_bucket
    create_small_database app
    theirs "PGHOST=$PGHOST" "PGUSER=$PGUSER" "PGPASSWORD=$PGPASSWORD" "AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY" \
        "AWS_SECRET_ACCESS_KEY=$S3_SECRET_KEY" "WALE_S3_PREFIX=s3://$S3_BUCKET/some/folder" \
        "WALE_S3_ENDPOINT=${S3_ENDPOINT/:/+path:}" "BACKUP_SCHEDULE=0 0 3 * * *" BACKUPS_TO_RETAIN=1
    settings+=("PGPORT=$PGPORT") # of the test's server
    added DATABASES=all
    echo wal | s3 put some/folder/basebackups_005/base_000000010000000000000002_00000040/extended_version.txt
    echo wal | s3 put some/folder/wal_005/000000010000000000000001.lzo
    works app
    says_not basebackups
    [ "$(s3 ls | grep -c _005/)" = 2 ] || fail "wal-e's objects were touched"
    [ -z "$(s3 ls | grep -v ' some/folder/' || true)" ] || fail "outside of the folder: $(s3 ls)"
    [ "$(field group | grep -c app)" = 1 ] || fail "BACKUPS_TO_RETAIN is not kept"
}

case_backup_service_and_backup_db() {
    own_bucket
    mkdir -p "$T/db-backups"
    create_small_database app
    theirs DB_NAME=app "PGHOST=$PGHOST" "PGPORT=$PGPORT" "PGUSER=$PGUSER" "PGPASSWORD=$PGPASSWORD" \
        "DB_BACKUP_DIR=$T/db-backups" "S3_ENDPOINT=${S3_TLS_ENDPOINT#https://}" "S3_ACCESS_KEY=$S3_ACCESS_KEY" \
        "S3_SECRET_KEY=$S3_SECRET_KEY" "S3_BACKUP_BUCKET=$S3_BUCKET" DB_BACKUP_PREFIX=daily DB_BACKUP_MAX_N=1 \
        DB_BACKUP_INTERVAL=604800
    settings+=("S3_CA_FILE=$S3_CA_FILE") # of the test's server
    # Its daemon's verb, its single run, and both targets.
    start_program pg-backup backup-service
    wait_until 30 grep -q 'next backup' "$T/daemon.log"
    grep -q 'DB_NAME is used as DATABASES' "$T/daemon.log" || fail "$(cat "$T/daemon.log")"
    kill -TERM "$pid"
    expect_end 0 10
    [ "$(s3 ls | grep -c ' daily/app/.*manifest')" = 1 ] || fail "$(s3 ls)"
    next_second
    expect 0 pg_backup backup-db
    next_second
    added BACKUP_COMPRESSION=native
    expect 0 older pg-backup/usr/local/bin/backup-db
    expect 0 pg_prune now
    [ "$(s3 ls | grep -c ' daily/app/.*manifest')" = 1 ] || fail "DB_BACKUP_MAX_N is not kept: $(s3 ls)"
    find "$T/db-backups" -name manifest.json >"$T/manifests"
    grep -q "^$T/db-backups/daily/app/[^/]*/manifest.json$" "$T/manifests" || fail "not below the prefix"
    [ "$(wc -l <"$T/manifests")" = 1 ] || fail "$(cat "$T/manifests")"
    expect 0 pg_backup restore --from s3 --target-database restored --create
    expect_same_database app restored
    drop_database restored
    # Its way to restore.
    create_database restored
    local backup_file_name
    backup_file_name=$(ls "$T"/db-backups/daily/app/2*/app.dump)
    DB_NAME=restored
    "$PG_BIN/pg_restore" -d $DB_NAME "$backup_file_name"
    expect_same_database app restored
    # What it left.
    added ADOPT_LAYOUTS=db-time-hash
    PGDATABASE=app "$PG_BIN/pg_dump" -Fc | s3 put daily/app-9f3a1c2b-2021-11-02T20:51:55.pg-dump
    PGDATABASE=app "$PG_BIN/pg_dump" -Fc >"$T/db-backups/daily/app-9f3a1c2b-2021-11-03T20:51:55.pg-dump"
    expect 0 pg_backup list
    says app-9f3a1c2b-2021-11-02T20:51:55.pg-dump
    says app-9f3a1c2b-2021-11-03T20:51:55.pg-dump
    added DB_BACKUP_MAX_N=0
    expect 2 pg_prune now
    says DB_BACKUP_MAX_N
}

# Who had a bucket and a directory while the prefix was one of the bucket alone finds all backups after an upgrade.
case_a_prefix_that_was_none_of_the_directory() {
    own_bucket
    mkdir -p "$T/db-backups"
    create_small_database app
    use_database app
    settings+=("BACKUP_DIR=$T/db-backups" "S3_ENDPOINT=$S3_ENDPOINT" "S3_BUCKET=$S3_BUCKET" "S3_ACCESS_KEY=$S3_ACCESS_KEY"
        "S3_SECRET_KEY=$S3_SECRET_KEY" RETENTION_KEEP_LAST=1)
    places() { (cd "$T/db-backups" && find . -name manifest.json) | sed -E 's#/[0-9]{8}T.*##' | sort | uniq -c | xargs; }
    with S3_PREFIX=daily -- backup_now
    added DB_BACKUP_PREFIX=daily
    next_second
    backup_now
    says "a prefix does not count for a directory that holds backups without it"
    [ "$(places)" = "2 ./app" ] || fail "$(places)"
    [ "$(field id | sort -u | wc -l)" = 2 ] || fail "$(field id)"
    expect 0 pg_prune now
    [ "$(places)" = "1 ./app" ] || fail "$(places)"
    [ "$(s3 ls | grep -c ' daily/app/.*manifest')" = 1 ] || fail "$(s3 ls)"
    # Moved as the log says.
    mkdir "$T/db-backups/daily" && mv "$T/db-backups/app" "$T/db-backups/daily"
    expect 0 pg_backup list --from dir
    says app
    says_not "does not count"
    next_second
    backup_now
    [ "$(places)" = "2 ./daily/app" ] || fail "$(places)"
    expect 0 pg_backup restore --from dir --target-database restored --create
    expect_same_database app restored
    expect 2 with DB_BACKUP_PREFIX=../elsewhere -- pg_backup list --from dir
    says "DB_BACKUP_PREFIX: '../elsewhere'"
}

# Its secrets are mounted where it looked for them: in a mount namespace of the programs' own.
case_compose_stack_with_supercronic() {
    unshare --mount true 2>/dev/null || skip "no rights to make a mount namespace"
    use_dir
    create_small_database app
    create_small_database crm
    mkdir "$T/secrets"
    echo "$PGHOST" >"$T/secrets/pg_host"
    echo "$PGPORT" >"$T/secrets/pg_port"
    echo "$PGUSER" >"$T/secrets/pg_user"
    echo "$PGPASSWORD" >"$T/secrets/pg_password"
    echo "app, crm" >"$T/secrets/pg_databases"
    start_receiver
    settings=()
    theirs "BACKUP_SCHEDULE=0 2 * * *" BACKUP_FORMAT=plain BACKUP_KEEP_DAYS=7 BACKUP_KEEP_MIN_COUNT=2 \
        MAX_BACKUP_AGE_SECONDS=93600 PG_DUMP_EXTRA_ARGS=--no-comments "PUSHGATEWAY_URL=$receiver" \
        METRICS_JOB=pg_backup METRICS_INSTANCE=app
    added BACKUP_COMPRESSION=gzip "BACKUP_DIR=$folder"
    mounted() { # PROGRAM ARGUMENT...
        (become unshare --mount bash -c 'mount -t tmpfs none /run && mkdir /run/secrets &&
            cp "$0"/* /run/secrets && exec "$@"' "$T/secrets" "$@")
    }
    pg_backup() { mounted "$BIN/pg-backup" "$@"; }
    expect 0 pg_backup config
    says "/run/secrets/pg_password"
    says_not "$PGPASSWORD "
    works app
    grep -qx 'PUT /metrics/job/pg_backup/instance/app/program/pg-backup/database/crm' <<<"$(paths)" || fail "$(paths)"
    grep -qx 'pg_backup_last_exit_code{database="crm"} 0' <<<"$(requests | jq -r .body)" || fail "$(requests)"
    [ "$(field group | sort -u | xargs)" = "app crm" ] || fail "$(field group)"
    # Its ways to restore, for both formats.
    create_database restore_test
    gunzip -c "$folder/app/latest/app.sql.gz" | "$PG_BIN/psql" -Xq -d restore_test >/dev/null
    expect_same_database app restore_test
    drop_database restore_test
    create_database restore_test
    next_second
    with BACKUP_FORMAT=custom BACKUP_COMPRESSION=native -- backup_now
    (cd "$folder/app/latest" && sha256sum -c --quiet SHA256SUMS) || fail "the sums are wrong"
    "$PG_BIN/pg_restore" -d restore_test "$folder/app/latest/app.dump"
    expect_same_database app restore_test
    # A variable is stronger than a mount.
    settings+=(DB=crm)
    next_second
    backup_now
    says "backing up database=crm"
    says_not "backing up database=app"
    # Its passfile, which everyone may read.
    rm "$T/secrets/pg_password"
    echo "*:*:*:$PGUSER:$PGPASSWORD" >"$T/secrets/pgpass"
    chmod 444 "$T/secrets/pgpass"
    next_second
    backup_now
    says "passwords are looked up in /run/secrets/pgpass"
    echo "*:*:*:$PGUSER:wrong" >"$T/secrets/pgpass"
    expect 1 pg_backup now
    says "password authentication failed"
    # What it left: with its checksum, removed and restored as one.
    PGDATABASE=app "$PG_BIN/pg_dump" | gzip >"$T/file"
    store_put app/app_20240115T120000Z.sql.gz <"$T/file"
    sha256sum <"$T/file" | sed 's/-/app_20240115T120000Z.sql.gz/' | store_put app/app_20240115T120000Z.sql.gz.sha256
    added ADOPT_LAYOUTS=db-folder
    expect 0 pg_prune now
    [ -z "$(store_list | grep 20240115 || true)" ] || fail "$(store_list)"
}

# A docker that runs here what would run in a container of the stack.
use_make() {
    mkdir "$T/docker"
    cat >"$T/docker/docker" <<'SH'
#!/bin/sh
case "$1 $2 $3" in
    "compose exec backup" | "compose exec prune") shift 3 && exec "$@" ;;
    "compose run --rm") shift 4 && exec pg-backup restore "$@" ;;
esac
exit 9
SH
    chmod +x "$T/docker/docker"
}
of_make() {
    (become env "PATH=$T/docker:$BIN:$PATH" make -s -f "$servers/../../deploy/compose/Makefile" "$@")
}

case_compose_stack_with_ofelia_and_garage() {
    own_bucket
    create_small_database myapp
    theirs "POSTGRES_HOST=$PGHOST" POSTGRES_DB=myapp "POSTGRES_USER=$PGUSER" "POSTGRES_PASSWORD=$PGPASSWORD" \
        BACKUP_SCHEDULE=@hourly "CLEANUP_SCHEDULE=0 0 1 * * *" "S3_ENDPOINT=$S3_ENDPOINT" "S3_BUCKET=$S3_BUCKET" \
        "S3_ACCESS_KEY=$S3_ACCESS_KEY" "S3_SECRET_KEY=$S3_SECRET_KEY" RETENTION_KEEP_LAST=3 RETENTION_KEEP_HOURLY=24 \
        RETENTION_KEEP_DAILY=7 RETENTION_KEEP_WEEKLY=4 RETENTION_KEEP_MONTHLY=6 RETENTION_KEEP_YEARLY=2 \
        RETENTION_MIN_BACKUPS=1 RETENTION_DRY_RUN=false POSTGRES_VERSION=18
    settings+=("PGPORT=$PGPORT") # of the test's server
    works myapp
    added ADOPT_LAYOUTS=date-folders
    PGDATABASE=myapp "$PG_BIN/pg_dump" | gzip | s3 put 2020/01/15/myapp_120000.sql.gz
    PGDATABASE=myapp "$PG_BIN/pg_dump" | gzip | s3 put 2020/01/16/myapp_120000.sql.gz
    PGDATABASE=myapp "$PG_BIN/pg_dump" | gzip | s3 put 2020/01/17/myapp_120000.sql.gz
    # Its scripts, and its targets of make.
    local restore
    use_make
    for restore in "older pg-backup/scripts/restore.sh" "pg_backup /scripts/restore.sh"; do
        expect 0 eval "$restore 2020/01/15/myapp_120000.sql.gz --target-database restored --create"
        expect_same_database myapp restored
        drop_database restored
    done
    expect 2 older pg-backup/scripts/restore.sh 2020/01/15/myapp_120000.sql.gz
    says "without a terminal to ask on it needs --yes"
    sql myapp "insert into item values (-5, 'since then')"
    expect 0 older pg-backup/scripts/restore.sh 2020/01/15/myapp_120000.sql.gz --replace --yes
    [ "$(sql myapp "select count(*) from item where id = -5")" = 0 ] || fail "the database was not replaced"
    expect 0 of_make restore FILE=2020/01/15/myapp_120000.sql.gz "ARGS=--target-database restored --create"
    expect_same_database myapp restored
    expect 2 of_make restore
    says "make restore FILE="
    expect 2 older pg-backup/scripts/cleanup.sh
    says "/scripts/cleanup.sh is in the image of pg-prune"
    expect 0 of_make cleanup-dry-run
    says 2020/01/15/myapp_120000.sql.gz
    [ "$(s3 ls | grep -c ' 2020/')" = 3 ] || fail "cleanup-dry-run removed something"
    expect 0 pg_prune plan --json
    jq -se 'map(select((.id | startswith("2020/")) and .action == "remove")) | length == 2' "$T/out" >/dev/null ||
        fail "$(cat "$T/out")"
    added RETENTION_DRY_RUN=true
    local command
    for command in "older pg-prune/scripts/cleanup.sh" "pg_prune /scripts/cleanup.sh" "of_make cleanup"; do
        expect 0 eval "$command"
        [ "$(s3 ls | grep -c ' 2020/')" = 3 ] || fail "a dry run removed something"
    done
    added RETENTION_DRY_RUN=false
    expect 0 older pg-prune/scripts/cleanup.sh
    [ "$(s3 ls | grep -c ' 2020/')" = 1 ] || fail "$(s3 ls)" # the third of the last three
    local count
    for command in "older pg-backup/scripts/backup.sh" "pg_backup /scripts/backup.sh" "of_make backup"; do
        count=$(field id myapp | wc -l)
        next_second
        expect 0 eval "$command"
        [ "$(field id myapp | wc -l)" = $((count + 1)) ] || fail "$command made no backup"
    done
    expect 0 of_make list-backups
    says "$(field id myapp | tail -n 1)"
    # Its daemon with both schedules.
    start_program pg-prune serve
    wait_until 20 grep -q 'next pruning' "$T/daemon.log"
    kill -TERM "$pid"
    expect_end 0 10
}

# One for all, from an application's environment.
case_database_url() {
    use_dir
    create_small_database app
    settings+=("DATABASE_URL=postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/app?application_name=web"
        S3_BUKET=x RETENTION_KEEP_LAST=1)
    pg_dump_is 'env >"'"$T"'/seen"; real_pg_dump "$@"'
    works app
    ! grep -F "$PGPASSWORD" "$T/seen" || fail "pg_dump got the password in its environment"
    expect 0 pg_backup now
    says "S3_BUKET is no setting; did you mean S3_BUCKET?"
    says_not "$PGPASSWORD"
    settings+=("DB_HOST=127.0.0.1" DB_PORT=1 DB=app)
    expect 1 pg_backup now
    says "DATABASE_URL is not used"
    settings+=(DB_HOST= DB_PORT= DB= "DATABASE_URL=postgres://u:geheim@[::1:5432/app")
    expect 2 pg_backup now
    says "DATABASE_URL: libpq cannot read it"
    says_not geheim
    settings+=("DATABASE_URL=postgres://u@h/app?sslpassword=geheim")
    expect 2 pg_backup now
    says "sslpassword is a secret"
    local url verb
    for url in 'postgres://app:Zeit/geist#9@127.0.0.1:5432/app' 'postgres://app:Zeit@geist/9@127.0.0.1:5432/app' \
        'postgres://app:Zeit@geist@127.0.0.1:5432/app' 'postgres://app:Zeit#geist@127.0.0.1:5432/app' \
        'postgres://app:1/Zeit?geist=9@127.0.0.1/app'; do
        settings+=("DATABASE_URL=$url")
        for verb in now config serve list; do
            expect 2 pg_backup $verb
            says "DATABASE_URL: percent-encode the password: @ is %40, / is %2F, # is %23"
            says_not Zeit
            says_not geist
        done
    done
    settings+=("DATABASE_URL=postgres://u:geheim@h/app?schema=public&sslcret=geheim")
    expect 2 pg_backup now
    says "DATABASE_URL: libpq has no parameter sslcret"
    says_not geheim
    settings+=("DATABASE_URL=postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/app?schema=public&sslmode=disable&pool=5")
    next_second
    backup_now
    says "for an application's library: schema, pool"
    settings+=("DATABASE_URL=mysql+aiomysql://u:geheim@h/app")
    expect 2 pg_backup now
    says "nothing says which database to back up"
    says "; DATABASE_URL is not used, as it does not begin with postgres://"
    settings+=(DATABASE_URL=mysql://u:geheim@h/app)
    expect 2 pg_backup config --check
    says "does not begin with postgres://"
    says_not geheim
}
