# shellcheck shell=bash
# Signatures: what is signed is restored, and what somebody else puts into the store is not.

make_keys() { # NAME...: $T/NAME.pem and $T/NAME.pub
    local name
    for name in "$@"; do
        openssl genpkey -algorithm ed25519 -out "$T/$name.pem"
        openssl pkey -in "$T/$name.pem" -pubout -out "$T/$name.pub"
        chmod 600 "$T/$name.pem"
    done
}

use_keys() { # NAME: signs with it and believes it
    settings+=("BACKUP_SIGN_KEY_FILE=$T/$1.pem" "BACKUP_VERIFY_KEY_FILE=$T/$1.pub")
}

# forge ID [DAYS]: a copy of the backup under another id, as somebody would make it who can only write
forge() {
    forged=$(date -u -d "${2:-0} days ago" +%Y%m%dT%H%M%SZ)-0000000f
    store_copy "app/$1" "app/$forged"
}

newest() { field id app | sort | tail -n 1; }

round_trip() {
    make_keys mine other
    use_keys mine
    create_small_database app 10
    use_database app
    backup_now
    local id
    id=$(newest)
    store_get "app/$id/manifest.json.sig" >"$T/sig"
    [ "$(wc -c <"$T/sig")" = 64 ] || fail "the signature has $(wc -c <"$T/sig") bytes"
    store_get "app/$id/manifest.json" >"$T/manifest.json"
    openssl pkeyutl -verify -pubin -inkey "$T/mine.pub" -rawin -in "$T/manifest.json" -sigfile "$T/sig" ||
        fail "openssl does not accept it"
    expect_complete
    expect 0 pg_backup restore --database app --target-database copy --create
    expect_same_database app copy
    expect 0 pg_backup verify
    # A reader with the other key, or of a changed manifest, takes nothing.
    local copies=0
    refuses() { # REASON
        copies=$((copies + 1))
        expect 3 pg_backup restore --database app --target-database "no$copies" --create
        says "is not signed as BACKUP_VERIFY_KEY wants"
        says "$1"
        expect 3 pg_backup restore --database app --id "$id" --target-database "no$copies" --create
        expect 3 pg_backup verify "app/$id"
        expect 0 pg_backup list
        says "not signed: manifest.json.sig $1"
        [ "$(sql postgres "select count(*) from pg_database where datname like 'no%'")" = 0 ] || fail "it was made"
    }
    with "BACKUP_VERIFY_KEY_FILE=$T/other.pub" BACKUP_SIGN_KEY_FILE= -- refuses "is the signature of another manifest, or by another key"
    sed 's/^{/{ /' "$T/manifest.json" | store_put "app/$id/manifest.json"
    refuses "is the signature of another manifest"
    store_put "app/$id/manifest.json" <"$T/manifest.json"
    store_put "app/$id/manifest.json.sig" </dev/null
    refuses "is the signature of another manifest"
    store_remove "app/$id/manifest.json.sig"
    refuses "is missing"
    expect 0 with BACKUP_VERIFY_KEY_FILE= -- pg_backup restore --database app --target-database copy2 --create
    store_put "app/$id/manifest.json.sig" <"$T/sig"
    expect 0 pg_backup restore --database app --target-database copy3 --create
}
both_stores round_trip

# The newest is passed over when it is forged; data that was exchanged runs no SQL.
forged() {
    make_keys mine
    use_keys mine
    settings+=(BACKUP_FORMAT=plain BACKUP_COMPRESSION=none RETENTION_KEEP_LAST=1)
    create_small_database app 10
    use_database app
    backup_now
    local id
    id=$(newest)
    next_second
    pg_backup check >"$T/out" 2>"$T/err" || true # whatever else it finds
    says "it is signed"
    forge "$id"
    expect 0 pg_backup restore --database app --target-database copy --create
    says "passed over"
    says "$id"
    expect 3 pg_prune now # it would delete the genuine one
    says "a backup is not signed"
    store_get "app/$id/manifest.json" >/dev/null || fail "the genuine backup is gone"
    expect 3 pg_backup check
    says "is not signed"
    expect 0 with PRUNE_ON_UNSIGNED=allow -- pg_prune now --dry-run
    store_remove "app/$forged/manifest.json"
    # SQL of the same size, which psql would run long before the end of the dump.
    store_get "app/$id/app.sql" >"$T/genuine.sql"
    { echo "create database forged;" && cat "$T/genuine.sql"; } | head -c "$(wc -c <"$T/genuine.sql")" |
        store_put "app/$id/app.sql"
    expect 1 pg_backup restore --database app --target-database copy2 --create
    says "does not match the manifest"
    [ "$(sql postgres "select count(*) from pg_database where datname = 'forged'")" = 0 ] || fail "its SQL was run"
}
both_stores forged

# Backups from before count as ever, and go when their time has come.
switched_on() {
    make_keys mine
    create_small_database app 10
    use_database app
    backup_now
    local old
    old=$(newest)
    next_second
    use_keys mine
    expect 0 pg_prune now --retention-keep-last 1
    backup_now
    expect 3 pg_backup restore --database app --id "$old" --target-database copy --create
    expect 0 pg_prune now --retention-keep-last 1
    [ "$(manifests | wc -l)" = 1 ] || fail "$(manifests)"
    [ "$(newest)" != "$old" ] || fail "the newer one was deleted"
}
both_stores switched_on

# The runbook of the documentation: both keys are believed while both have backups.
rotation() {
    make_keys mine next
    use_keys mine
    create_small_database app 10
    use_database app
    backup_now
    local first
    first=$(newest)
    next_second
    cat "$T/mine.pub" "$T/next.pub" >"$T/both.pub"
    settings+=("BACKUP_VERIFY_KEY_FILE=$T/both.pub")
    settings+=("BACKUP_SIGN_KEY_FILE=$T/next.pem")
    backup_now
    expect 0 pg_backup verify
    expect 0 pg_backup restore --database app --id "$first" --target-database copy --create
    expect 0 pg_prune now --retention-keep-last 1
    [ "$(manifests | wc -l)" = 1 ] || fail "$(manifests)"
    settings+=("BACKUP_VERIFY_KEY_FILE=$T/next.pub")
    expect 0 pg_backup restore --database app --target-database copy2 --create
}
both_stores rotation

# Keys that do not do are named before anything is done, and nothing of them is shown.
case_keys() {
    use_dir
    make_keys mine other
    openssl genpkey -algorithm x25519 -out "$T/x.pem"
    use_database app
    refused() { # TEXT SETTING...
        expect 2 with "${@:2}" -- pg_backup now
        says "$1"
        says_not "$(sed -n 2p "$T/mine.pem")"
        expect_nothing_left
    }
    refused "it holds a public key" "BACKUP_SIGN_KEY_FILE=$T/mine.pub"
    refused "another algorithm" "BACKUP_SIGN_KEY_FILE=$T/x.pem"
    refused "BACKUP_SIGN_KEY_FILE" "BACKUP_SIGN_KEY_FILE=$T/none.pem"
    refused "it holds a private key" "BACKUP_VERIFY_KEY_FILE=$T/mine.pem"
    refused "does not hold the public key" "BACKUP_SIGN_KEY_FILE=$T/mine.pem" "BACKUP_VERIFY_KEY_FILE=$T/other.pub"
    chmod 644 "$T/mine.pem"
    create_small_database app 1
    expect 0 with "BACKUP_SIGN_KEY_FILE=$T/mine.pem" -- pg_backup now
    says "can be read by every user"
}

case_wal_is_refused() {
    use_dir
    make_keys mine
    use_database app
    settings+=("BACKUP_VERIFY_KEY_FILE=$T/mine.pub")
    expect 3 pg_backup restore --cluster --target-dir "$T/cluster"
    says "write-ahead logs are not signed"
    expect 203 pg_backup wal-fetch 000000010000000000000001 "$T/segment"
    says "write-ahead logs are not signed"
}

case_by_hand() {
    use_dir
    make_keys backup-sign
    use_keys backup-sign
    create_small_database app 10
    use_database app
    backup_now
    local id block
    id=$(newest)
    block=$(documented_block signing.md 'pkeyutl -verify' |
        sed "s#cd /backups/#cd $folder/#; s#20261120T031500Z-9f3a1c2b#$id#; s#~/#$T/#")
    [ -n "$block" ] || fail "the documentation has no such block"
    bash -euo pipefail -c "$block" >"$T/out" 2>"$T/err" || fail "it failed: $(cat "$T/out" "$T/err")"
    says "Signature Verified Successfully"
    says "app $id"
    says "app.dump.zst: OK"
    sed -i 's/^{/{ /' "$folder/app/$id/manifest.json"
    ! bash -euo pipefail -c "$block" >"$T/out" 2>&1 || fail "a changed manifest passed"
    # The keys of the documentation.
    block=$(documented_block signing.md 'openssl genpkey')
    (cd "$T" && bash -euo pipefail -c "$block") || fail "it failed"
}
