# shellcheck shell=bash
# Whatever goes wrong on the way: exit 1 with the reason, no manifest, no object, no unfinished upload.

fails_with() { # TEXT
    expect 1 pg_backup now
    says "$1"
    expect_nothing_left
}

exit_after_good_bytes() {
    create_large_database app 40
    use_database app
    pg_dump_is 'real_pg_dump "$@"; echo "pg_dump: error: the very last thing went wrong" >&2; exit 1'
    fails_with "the very last thing went wrong"
    pg_dump_is 'echo "pg_dump: error: nothing at all" >&2; exit 1'
    fails_with "nothing at all"
    pg_dump_is 'exit 3'
    fails_with "pg_dump"
    # The same without the fault.
    pg_dump_is 'real_pg_dump "$@"'
    backup_now
    expect_complete
}
both_stores exit_after_good_bytes

killed() {
    create_large_database app 40
    use_database app
    pg_dump_is 'real_pg_dump "$@"; kill -KILL $$'
    fails_with "signal 9"
    pg_dump_is 'real_pg_dump "$@" | head -c 1000000; kill -SEGV $$'
    fails_with "signal 11"
}
both_stores killed

pg_dump_is_gone() { [ -e "$T/pg_dump.pid" ] && is_gone "$(cat "$T/pg_dump.pid")"; }

# SIGTERM while pg_dump hangs: gone within 10 s, pg_dump too, and `now` has failed.
hanging() {
    create_large_database app 60
    use_database app
    local program
    for program in 'exec sleep 1000' 'real_pg_dump "$@" | head -c 50000000; exec sleep 1000' \
        'trap "" TERM INT HUP; real_pg_dump "$@" | head -c 50000000; while :; do sleep 1; done'; do
        echo "$program"
        rm -f "$T/pg_dump.pid"
        pg_dump_is "$program"
        start_program pg-backup now
        wait_until 20 test -s "$T/pg_dump.pid"
        [ "$program" = 'exec sleep 1000' ] || [ "$store" = dir ] || wait_until 20 upload_began
        kill -TERM "$pid"
        expect_end 1 10
        wait_until 2 pg_dump_is_gone
        expect_nothing_left
    done
}
both_stores hanging

case_one_mebibyte_of_stderr() {
    use_s3
    create_small_database app
    use_database app
    pg_dump_is 'head -c 1048576 /dev/zero | tr "\0" x >&2; real_pg_dump "$@"; echo "pg_dump: error: the last words" >&2; exit 1'
    fails_with "the last words"
    pg_dump_is 'for i in {1..16384}; do echo "pg_dump: error: this is line $i of very, very many lines" >&2; done; exit 1'
    fails_with "line 16384 of"
    [ "$(wc -c <"$T/err")" -lt 200000 ] || fail "the whole of it was printed"
    # Words alone are no failure.
    pg_dump_is 'for i in {1..16384}; do echo "pg_dump: warning: this is line $i of very, very many lines" >&2; done; real_pg_dump "$@"'
    backup_now
    expect_complete
    store_get "$(manifests)" | jq -e '.private.warnings | length > 0' || fail "the manifest holds no warning"
    [ "$(store_get "$(manifests)" | wc -c)" -lt 200000 ] || fail "a huge manifest"
}

# What answers no --version is no candidate; the next in the search serves.
case_broken_pg_dump_is_passed_over() {
    use_dir
    create_small_database app
    use_database app
    mkdir "$T/bin"
    ln -s "$PG_BIN"/* "$T/bin"
    rm "$T/bin/pg_dump"
    printf '\x7fELF not a program' >"$T/bin/pg_dump"
    chmod +x "$T/bin/pg_dump"
    settings+=("PG_BINDIR=$T/bin")
    expect 0 pg_backup now
    expect_complete
}

server_gone() {
    create_large_database app 200
    use_database app
    # Ends the dump's session as soon as it copies data.
    sql postgres "do \$\$ begin
        for i in 1..30000 loop
            perform pg_stat_clear_snapshot();
            perform pg_terminate_backend(pid) from pg_stat_activity
                where datname = 'app' and query like 'COPY %' and state = 'active';
            exit when found;
            perform pg_sleep(0.001);
        end loop;
    end \$\$" &
    background+=($!)
    fails_with "Dumping the contents of table"
}
both_stores server_gone

case_server_unreachable() {
    use_dir
    use_database app
    fails_with '"app" does not exist'
    settings+=(DB_PORT=1)
    fails_with "onnection refused"
    settings+=(DB_HOST=no-such-host.invalid)
    fails_with "no-such-host.invalid"
}

case_disk_full() {
    [ "$(id -u)" = 0 ] || skip "needs root to mount a small file system"
    use_dir
    mount -t tmpfs -o size=8M none "$folder" || skip "may not mount a small file system"
    cleanups+=("umount $folder")
    create_large_database app 40
    use_database app
    fails_with "No space left on device"
}

case_folder_not_writable() {
    use_dir
    create_small_database app
    use_database app
    rmdir "$folder"
    touch "$folder" # root may write anywhere, but not below a file
    expect 1 pg_backup now
    says "$folder"
}

# Nobody answers: the time for retries is over, exit 1.
case_store_unreachable() {
    use_s3
    create_small_database app
    use_database app
    settings+=(S3_ENDPOINT=http://127.0.0.1:1 S3_RETRY_TIME=2s)
    local began=$SECONDS
    expect 1 pg_backup now
    says 127.0.0.1:1
    [ $((SECONDS - began)) -lt 30 ] || fail "took $((SECONDS - began)) s"
}

gateway_runs() { [ -n "$(s3 ls 2>/dev/null)" ] || s3 ls >/dev/null 2>&1; }

# The gateway dies in the middle of the upload, and is there again later.
case_store_gone_in_the_middle() {
    "$servers/ceph-rgw-up.sh" "$T/own"
    cleanups+=("[ ! -e $T/own/pids ] || $servers/ceph-rgw-down.sh $T/own")
    use_server "$T/own"
    use_s3
    create_large_database app 60
    use_database app
    settings+=(S3_RETRY_TIME=2s)
    pg_dump_is 'real_pg_dump "$@" | { head -c 40000000; while [ ! -e '"$T"'/go ]; do sleep 0.1; done; cat; }'
    start_program pg-backup now
    wait_until 20 upload_began
    kill -KILL "$(awk '$3 == "rgw" { print $1 }' "$T/own/pids")"
    touch "$T/go"
    expect_end 1 60
    W=$T/own bash -c '. "$1/lib.sh" && start rgw radosgw -c "$CEPH_CONF" -f -n client.rgw' _ "$servers"
    wait_until 20 gateway_runs
    [ -z "$(store_list)" ] || fail "an object is left"
    # The upload could not be aborted: nobody was there. The pruner does it.
    settings+=(SWEEP_AFTER=1h S3_BACKUP_MAX_AGE=1d)
    use_later
    sweeps_all() { later pg_prune now >"$T/out" 2>"$T/err" && nothing_left; }
    wait_until 10 sweeps_all
    settings+=("PG_BINDIR=$PG_BIN")
    backup_now
    expect_complete
}

case_missing_bucket() {
    use_s3
    create_small_database app
    use_database app
    settings+=(S3_BUCKET=no-such-bucket)
    expect 1 pg_backup now
    says no-such-bucket
    expect 1 pg_backup list
    says no-such-bucket
}

case_wrong_keys() {
    use_s3
    create_small_database app
    use_database app
    settings+=(S3_SECRET_KEY=not-the-secret-key)
    fails_with SignatureDoesNotMatch
    says_not not-the-secret-key
    settings+=(S3_ACCESS_KEY=NOBODY00000000000000)
    fails_with InvalidAccessKeyId
}
