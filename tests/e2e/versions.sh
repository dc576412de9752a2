# shellcheck shell=bash
# Buckets that keep versions, Object Lock, and what else the store is asked for when something is written.

# own_bucket KIND: a bucket of the case's own, made by s3.py
own_bucket() {
    S3_BUCKET=$case_name-$$-$RANDOM
    S3_BUCKET=${S3_BUCKET//_/-}
    export S3_BUCKET
    s3 make-bucket "$1"
    use_s3
}

versions() { s3 versions "$prefix/"; }
kinds() { versions | cut -d' ' -f3 | sort | uniq -c | tr -s ' ' | tr '\n' ';'; }

# aged_copies DAYS...: of the newest backup
aged_copies() {
    local days copies=()
    for days in "$@"; do copies+=("app/$(date -u -d "$days days ago" +%Y%m%dT000000Z)-$(printf %08x "$days")"); done
    store_copy "$(newest)" "${copies[@]}"
}

newest() { echo "app/$(field id | sort | tail -n 1)"; }

case_hidden() {
    own_bucket versions
    create_small_database app 10
    use_database app
    backup_now
    aged_copies 40 50
    settings+=(S3_BACKUP_MAX_AGE=30d SWEEP_AFTER=1h)
    use_later
    # By default what is deleted is only hidden, and the log says so, once.
    expect 0 later pg_prune now
    [ "$(grep -c NoncurrentVersionExpiration "$T/err")" = 1 ] || fail "$(cat "$T/err")"
    [ "$(kinds)" = " 6 marker; 9 version;" ] || fail "$(kinds)"
    expect_complete
    # What is hidden is not listed, so nothing is left to sweep, not even without patience.
    versions >"$T/before"
    expect 0 later pg_prune now --json
    [ "$(jq -r .action "$T/out")" = keep ] || fail "$(cat "$T/out")"
    expect 0 pg_backup list --json
    [ "$(wc -l <"$T/out")" = 1 ] || fail "$(cat "$T/out")"
    settings+=(S3_DELETE_VERSIONS=true)
    expect 0 later pg_prune now
    versions | cmp - "$T/before" || fail "hidden backups were touched"
    # With S3_DELETE_VERSIONS nothing of what is removed from now on stays.
    aged_copies 60 70
    store_copy "$(newest)" app/20240101T000000Z-00000001
    aged_copies 60 # overwritten: a second version of each object
    store_remove app/20240101T000000Z-00000001/manifest.json
    expect 0 later pg_prune now
    says_not NoncurrentVersionExpiration
    versions | grep -v 20240101T000000Z >"$T/after"
    cmp "$T/after" "$T/before" || fail "$(cat "$T/after")"
    [ "$(versions | grep 20240101T000000Z | sed 's/ [^ ]* / /' | sort)" = "$(printf '%s\n' \
        "$prefix/app/20240101T000000Z-00000001/manifest.json marker" \
        "$prefix/app/20240101T000000Z-00000001/manifest.json version")" ] || fail "$(versions)"
    create_database copy
    expect 0 pg_backup restore --database app --target-database copy
}

case_object_lock() {
    own_bucket lock
    local base=$prefix locked_for=3600 until manifest
    create_large_database app 20 # more than a part
    use_database app
    backup_now
    # Under the lock: a backup that is old by its name, and so a candidate at once.
    local unlocked=("${settings[@]}")
    settings+=(S3_OBJECT_LOCK_MODE=GOVERNANCE "S3_OBJECT_LOCK_RETENTION=${locked_for}s" S3_STORAGE_CLASS=STANDARD)
    next_second
    expect 0 pg_backup now
    manifest=$(newest)/manifest.json
    until=$(store_get "$manifest" | jq -r .locked_until)
    s3 versions "$base/" | grep -F "${manifest%/manifest.json}" | while read -r key id _; do
        s3 head "$key" | grep -F "x-amz-object-lock-retain-until-date: ${until%Z}" >/dev/null ||
            fail "$key $id is not locked until $until: $(s3 head "$key")"
    done
    [ "$(store_get "app/$(field id | sort | head -n 1)/manifest.json" | jq -r .locked_until)" = null ]
    settings=("${unlocked[@]}" S3_BACKUP_MAX_AGE=1s RETENTION_MIN_BACKUPS=1 S3_DELETE_VERSIONS=true)
    next_second
    expect 0 pg_backup now # the one that RETENTION_MIN_BACKUPS keeps
    next_second
    # The plan knows from the manifest: nothing is tried.
    expect 0 pg_prune now --json
    jq -r '"\(.action) \(.reasons | join("; "))"' "$T/out" >"$T/plan"
    grep -qx "keep locked until $until" "$T/plan" || fail "$(cat "$T/plan")"
    [ "$(cut -d' ' -f1 "$T/plan" | sort | uniq -c | tr -s ' ' | tr '\n' ';')" = " 2 keep; 1 remove;" ] ||
        fail "$(cat "$T/plan")"
    [ "$(manifests | wc -l)" = 2 ] || fail "$(manifests)"
    expect_complete
    # The server knows, too: without the manifest's word it refuses, and that is no failure.
    store_get "$manifest" | jq 'del(.locked_until)' | store_put "$manifest"
    expect 0 pg_prune now
    says "locked until ${until}"
    [ "$(versions | grep -c "${manifest%/manifest.json}")" = 4 ] || fail "$(versions)"
    expect_complete
    # Once a lock has ended they go: a small backup, whose run takes less than its short lock.
    create_small_database short
    use_database short
    unlocked=("${settings[@]}")
    settings+=(S3_OBJECT_LOCK_MODE=GOVERNANCE S3_OBJECT_LOCK_RETENTION=8s)
    expect 0 pg_backup now
    manifest=$(manifests | grep -F short/)
    until=$(store_get "$manifest" | jq -r .locked_until)
    settings=("${unlocked[@]}")
    next_second
    expect 0 pg_backup now
    lock_is_over() { [ "$(date -u +%FT%TZ)" \> "$until" ]; }
    wait_until 30 lock_is_over
    expect 0 pg_prune now
    [ "$(manifests | grep -cF short/)" = 1 ] || fail "$(manifests)"
    ! versions | grep -F "${manifest%/manifest.json}" || fail "versions are left"
    expect_complete
}

# The daemon of a provider without TLS would send the bytes unguarded.
case_write_settings() {
    use_s3
    create_large_database app 40 # several parts
    use_database app
    settings+=(S3_PAYLOAD_SIGNING=unsigned)
    expect 2 pg_backup now
    says "needs an https endpoint"
    settings+=("S3_ENDPOINT=$S3_TLS_ENDPOINT" "S3_CA_FILE=$S3_CA_FILE")
    backup_now
    settings+=(S3_PAYLOAD_SIGNING=signed S3_CONDITIONAL_WRITES=true S3_STORAGE_CLASS=STANDARD)
    next_second
    backup_now
    settings+=(S3_SERVER_SIDE_ENCRYPTION=aws:kms S3_KMS_KEY_ID=test-key)
    next_second
    backup_now
    local key folder
    folder=$(newest)
    for key in app.dump.zst manifest.json; do
        S3_ENDPOINT=$S3_TLS_ENDPOINT s3 head "$prefix/$folder/$key" >"$T/head"
        grep -qx 'x-amz-server-side-encryption: aws:kms' "$T/head" || fail "$key: $(cat "$T/head")"
        grep -qx 'x-amz-server-side-encryption-aws-kms-key-id: test-key' "$T/head" || fail "$(cat "$T/head")"
    done
    [ "$(manifests | wc -l)" = 3 ] || fail "$(manifests)"
    create_database copy
    expect 0 pg_backup restore --database app --target-database copy
    expect_same_database app copy
    settings+=(S3_STORAGE_CLASS=DEEP_ARCHIVE)
    expect 2 pg_backup now
    says "cannot be read before they are restored by hand"
}
