# shellcheck shell=bash
# pg-prune: the policy on real stores, and that nothing else is touched.

# aged_backups NAME DAYS...: a backup of the database and copies of it that are so many days old
aged_backups() {
    local name=$1 days copies=()
    shift
    create_small_database "$name" 10
    use_database "$name"
    backup_now
    for days in "$@"; do
        copies+=("$name/$(date -u -d "$days days ago" +%Y%m%dT%H%M%SZ)-$(printf %08x "${#copies[@]}")")
    done
    store_copy "$name/$(field id "$name")" "${copies[@]}"
}

actions() { jq -r '"\(.action) \(.group) \(.time[0:10])"' "$T/out" | sort; }
day() { date -u -d "$1 days ago" +%F; }

age_limit() {
    aged_backups app 1 5 29 31 40
    settings+=(S3_BACKUP_MAX_AGE=30d)
    store_list >"$T/before"
    expect 0 pg_prune now --dry-run
    store_list | cmp - "$T/before" || fail "a dry run changed the store"
    says "$(day 40 | tr -d -)"
    expect 0 pg_prune now --dry-run --json
    [ "$(actions)" = "$(printf '%s\n' "keep app $(day 0)" "keep app $(day 1)" "keep app $(day 29)" "keep app $(day 5)" \
        "remove app $(day 31)" "remove app $(day 40)" | sort)" ] || fail "$(actions)"
    jq -e '(.reasons | length > 0) and .id and .key' "$T/out" >/dev/null || fail "$(cat "$T/out")"
    store_list | cmp - "$T/before" || fail "a dry run changed the store"
    expect 0 pg_prune now
    [ "$(manifests | wc -l)" = 4 ] || fail "$(manifests)"
    ! store_list | grep -E "$(day 31 | tr -d -)|$(day 40 | tr -d -)" || fail "objects are left"
    expect_complete
    # In seconds; and again: nothing to do.
    settings+=(S3_BACKUP_MAX_AGE=$((4 * 86400)))
    expect 0 pg_prune now
    [ "$(manifests | wc -l)" = 2 ] || fail "$(manifests)"
    expect 0 pg_prune now --json
    [ "$(actions | cut -d' ' -f1 | sort -u)" = keep ] || fail "$(actions)"
    # What is left can be restored.
    create_database copy
    expect 0 pg_backup restore --database app --target-database copy
}
both_stores age_limit

# The newest complete ones stay, however old, in each group for itself.
min_backups() {
    aged_backups app 100 200 300
    aged_backups other 100 200
    store_remove "app/$(field id app | sort | tail -n 1)/manifest.json"
    store_remove "other/$(field id other | sort | tail -n 1)/manifest.json"
    settings+=(S3_BACKUP_MAX_AGE=30d RETENTION_MIN_BACKUPS=2)
    expect 0 pg_prune now
    [ "$(manifests | wc -l)" = 4 ] || fail "$(manifests)"
    settings+=(RETENTION_MIN_BACKUPS=1)
    expect 0 pg_prune now
    local left
    left=$(manifests | cut -dT -f1 | sort | tr '\n' ' ')
    [ "$left" = "app/$(day 100 | tr -d -) other/$(day 100 | tr -d -) " ] || fail "left: $left"
    expect_complete
}
both_stores min_backups

no_policy() {
    create_small_database app 10
    use_database app
    backup_now
    expect 2 pg_prune now
    says S3_BACKUP_MAX_AGE
    expect 2 pg_prune now --dry-run
    expect 2 pg_prune serve
    settings+=(RETENTION_MIN_BACKUPS=5) # a floor alone is no policy
    expect 2 pg_prune now
    expect_complete
}
both_stores no_policy

over_one_thousand_keys() {
    create_small_database app 10
    use_database app
    backup_now
    local i ids=()
    for i in {1..700}; do ids+=("app/$(printf '2024%02d%02dT%02d0000Z-%08x' $((1 + i / 280)) $((1 + i / 24 % 28)) $((i % 24)) "$i")"); done
    store_copy "app/$(field id)" "${ids[@]}"
    [ "$(store_objects | wc -l)" -gt 1400 ]
    settings+=(S3_BACKUP_MAX_AGE=30d RETENTION_MIN_BACKUPS=3)
    expect 3 pg_prune now
    says "698 of 700 backups older than 2d would be deleted, more than PRUNE_MAX_REMOVE=50%"
    settings+=(PRUNE_MAX_REMOVE=100%)
    expect 0 pg_backup list --json
    [ "$(wc -l <"$T/out")" = 701 ] || fail "$(wc -l <"$T/out") backups are listed"
    expect 0 pg_prune now --json
    says_not "one by one" # in batches
    [ "$(jq -r .action "$T/out" | sort | uniq -c | tr -s ' ' | tr '\n' ';')" = " 3 keep; 698 remove;" ] || fail "$(actions | uniq -c)"
    [ "$(manifests | wc -l)" = 3 ] || fail "$(manifests | wc -l) manifests"
    [ "$(store_objects | wc -l)" = 6 ] || fail "$(store_objects)"
    expect_complete
}
both_stores over_one_thousand_keys

# One bucket, prefixes that begin alike: each is a folder of its own.
case_two_prefixes() {
    use_s3
    local base=$prefix prefix
    for prefix in "$base/backup" "$base/backup2" "$base/backup/deeper" "$base"; do
        settings+=("S3_PREFIX=$prefix")
        aged_backups app 50 60
        drop_database app
    done
    prefix=$base
    store_list >"$T/before"
    prefix=$base/backup
    settings+=("S3_PREFIX=$prefix" S3_BACKUP_MAX_AGE=30d)
    [ "$(field id | wc -l)" = 3 ] || fail "$(field id)"
    expect 0 pg_prune now
    prefix=$base
    comm -3 <(store_list | sort) <(sort "$T/before") >"$T/changes"
    [ "$(sed 's#^[^ ]* *[0-9]* *##; s#/[^/]*$##; s#[0-9]*T.*##' "$T/changes" | sort -u)" = backup/app/ ] || fail "$(cat "$T/changes")"
    # With and without a slash at the end it is the same folder.
    prefix=$base/backup2
    settings+=("S3_PREFIX=$prefix/")
    expect 0 pg_prune now
    [ "$(manifests | wc -l)" = 1 ] || fail "$(manifests)"
}

foreign_objects() {
    create_small_database app 10
    use_database app
    local key
    for key in notes.txt manifest.json app/readme.md app/manifest.json app/20240101T000000Z-0000000g/manifest.json \
        app/20240101T000000Z-00000001/manifest.json.bak app/20240101-00000001/app.dump.zst \
        app/20240101T000000Z-00000002/other.dump.zst app/20240101T000000Z-00000003/sub/manifest.json \
        app/20241301T000000Z-00000004/manifest.json app/backup-2021-01-06T22:06:31.106555.dump \
        x/app/20240101T000000Z-00000005/manifest.json '=4/20240101T000000Z-00000006/manifest.json' \
        '=61pp/20240101T000000Z-00000007/manifest.json' _other/20240101T000000Z-00000008/manifest.json; do
        echo foreign | store_put "$key"
    done
    [ "$store" = dir ] || s3 start-upload "$prefix/notes2.txt"
    store_list >"$T/before"
    backup_now
    local aged_copy=app/20240101T000000Z-00000009
    store_copy "app/$(field id)" "$aged_copy"
    expect 0 pg_backup list --json
    [ "$(wc -l <"$T/out")" = 2 ] || fail "$(cat "$T/out")"
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 0 pg_prune now
    ! store_list | grep "$aged_copy" || fail "the aged backup is still there"
    store_list | sort | comm -13 - <(sort "$T/before") >"$T/missing"
    [ ! -s "$T/missing" ] || fail "foreign objects are gone: $(cat "$T/missing")"
    [ "$store" = dir ] || [ -n "$(uploads)" ] || fail "a young upload was swept"
}
both_stores foreign_objects

# Folders without manifest go after SWEEP_AFTER by the store's clock, not by the time in their name.
sweep() {
    create_small_database app 10
    use_database app
    backup_now
    store_copy "app/$(field id)" app/20240101T000000Z-00000001
    store_remove app/20240101T000000Z-00000001/manifest.json
    [ "$store" = dir ] || s3 start-upload "$prefix/app/20240101T000000Z-00000002/app.dump.zst"
    store_list >"$T/before"
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 0 pg_prune now
    store_list | cmp - "$T/before" || fail "a folder was swept that is new by the store's clock"
    [ "$store" = dir ] || [ -n "$(uploads)" ] || fail "a young upload was swept"
    settings+=(SWEEP_AFTER=1h)
    expect 0 pg_prune now
    store_list | cmp - "$T/before" || fail "a folder was swept that is younger than SWEEP_AFTER"
    use_later
    expect 0 later pg_prune now --dry-run --json
    store_list | cmp - "$T/before" || fail "a dry run changed the store"
    swept() {
        expect 0 later pg_prune now
        ! grep -q 20240101T <<<"$(store_list)" && [ -z "$(uploads)" ]
    }
    wait_until 10 swept
    [ "$(manifests | wc -l)" = 1 ] || fail "$(manifests)"
    expect_complete
}
both_stores sweep

case_store_unreachable() {
    use_s3
    settings+=(S3_BACKUP_MAX_AGE=30d S3_ENDPOINT=http://127.0.0.1:1 S3_RETRY_TIME=1s)
    expect 1 pg_prune now
    says 127.0.0.1:1
}

case_empty_store() {
    use_s3
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 0 pg_prune now
    expect 0 pg_prune now --json
    [ ! -s "$T/out" ] || fail "$(cat "$T/out")"
}

manifests_are() { [ "$(manifests | wc -l)" = "$1" ]; }

case_serve() {
    use_dir
    aged_backups app 31 40
    settings+=(S3_BACKUP_MAX_AGE=30d PRUNE_INTERVAL=1h)
    start_program pg-prune serve
    wait_until 20 manifests_are 1
    store_copy "app/$(field id)" app/20240101T000000Z-00000001
    kill -USR1 "$pid"
    wait_until 20 manifests_are 1
    kill -TERM "$pid"
    expect_end 0 10
}
