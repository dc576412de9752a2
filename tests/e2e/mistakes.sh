# shellcheck shell=bash
# What people get wrong, each against real servers: the exit code, and the words that say what to do.

# Sums up the rows of a case, so that all are told and not only the first one.
begin_table() { rows=0 wrong=0; }
end_table() {
    echo "$rows rows"
    [ "$wrong" = 0 ] || fail "$wrong of $rows rows"
}

# row STATUS TEXT [NAME=VALUE]... -- COMMAND...: with these settings beside the good ones, the command ends with
# that status, says that text and shows no secret.
row() {
    local wanted=$1 text=$2 status=0 good=("${settings[@]}")
    shift 2
    while [ "$1" != -- ]; do settings+=("$1") && shift; done
    rows=$((rows + 1))
    "${@:2}" >"$T/out" 2>"$T/err" </dev/null || status=$?
    if [ "$status" != "$wanted" ] || ! grep -qF -- "$text" "$T/out" "$T/err"; then
        wrong=$((wrong + 1))
        printf 'row %s: exit %s instead of %s, wanted: %s\n' "$rows" "$status" "$wanted" "$text"
        tail -n 4 "$T/err"
    fi
    if grep -F "$PGPASSWORD" "$T/out" "$T/err"; then fail "row $rows shows the password"; fi
    settings=("${good[@]}")
}

# without NAME...: the good settings but these
without() {
    local name kept=() setting
    for setting in "${settings[@]}"; do
        for name in "$@"; do [[ $setting != "$name="* ]] || continue 2; done
        kept+=("$setting")
    done
    settings=("${kept[@]}")
}

begin() {
    use_dir
    create_small_database app
    use_database app
    begin_table
}

case_the_connection_to_postgresql() {
    local url=postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT
    begin
    row 1 'could not translate host name "no-such-host.invalid"' DB_HOST=no-such-host.invalid -- pg_backup now
    row 1 'Connection refused' DB_PORT=1 -- pg_backup now
    row 1 'password authentication failed' DB_PASSWORD=wrong -- pg_backup now
    row 1 'password authentication failed' DB_USER=nobody -- pg_backup now
    row 1 'database "shop" does not exist' DB=shop -- pg_backup now
    row 1 'No such file or directory' DB_HOST=/nowhere -- pg_backup now
    row 1 'server does not support SSL, but SSL was required' PGSSLMODE=require -- pg_backup now
    row 2 "DB_PORT: '5432 ' is not a whole number from 1 to 65535" 'DB_PORT=5432 ' -- pg_backup now
    row 2 'use enableServiceLinks: false' DB_PORT=tcp://10.0.0.1:5432 -- pg_backup now
    row 2 "DB is 'app' and DATABASES is 'app,shop'; keep one" DATABASES=app,shop -- pg_backup now
    row 2 'DB_PASSWORD and DB_PASSWORD_FILE are both set; keep one' "DB_PASSWORD_FILE=$T/x" -- pg_backup now
    row 1 'POSTGRES_PORT is no setting here; DB_PORT is' "POSTGRES_PORT=$PGPORT" DB_PORT= -- pg_backup now
    row 1 'DB_PASS is no setting here; DB_PASSWORD is' DB_PASS=x DB_PASSWORD= -- pg_backup now
    without DB
    row 2 'nothing says which database to back up: set DB=app for one' -- pg_backup now
    row 2 "DATABASES: ', ,' names nothing" 'DATABASES=, ,' -- pg_backup now
    row 2 'DATABASES: '\''a"b'\''' 'DATABASES=a"b' -- pg_backup now
    row 1 'shop' DATABASES=app,shop -- pg_backup now
    without DB_HOST DB_PORT DB_USER DB_PASSWORD
    row 2 'DATABASE_URL is not used, as it does not begin with postgres://' DATABASE_URL=mysql://db/app -- pg_backup now
    row 2 'percent-encode the password: @ is %40, / is %2F, # is %23' DATABASE_URL=postgres://me:a@b@db/app -- pg_backup now
    row 2 'a port is not a number' DATABASE_URL=postgres://me:a/b -- pg_backup now
    row 2 'DATABASE_URL: libpq has no parameter sslaccept' "DATABASE_URL=$url/app?sslaccept=strict" -- pg_backup now
    row 0 'for an application'\''s library: schema' "DATABASE_URL=$url/app?schema=public" -- pg_backup now
    row 0 'backed up' "DATABASE_URL=${url/postgres:/postgresql+asyncpg:}/app" -- pg_backup now
    row 0 'backed up' "DATABASE_URL=jdbc:postgresql://$PGHOST:$PGPORT/app?user=$PGUSER&password=$PGPASSWORD" -- pg_backup now
    end_table
}

case_the_role_and_its_rights() {
    begin
    sql app "create role reader login password 'reader'; create table secret (id int);
        create table guarded (id int); alter table guarded enable row level security"
    row 1 'permission denied for table item' DB_USER=reader DB_PASSWORD=reader -- pg_backup now
    sql app "grant select on all tables in schema public to reader"
    row 1 'row-level security' DB_USER=reader DB_PASSWORD=reader -- pg_backup now
    row 1 'must be superuser or replication role' DB_USER=reader DB_PASSWORD=reader BACKUP_METHOD=physical DB= -- pg_backup now
    sql app "alter role reader nologin"
    row 1 'is not permitted to log in' DB_USER=reader DB_PASSWORD=reader -- pg_backup now
    sql app "drop owned by reader; drop role reader"
    end_table
}

case_the_store() {
    create_small_database app
    use_s3
    use_database app
    settings+=(S3_RETRY_TIME=1s)
    begin_table
    local id=AKIAIOSFODNN7EXAMPLE secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
    row 1 'cannot connect to 127.0.0.1:1' S3_ENDPOINT=http://127.0.0.1:1 -- pg_backup list
    row 1 'cannot resolve the name of no-such-host.invalid' S3_ENDPOINT=http://no-such-host.invalid -- pg_backup list
    row 1 'the address of a server without TLS begins with http://' "S3_ENDPOINT=${S3_ENDPOINT/http:/https:}" -- pg_backup list
    row 1 'if the server speaks TLS at this port, the address begins with https://' "S3_ENDPOINT=${S3_TLS_ENDPOINT/https:/http:}" -- pg_backup list
    row 1 'S3_CA_FILE names the certificate of a private authority (PEM)' "S3_ENDPOINT=$S3_TLS_ENDPOINT" -- pg_backup list
    row 2 'S3_CA_FILE: cannot read /nowhere: No such file or directory' S3_CA_FILE=/nowhere -- pg_backup list
    row 1 'there is no bucket "nowhere" at this endpoint: check S3_BUCKET, S3_ENDPOINT' S3_BUCKET=nowhere -- pg_backup list
    row 1 'check S3_ACCESS_KEY' S3_ACCESS_KEY=wrong -- pg_backup list
    row 1 'check S3_SECRET_KEY' S3_SECRET_KEY=wrong -- pg_backup list
    row 1 'S3_SECRET_KEY has quotes or whitespace around it' "S3_SECRET_KEY='wrong'" -- pg_backup now
    row 2 'S3_ACCESS_KEY and S3_SECRET_KEY are swapped' "S3_ACCESS_KEY=$secret" "S3_SECRET_KEY=$id" -- pg_backup list
    row 2 'S3_ACCESS_KEY is set without S3_SECRET_KEY' S3_SECRET_KEY= -- pg_backup list
    row 2 'S3_SECRET_KEY is set without S3_ACCESS_KEY' S3_ACCESS_KEY= -- pg_backup list
    row 2 'S3_BUCKET "my bucket" is not the name of a bucket' 'S3_BUCKET=my bucket' -- pg_backup list
    row 2 "S3_BUCKET: 's3://' names no bucket" S3_BUCKET=s3:// -- pg_backup list
    row 2 'S3_BUCKET "https://s3/bucket" is not the name of a bucket' S3_BUCKET=https://s3/bucket -- pg_backup list
    row 2 "S3_PREFIX: 'a b' holds whitespace: leave it out" 'S3_PREFIX=a b' -- pg_backup list
    row 2 "S3_PREFIX: 'a//b' has an empty segment, or one that is . or ..: write a/b" S3_PREFIX=a//b -- pg_backup list
    row 2 "S3_PREFIX: '../a' has an empty segment" S3_PREFIX=../a -- pg_backup list
    row 2 'has a path: the bucket goes into S3_BUCKET, a prefix into S3_PREFIX' "S3_ENDPOINT=$S3_ENDPOINT/bucket" -- pg_backup list
    row 0 '' "S3_ENDPOINT=$S3_ENDPOINT/" -- pg_backup list
    row 2 'has a scheme other than http and https' S3_ENDPOINT=ftp://s3 -- pg_backup list
    row 2 'has a port outside 1 to 65535' S3_ENDPOINT=http://s3:0 -- pg_backup list
    row 2 'S3_ENDPOINT must not hold credentials' S3_ENDPOINT=http://me:secret@s3 -- pg_backup list
    row 2 "S3_ADDRESSING: 'vhost' is not one of auto, path, virtual" S3_ADDRESSING=vhost -- pg_backup list
    row 1 'unset S3_OBJECT_LOCK_MODE' S3_OBJECT_LOCK_MODE=GOVERNANCE S3_OBJECT_LOCK_RETENTION=1d -- pg_backup now
    row 2 'S3_OBJECT_LOCK_MODE and S3_OBJECT_LOCK_RETENTION go together' S3_OBJECT_LOCK_MODE=GOVERNANCE -- pg_backup now
    row 1 'unset S3_SERVER_SIDE_ENCRYPTION' S3_SERVER_SIDE_ENCRYPTION=aws:kms S3_KMS_KEY_ID=none -- pg_backup now
    row 2 "S3_STORAGE_CLASS: 'standard' is not the name of a storage class" S3_STORAGE_CLASS=standard -- pg_backup now
    row 2 'objects in GLACIER cannot be read before they are restored by hand' S3_STORAGE_CLASS=GLACIER -- pg_backup now
    row 2 "S3_PART_SIZE: '1MiB' is not from 5MiB to 512MiB" S3_PART_SIZE=1MiB -- pg_backup now
    row 2 'S3_MAX_RATE 1KiB is less than 16KiB per second' S3_MAX_RATE=1KiB -- pg_backup now
    row 2 "S3_RETRY_TIME: 'long' is not a duration such as" S3_RETRY_TIME=long -- pg_backup now
    row 2 'S3_PAYLOAD_SIGNING=unsigned needs an https endpoint' S3_PAYLOAD_SIGNING=unsigned -- pg_backup now
    without S3_ACCESS_KEY S3_SECRET_KEY
    row 2 'there are no credentials' -- pg_backup list
    row 2 'S3_SECRET_ACCESS_KEY' "S3_SECRET_ACCESS_KEY=$S3_SECRET_KEY" "S3_ACCESS_KEY_ID=$S3_ACCESS_KEY" -- pg_backup list
    end_table
}

# A person at a terminal does not wait for a quarter of an hour; a daemon does.
case_an_endpoint_that_never_answers() {
    use_s3
    without S3_RETRY_TIME
    settings+=(S3_ENDPOINT=http://127.0.0.1:1)
    local begun=$SECONDS
    on_terminal "" env -i "PATH=$PATH" "HOME=$T" "${settings[@]}" "$BIN/pg-backup" list || true
    [ $((SECONDS - begun)) -lt 40 ] || fail "it took $((SECONDS - begun)) s"
    tr -d '\r\n' <"$T/screen" | grep -F 'check S3_ENDPOINT, or set S3_RETRY_TIME to wait longer than 10s' ||
        { cat "$T/screen"; fail "no advice"; }
}

case_the_directory() {
    begin
    : >"$T/file"
    mkdir "$T/read-only"
    row 1 'No such file or directory' "BACKUP_DIR=$T/nowhere" -- pg_backup now
    row 1 'Not a directory' "BACKUP_DIR=$T/file" -- pg_backup now
    row 1 '/proc' "BACKUP_DIR=/proc" -- pg_backup now
    row 2 '--from s3: S3_BUCKET is not set' -- pg_backup list --from s3
    row 2 "--from: 'tape' is neither s3 nor dir" -- pg_backup list --from tape
    without BACKUP_DIR
    row 2 'there is no destination: set S3_BUCKET' -- pg_backup now
    end_table
}

case_the_command_line() {
    begin
    row 2 'unknown command bakcup' -- pg_backup bakcup
    row 2 'unknown option --databse' -- pg_backup restore --databse app
    row 2 'DB_PASSWORD_FILE' -- pg_backup now --db-password x
    row 2 '--target-database needs a value' -- pg_backup restore --target-database
    row 2 '--yes takes no value' -- pg_backup restore --yes=1
    row 2 '--json has no effect on now; it belongs to pg-backup list' -- pg_backup now --json
    row 2 'unexpected argument app' -- pg_backup now app
    row 2 'hold needs GROUP/ID' -- pg_backup hold
    row 2 'app' -- pg_backup hold app
    row 1 'app/20260101T000000Z-00000000' -- pg_backup hold app/20260101T000000Z-00000000
    row 2 'unknown option -x' -- pg_backup now -x
    row 2 '--id is empty: give it a value, or leave it out' -- pg_backup restore --id=
    row 2 "BACKUP_SCHEDULE" 'BACKUP_SCHEDULE=0 25 * * *' -- pg_backup now
    row 2 "BACKUP_INTERVAL: '1.5h' is not a duration such as" BACKUP_INTERVAL=1.5h -- pg_backup now
    row 2 'Europe/Atlantis' TZ=Europe/Atlantis -- pg_backup now
    row 2 '--if-due needs BACKUP_SCHEDULE' -- pg_backup now --if-due
    row 2 "LOG_FORMAT: 'xml' is not one of text, json" LOG_FORMAT=xml -- pg_backup now
    row 2 'STATUS_LISTEN' STATUS_LISTEN=9480 -- pg_backup serve
    row 2 'PUSHGATEWAY_URL' PUSHGATEWAY_URL=pushgateway:9091 -- pg_backup now
    row 2 'NOTIFY_URL' NOTIFY_URL=chat.example.com -- pg_backup now
    row 1 'is `serve` running here?' -- pg_backup health
    end_table
}

case_a_restore() {
    begin
    row 1 'there is no backup' -- pg_backup restore --target-database copy --create --yes
    backup_now
    row 1 "there is no complete backup '20260101T000000Z-00000000' of 'app'" -- \
        pg_backup restore --id 20260101T000000Z-00000000 --target-database copy --create
    row 3 'is not empty' -- pg_backup restore --target-database app
    row 3 'leave out --create to restore into it, or name another --target-database' -- pg_backup restore --target-database app --create
    row 1 'database "copy" does not exist' -- pg_backup restore --target-database copy
    row 2 '--clean drops what the target holds: without a terminal to ask on it needs --yes' -- pg_backup restore --target-database app --clean
    row 2 'needs --cluster' -- pg_backup restore --target-dir "$T/x"
    row 2 'has no effect with --cluster' -- pg_backup restore --cluster --target-dir "$T/x" --create
    row 1 'shop' -- pg_backup restore --database shop --target-database copy --create
    row 2 '--output writes a file as it was dumped: --target-database does not go with it' -- \
        pg_backup restore --output "$T/x" --target-database copy
    end_table
}

case_the_pruner() {
    begin
    backup_now
    row 2 'no retention rule is set, so nothing says what may be deleted' -- pg_prune now
    row 0 'S3_BACKUP_MAX_AGE is 30s, less than a day: 30d are 30 days' S3_BACKUP_MAX_AGE=30 -- pg_prune plan
    row 2 "S3_BACKUP_MAX_AGE: '30 days' is not a duration such as" 'S3_BACKUP_MAX_AGE=30 days' -- pg_prune now
    row 2 'S3_BACKUP_MAX_AGE and BACKUP_KEEP_DAYS are two names for one setting and differ; keep one' \
        S3_BACKUP_MAX_AGE=30d BACKUP_KEEP_DAYS=7 -- pg_prune now
    row 2 "PRUNE_MAX_REMOVE: '200%' is not a number from 1 on" S3_BACKUP_MAX_AGE=30d PRUNE_MAX_REMOVE=200% -- pg_prune now
    row 2 "RETENTION_KEEP_LAST: '-1' is not a whole number" RETENTION_KEEP_LAST=-1 -- pg_prune now
    row 2 'DB_BACKUP_MAX_N: must be at least 1' DB_BACKUP_MAX_N=0 -- pg_prune now
    row 2 "RETENTION_MIN_BACKUPS: '0' is not a whole number from 1" S3_BACKUP_MAX_AGE=30d RETENTION_MIN_BACKUPS=0 -- pg_prune now
    row 2 'SWEEP_AFTER' S3_BACKUP_MAX_AGE=30d SWEEP_AFTER=1m -- pg_prune now
    row 2 'CLEANUP_SCHEDULE' S3_BACKUP_MAX_AGE=30d 'CLEANUP_SCHEDULE=nightly' -- pg_prune serve
    row 0 'RETENTION_DAYS is no setting here; S3_BACKUP_MAX_AGE is' RETENTION_DAYS=7 RETENTION_KEEP_LAST=3 -- pg_prune plan
    row 2 'release needs GROUP/ID' -- pg_prune release
    row 1 'app/20260101T000000Z-00000000' -- pg_prune release app/20260101T000000Z-00000000
    row 1 'No such file or directory' S3_BACKUP_MAX_AGE=30d "BACKUP_DIR=$T/nowhere" -- pg_prune now
    end_table
}
