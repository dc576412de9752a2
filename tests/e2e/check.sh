# shellcheck shell=bash
# `check`: what is wrong is found before the first backup, with words that mend it.

# finds LEVEL SUBJECT TEXT: the findings of the last check, be it as text, hold that line
finds() {
    grep -qF -- "$(printf '  %-9s  %s: %s' "$1" "$2" "$3")" "$T/out" || { cat "$T/out"; fail "no $1 about $2: $3"; }
}

# Mends what the check has said by its own words: executes the statements that it prints.
obey() { # DATABASE
    grep -E '^ {13}(GRANT|ALTER) .*;$' "$T/out" >"$T/advice.sql" || { cat "$T/out"; fail "no statement is printed"; }
    sql "$1" <"$T/advice.sql"
}

case_the_printed_statements_mend_what_a_role_cannot_read() {
    use_dir
    create_small_database app
    cleanups+=("drop_roles 'odd \"\"role'")
    # shellcheck disable=SC2016
    sql app 'create role "odd ""role" login password $$secret$$;
        revoke all on schema public from public; create schema hr; create table hr.pay (id int);
        create table guarded (id int); alter table guarded enable row level security;
        alter database app set search_path = hr; select lo_create(4711)'
    use_database app
    settings+=('DB_USER=odd "role' DB_PASSWORD=secret)
    expect 3 pg_backup check
    finds attention "database app" 'the role "odd ""role" cannot enter 2 schemas (hr, public)'
    finds attention "database app" 'the role "odd ""role" cannot read 1 large object'
    says 'GRANT pg_read_all_data TO "odd ""role";'
    says 'ALTER ROLE "odd ""role" IN DATABASE "app" SET lo_compat_privileges = on;'
    finds attention "database app" 'row-level security hides rows of 1 table from the role "odd ""role" (public.guarded)'
    says 'ALTER ROLE "odd ""role" BYPASSRLS;'
    obey app
    expect 3 pg_backup check # for there is no backup yet
    finds attention "backups of app" "there is none yet"
    finds ok "database app" "everything can be read, "
    [ "$(tail -n 1 "$T/out")" = "1 needs attention" ] || fail "$(cat "$T/out")"
    [ -z "$(store_list)" ] || fail "something was left: $(store_list)"
    backup_now
    expect 0 pg_backup check
    [ "$(tail -n 1 "$T/out")" = "all is well" ] || fail "$(cat "$T/out")"
}

case_each_grant_by_itself() {
    use_dir
    create_small_database app
    cleanups+=("drop_roles reader")
    sql app "create role reader login password 'secret'; grant select on item to reader;
        create table hidden (id serial); create table other (id int)"
    use_database app
    settings+=(DB_USER=reader DB_PASSWORD=secret)
    expect 3 pg_backup check
    finds attention "database app" \
        'the role "reader" cannot read 3 of the tables and sequences (public.hidden, public.hidden_id_seq, public.other)'
    # What is left out cannot be judged.
    expect 3 pg_backup check --exclude-tables 'hidden*'
    says_not "cannot read"
    sql app "drop owned by reader"
}

case_a_server_that_lets_nobody_in() {
    use_dir
    create_small_database app
    use_database app
    expect 1 with DB_PASSWORD=wrong -- pg_backup check
    grep -q '^  failed     server: cannot connect to PostgreSQL: .*password authentication failed for user' "$T/out" ||
        fail "$(cat "$T/out")"
    says "check DB_USER and DB_PASSWORD"
    says "writing: a file was written" # the rest is checked all the same
    expect 1 with DB_PORT=1 -- pg_backup check
    says "Connection refused"
    [ "$(grep -c '  failed  ' "$T/out")" = 1 ] || fail "$(cat "$T/out")"
}

case_one_of_two_hosts_is_not_there() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    expect 3 with "DB_HOST=$PGHOST,127.0.0.9" -- pg_backup check
    finds ok "host $PGHOST port $PGPORT" "PostgreSQL "
    finds attention "host 127.0.0.9 port $PGPORT" "cannot connect to PostgreSQL: "
    finds ok "database app" "everything can be read, "
}

case_a_database_that_is_missing() {
    use_dir
    create_small_database app
    use_database app
    settings+=(DB= "DATABASES=app nothere")
    expect 3 pg_backup check
    grep -q '^  attention  database nothere: .*database "nothere" does not exist' "$T/out" || fail "$(cat "$T/out")"
    finds ok "database app" "everything can be read, "
    finds attention "backups of nothere" "there is none yet"
}

case_all_databases() {
    use_dir
    create_small_database app
    create_small_database closed
    sql postgres "alter database closed allow_connections false"
    use_database app
    settings+=(DB= DATABASES=all)
    expect 0 pg_backup now
    expect 3 pg_backup check
    finds attention "database closed" "is left out: it accepts no connections (ALLOW_CONNECTIONS)"
    finds ok "roles and tablespaces" "can be read, with the passwords of roles"
    finds ok "backups of _globals" "the newest, "
    expect 0 with EXCLUDE_DATABASES=closed -- pg_backup check
}

case_client_programs() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    mkdir "$T/bin"
    printf '#!/bin/sh\necho "pg_dump (PostgreSQL) %s.0"\n' "$(server_major)" >"$T/bin/pg_dump" # an old one
    chmod +x "$T/bin/pg_dump"
    expect 0 pg_backup check
    finds ok pg_dump "$(server_major)."
    settings+=("PG_BINDIR=$T/bin")
    expect 0 pg_backup check # the newest of the same major version is taken
    finds ok pg_dump "$(server_major)."
}

case_keys_and_buckets() {
    use_s3
    create_small_database app
    use_database app
    expect 1 with "S3_SECRET_KEY=$S3_ACCESS_KEY" -- pg_backup check
    grep -q '^  failed     server: GET s3://.*: 403 SignatureDoesNotMatch' "$T/out" || fail "$(cat "$T/out")"
    expect 1 with S3_ACCESS_KEY=NOSUCHKEY -- pg_backup check
    says "403 InvalidAccessKeyId"
    expect 1 with S3_BUCKET=no-such-bucket -- pg_backup check
    says "404 NoSuchBucket"
    expect 1 with S3_ENDPOINT=http://127.0.0.1:1 -- pg_backup check
    finds ok "database app" "everything can be read, "
    [ -z "$(store_list)$(uploads)" ] || fail "$(store_list)"
}

# The gateway's own keys may do everything: that is too much for pg-backup, and nothing is left behind.
case_keys_that_may_delete() {
    use_s3
    create_small_database app
    use_database app
    backup_now
    store_list >"$T/before"
    expect 3 pg_backup check
    finds attention "permission to delete" "these keys may delete backups"
    [ "$(grep -c '  attention  ' "$T/out")" = 1 ] || fail "$(cat "$T/out")"
    store_list | cmp - "$T/before" || fail "$(store_list)"
    [ -z "$(uploads)" ] || fail "$(uploads)"
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 0 pg_prune check
    finds ok "permission to delete" "backups can be deleted"
    finds ok pruning "the next run would keep 1 backup, delete 0"
    store_list | cmp - "$T/before" || fail "$(store_list)"
}

case_json() {
    use_dir
    create_small_database app
    use_database app
    expect 3 pg_backup check --json
    jq -es 'map(.level) | index("failed") == null and index("attention") != null' "$T/out" >/dev/null || fail "$(cat "$T/out")"
    [ "$(jq -r 'select(.level == "attention") | .subject' "$T/out")" = "backups of app" ] || fail "$(cat "$T/out")"
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 0 pg_prune check --json
    jq -es 'all(.level == "ok")' "$T/out" >/dev/null || fail "$(cat "$T/out")"
}

case_a_damaged_backup() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    rm "$folder"/app/2*/app.dump.zst
    expect 3 pg_backup check
    says "is damaged: "
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 3 pg_prune check
    finds attention "pruning of app" "nothing would be deleted: "
}

case_a_directory_that_is_full_or_read_only() {
    [ "$(id -u)" = 0 ] || skip "needs root"
    create_small_database app
    use_dir
    use_database app
    mount -t tmpfs -o size=64k none "$folder" 2>/dev/null || skip "needs the right to mount"
    cleanups+=("umount '$folder'")
    head -c 1M /dev/zero >"$folder/fill" 2>/dev/null || true
    expect 3 pg_backup check
    grep -q '^  attention  writing: .*No space left on device' "$T/out" || fail "$(cat "$T/out")"
    finds attention "free space" "0 B is free, and the next backups may take "
    mount -o remount,ro "$folder"
    expect 3 pg_backup check
    grep -q '^  attention  writing: .*Read-only file system' "$T/out" || fail "$(cat "$T/out")"
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 3 pg_prune check
    finds attention deleting "nothing can be deleted from $folder: Read-only file system"
}

case_a_directory_that_is_not_there() {
    create_small_database app
    use_dir
    use_database app
    rmdir "$folder"
    expect 1 pg_backup check
    finds failed directory "cannot open the backup directory $folder: No such file or directory"
    settings+=(DB=)
    expect 2 pg_backup check
}

# The next backup is due tomorrow, and would fail: the log says so now, and `health` as well.
case_the_daemon_looks_at_start() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    settings+=(DB_PASSWORD=wrong BACKUP_INTERVAL=1d HEALTH_SOCKET="check.$$")
    start_program pg-backup serve
    wait_until 20 grep -q 'the next backup would fail cause="server: cannot connect to PostgreSQL' "$T/daemon.log"
    expect 0 pg_backup health
    says "at start the next backup would have failed: server: cannot connect to PostgreSQL"
    [ "$(grep -c 'would fail' "$T/daemon.log")" = 1 ] || fail "$(cat "$T/daemon.log")"
    kill -USR1 "$pid"
    wait_until 20 grep -q 'failures=1' "$T/daemon.log"
    expect 0 pg_backup health
    says_not "at start"
    kill -TERM "$pid"
    expect_end 0 10
}

case_a_daemon_that_is_well_says_nothing() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    settings+=(BACKUP_INTERVAL=1d HEALTH_SOCKET="check.$$")
    start_program pg-backup serve
    wait_until 20 grep -q 'next backup' "$T/daemon.log"
    sleep 1
    expect 0 pg_backup health
    says_not "at start"
    ! grep -q 'would fail' "$T/daemon.log" || fail "$(cat "$T/daemon.log")"
    kill -TERM "$pid"
    expect_end 0 10
}

case_replication() {
    use_dir
    cleanups+=("drop_roles streamer")
    sql postgres "create role streamer login password 'secret'"
    use_database ""
    settings+=(DB= BACKUP_METHOD=physical DB_USER=streamer DB_PASSWORD=secret)
    expect 1 pg_backup check
    says "ALTER ROLE ... REPLICATION"
    sql postgres "alter role streamer replication"
    expect 3 pg_backup check
    finds ok replication "the role may replicate; system identifier "
    finds attention replication "max_slot_wal_keep_size is -1"
    finds attention "backups of _cluster" "there is none yet"
}
