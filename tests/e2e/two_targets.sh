# shellcheck shell=bash
# One dump into a directory and a bucket: each is complete in itself, and what one of them cannot do does
# not stop the other.

use_both() {
    use_dir
    use_s3
    settings+=(S3_RETRY_TIME=2s)
}

# expect_backups DIR S3: so many complete backups in each, and nothing that is not part of one
expect_backups() {
    local store wanted
    for store in dir s3; do
        wanted=$1
        shift
        [ "$(manifests | wc -l)" = "$wanted" ] || { store_list; fail "$(manifests | wc -l) backups in $store, not $wanted"; }
        expect_complete
        [ -z "$(uploads)" ] || fail "an upload is left"
        [ "$(store_objects | wc -l)" = $((2 * wanted)) ] || { store_list; fail "something is left in $store"; }
    done
}

# restores_from TARGET...: what is there now is what was dumped
restores_from() {
    local target
    for target; do
        expect 0 pg_backup restore --from "$target" --target-database "from_$target" --create
        expect_same_database app "from_$target"
        drop_database "from_$target"
    done
}

# A dump that stops in the middle until $T/go is there.
slow_dump() {
    create_large_database app 60
    use_database app
    pg_dump_is 'set -o pipefail
        real_pg_dump "$@" | { head -c 40000000; while [ ! -e '"$T"'/go ]; do sleep 0.1; done; cat; }'
    start_program pg-backup now
    wait_until 20 upload_began
}

case_both_are_good() {
    use_both
    create_large_database app 24 # two parts
    use_database app
    backup_now
    says destination=dir
    says destination=s3
    expect_backups 1 1
    local key
    key=$(on s3 store_objects | sed -n 's#^[0-9]* \(.*\.zst\)$#\1#p')
    [ "$(on dir store_get "$key" | sha256sum)" = "$(on s3 store_get "$key" | sha256sum)" ] || fail "the bytes differ"
    [ "$(field from)" = "$(printf '%s\n' dir s3)" ] || fail "$(field from)"
    [ "$(field id | sort -u | wc -l)" = 1 ] || fail "the ids differ"
    expect 0 pg_backup list
    says FROM
    expect 0 pg_backup list --from s3 --json
    [ "$(jq -r .from "$T/out")" = s3 ] || fail "$(cat "$T/out")"
    expect 2 pg_backup list --from tape
    restores_from dir s3
    expect 0 on_terminal 1,asked_for env -i "PATH=$PATH" "${settings[@]}" "$BIN/pg-backup" restore
    grep -qE '^ +1 .* app .* s3' "$T/screen" || fail "$(cat "$T/screen")"
    grep -qE '^ +2 .* app .* dir' "$T/screen" || fail "$(cat "$T/screen")"
    expect_same_database app asked_for
    # The newest of both counts; of the same one the directory's.
    next_second
    backup_now
    rm -r "${folder:?}/app/$(field id | sort | tail -n 1)"
    create_database copy
    expect 0 pg_backup restore --target-database copy
    expect_same_database app copy
    grep -qF "run=$(pg_backup list --from s3 --json | jq -r .id | tail -n 1)" "$T/err" || fail "not the newest one"
}

# One way or another S3 does not take the backup: the directory has it, and every verb goes on with it.
without_s3() { # SETTING REASON
    use_both
    settings+=(S3_BACKUP_MAX_AGE=30d)
    create_small_database app
    use_database app
    backup_now
    on dir store_copy "app/$(on dir manifests | cut -d/ -f2)" app/20240101T000000Z-00000001
    settings+=("$1")
    next_second
    expect 1 pg_backup now
    says "s3: "
    says "$2"
    says "dir has the backup"
    expect_backups 3 1
    expect 1 pg_backup list
    [ "$(grep -c ' dir$' "$T/out")" = 3 ] || fail "$(cat "$T/out")"
    says "s3: "
    expect 1 pg_prune now --json
    [ "$(jq -r '"\(.from) \(.action)"' "$T/out" | sort | uniq -c | xargs)" = "2 dir keep 1 dir remove" ] ||
        fail "$(cat "$T/out")"
    says "s3: "
    expect_backups 2 1
    expect 0 pg_backup restore --target-database copy --create
    says "do not count destination=s3"
    expect_same_database app copy
    restores_from dir
    expect 1 pg_backup restore --from s3 --target-database copy2 --create
}
case_bucket_missing() { without_s3 S3_BUCKET=no-such-bucket no-such-bucket; }
case_wrong_key() { without_s3 S3_SECRET_KEY=not-the-secret-key SignatureDoesNotMatch; }

case_directory_missing_or_not_writable() {
    use_both
    settings+=(S3_BACKUP_MAX_AGE=30d)
    create_small_database app
    use_database app
    backup_now
    on s3 store_copy "app/$(on s3 manifests | cut -d/ -f2)" app/20240101T000000Z-00000001
    mv "$folder" "$T/away"
    expect 1 pg_backup now
    says "dir: cannot open the backup directory"
    says "s3 has the backup"
    mkdir "$folder"
    touch "$folder/app" # root may write anywhere, but not below a file
    expect 1 pg_backup now
    says "dir: cannot make"
    rm -r "$folder"
    expect 1 pg_prune now
    says "dir: cannot open the backup directory"
    says "deleted 1 backup"
    restores_from s3
    mv "$T/away" "$folder"
    expect_backups 1 3
}

case_disk_full() {
    [ "$(id -u)" = 0 ] || skip "needs root to mount a small file system"
    use_both
    mount -t tmpfs -o size=8M none "$folder" || skip "may not mount a small file system"
    cleanups+=("umount $folder")
    create_large_database app 24
    use_database app
    expect 1 pg_backup now
    says "a destination gets no backup this time"
    says "destination=dir cause="
    says "No space left on device"
    says "s3 has the backup"
    on dir expect_nothing_left
    expect_backups 0 1
    restores_from s3
}

case_s3_dies_in_the_middle() {
    "$servers/ceph-rgw-up.sh" "$T/own"
    cleanups+=("[ ! -e $T/own/pids ] || $servers/ceph-rgw-down.sh $T/own")
    use_server "$T/own"
    use_both
    slow_dump
    kill -KILL "$(awk '$3 == "rgw" { print $1 }' "$T/own/pids")"
    touch "$T/go"
    expect_end 1 60
    grep -qF "dir has the backup" "$T/daemon.log" || fail "$(cat "$T/daemon.log")"
    [ "$(on dir manifests | wc -l)" = 1 ] || fail "the directory has no backup"
    on dir expect_complete
    restores_from dir
}

# Stopped: nothing is left anywhere. Killed: nothing that is listed, and the next runs clean up.
case_ended_in_the_middle() {
    use_both
    settings+=(SWEEP_AFTER=1h S3_BACKUP_MAX_AGE=30d)
    slow_dump
    kill -TERM "$pid"
    expect_end 1 10
    on dir expect_nothing_left
    on s3 expect_nothing_left
    start_program pg-backup now
    wait_until 20 upload_began
    kill -KILL "$pid"
    expect_end 137 10
    touch "$T/go"
    expect 0 pg_backup list
    says "never backed up"
    [ -n "$(on dir store_list)$(on s3 uploads)" ] || fail "it was not in the middle"
    backup_now
    use_later
    expect 0 later pg_prune now
    [ -z "$(on s3 uploads)" ] || fail "an upload was not swept"
    expect_backups 1 1
}

# A target that is new gets its first backup when the daemon starts, and the other one no further.
case_a_target_is_added() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    use_both
    start_program pg-backup serve
    wait_until 20 upload_is_there
    kill -TERM "$pid"
    expect_end 0 10
    expect_backups 1 1
}
upload_is_there() { [ -n "$(on s3 manifests)" ] && grep -qF "next backup" "$T/daemon.log"; }

# Nobody can say then whether S3 has what it should: a run for it alone fails until it has.
case_restarted_in_an_outage() {
    use_both
    create_small_database app
    use_database app
    backup_now
    settings+=(S3_BUCKET=no-such-bucket)
    start_program pg-backup serve
    wait_until 20 grep -qF "failures=1" "$T/daemon.log"
    kill -TERM "$pid"
    expect_end 0 10
    expect_backups 1 1
}
