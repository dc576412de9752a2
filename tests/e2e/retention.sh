# shellcheck shell=bash
# pg-prune: every rule under every name, guards that freeze, holds, and backups of older systems, on real stores.

# backups_at NAME STAMP...: copies of the newest backup under these stamps, such as "3 days ago"
backups_at() {
    local name=$1 stamp copies=()
    shift
    for stamp in "$@"; do
        copies+=("$name/$(date -u -d "$stamp" +%Y%m%dT%H%M%SZ)-$(printf %08x "$((RANDOM * 32768 + ${#copies[@]}))")")
    done
    store_copy "$name/$(field id "$name" | tail -n 1)" "${copies[@]}"
}

one_backup() { # NAME
    create_small_database "$1" 10
    use_database "$1"
    backup_now
}

# group_has GROUP COUNT complete backups of ours
group_has() {
    local count
    count=$(manifests | grep -c "^$1/" || true)
    [ "$count" = "$2" ] || fail "$1 has $count backups, not $2: $(manifests)"
}

unchanged() { store_list | cmp - "$T/before" || fail "the store has changed"; }

hours_ago() {
    local i
    for ((i = $1; i <= $2; ++i)); do echo "$i hours ago"; done
}

# The variables of the fifth older system, as its documentation has them.
buckets() {
    one_backup app
    mapfile -t stamps < <(hours_ago 1 60)
    backups_at app "${stamps[@]}"
    settings+=(RETENTION_KEEP_LAST=3 RETENTION_KEEP_HOURLY=24 RETENTION_KEEP_DAILY=7 RETENTION_KEEP_WEEKLY=4
        RETENTION_KEEP_MONTHLY=6 RETENTION_KEEP_YEARLY=2 RETENTION_MIN_BACKUPS=1 PRUNE_MAX_REMOVE=100%)
    store_list >"$T/before"
    settings+=(RETENTION_DRY_RUN=true)
    expect 0 pg_prune now
    says "dry run: nothing was deleted"
    unchanged
    settings+=(RETENTION_DRY_RUN=false)
    expect 0 pg_prune plan
    unchanged
    says "RETENTION_KEEP_WEEKLY    4"
    says "S3_BACKUP_MAX_AGE        off"
    says "SWEEP_AFTER              7d"
    says "newest of its day"
    says "no rule keeps it"
    expect 0 pg_prune plan --json
    cp "$T/out" "$T/plan"
    expect 0 pg_prune now --json
    cmp "$T/plan" "$T/out" || fail "the plan said something else"
    # 24 hours, and the newest of the one or two days before these.
    local kept
    kept=$(jq -r 'select(.action == "keep") | .id' "$T/out" | wc -l)
    if [ "$kept" -lt 25 ] || [ "$kept" -gt 28 ]; then fail "$kept are kept"; fi
    group_has app "$kept"
    expect_complete
    expect 0 pg_prune now --json
    [ "$(jq -r .action "$T/out" | sort -u)" = keep ] || fail "a second run removes more"
}
both_stores buckets

# What other names the rules have; with different values they contradict each other.
case_aliases() {
    use_dir
    one_backup app
    backups_at app "1 day ago" "2 days ago" "3 days ago" "4 days ago"
    local name
    for name in RETENTION_KEEP_LAST DB_BACKUP_MAX_N BACKUPS_TO_RETAIN; do
        settings+=("$name=3")
        expect 0 pg_prune now --dry-run --json
        [ "$(jq -r .action "$T/out" | grep -c remove)" = 2 ] || fail "$name: $(cat "$T/out")"
    done
    settings+=(BACKUPS_TO_RETAIN=4)
    expect 2 pg_prune now
    says "and BACKUPS_TO_RETAIN are two names for one setting and differ"
    settings+=(RETENTION_KEEP_LAST= DB_BACKUP_MAX_N= BACKUPS_TO_RETAIN=0)
    expect 2 pg_prune now
    says BACKUPS_TO_RETAIN
    settings+=(BACKUPS_TO_RETAIN= BACKUP_KEEP_DAYS=2 BACKUP_KEEP_MIN_COUNT=4)
    expect 0 pg_prune now --dry-run --json
    [ "$(jq -r .action "$T/out" | grep -c remove)" = 1 ] || fail "$(cat "$T/out")"
    settings+=(S3_BACKUP_MAX_AGE=2d)
    expect 0 pg_prune now --dry-run
    settings+=(S3_BACKUP_MAX_AGE=3d)
    expect 2 pg_prune now
    says "S3_BACKUP_MAX_AGE and BACKUP_KEEP_DAYS are two names for one setting and differ"
    settings+=(S3_BACKUP_MAX_AGE= RETENTION_KEEP_DAILY=3)
    expect 0 pg_prune now --dry-run
    settings+=(BACKUP_KEEP_DAYS= S3_BACKUP_MAX_AGE=2d)
    expect 0 pg_prune now --dry-run
    says "none is an upper limit"
    local value
    for value in -1 1.5 3x 99999999999999999999 '' 0; do
        settings+=(S3_BACKUP_MAX_AGE= BACKUP_KEEP_MIN_COUNT= "RETENTION_KEEP_DAILY=$value")
        expect 2 pg_prune now
    done
    group_has app 5
}

# Nothing new for days: the old ones are what is left, and stay. Other databases are pruned as ever.
stalled() {
    one_backup app
    backups_at app "10 days ago" "11 days ago" "12 days ago" "13 days ago"
    store_remove "app/$(field id app | tail -n 1)/manifest.json"
    one_backup web
    backups_at web "10 days ago" "11 days ago"
    settings+=(S3_BACKUP_MAX_AGE=5d)
    store_list >"$T/before"
    expect 3 pg_prune plan
    says "frozen: backups have stalled"
    unchanged
    expect 3 pg_prune now
    says "backups have stalled"
    group_has app 4
    group_has web 1
    expect 3 pg_prune now --json
    [ "$(jq -r 'select(.group == "app") | .reasons[0]' "$T/out" | sort | uniq -c | tr -s ' ')" = " 3 frozen
 1 needed for RETENTION_MIN_BACKUPS=1" ] || fail "$(cat "$T/out")"
    settings+=(PRUNE_WHEN_STALLED=allow)
    expect 0 pg_prune now
    group_has app 1
    settings+=(PRUNE_WHEN_STALLED=perhaps)
    expect 2 pg_prune now
}
both_stores stalled

case_other_guards() {
    use_dir
    one_backup app
    backups_at app "1 day ago" "2 days ago" "3 days ago" "40 days ago" "41 days ago"
    settings+=(S3_BACKUP_MAX_AGE=30d)
    local newest manifest
    newest=$(field id app | tail -n 1)
    manifest=$folder/app/$newest/manifest.json
    cp "$manifest" "$T/good"
    # A newest backup that lacks most of what was there.
    jq '.streams[0].uncompressed_bytes = 10' "$T/good" >"$manifest"
    expect 3 pg_prune now
    says "is suspect"
    jq '.dump.tables = 0' "$T/good" >"$manifest"
    expect 3 pg_prune now
    says "in 0 tables"
    settings+=(PRUNE_ON_SUSPECT=allow)
    expect 0 pg_prune now --dry-run
    settings+=(PRUNE_ON_SUSPECT=freeze)
    cp "$T/good" "$manifest"
    # A manifest that cannot be read.
    head -c 100 "$T/good" >"$manifest"
    expect 3 pg_prune now
    says "a manifest cannot be read"
    says "$newest"
    cp "$T/good" "$manifest"
    # Two servers in turn.
    local other
    other=$folder/app/$(field id app | sed -n 4p)/manifest.json
    cp "$other" "$T/other"
    jq '.system_identifier = "1"' "$T/other" >"$other"
    expect 3 pg_prune now
    says "take turns in $folder/app"
    cp "$T/other" "$other"
    settings+=(PRUNE_MAX_REMOVE=1)
    expect 3 pg_prune now
    says "2 of 6 backups would be deleted, more than PRUNE_MAX_REMOVE=1"
    settings+=(PRUNE_MAX_REMOVE=101%)
    expect 2 pg_prune now
    group_has app 6
    settings+=(PRUNE_MAX_REMOVE=50%)
    expect 0 pg_prune now
    group_has app 4
}

holds() {
    one_backup app
    backups_at app "40 days ago" "41 days ago"
    local id
    id=$(field id app | head -n 1)
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 0 pg_backup hold "app/$id"
    expect 0 pg_backup hold "app/$id"
    says "held already"
    expect 0 pg_prune now
    group_has app 2
    expect 0 pg_prune now --json
    [ "$(jq -r --arg id "$id" 'select(.id == $id) | .reasons[]' "$T/out")" = "held until it is released" ] ||
        fail "$(cat "$T/out")"
    expect 1 pg_backup hold app/20200101T000000Z-00000000
    says "there is no complete backup 'app/20200101T000000Z-00000000'"
    expect 0 pg_backup hold "${id:0:22}" # its beginning names no other backup
    says "held already"
    expect 2 pg_backup hold
    expect 2 pg_prune release app
    expect 1 pg_prune release "app/$(field id app | tail -n 1)"
    says "is not held"
    expect 0 pg_prune release "app/$id"
    expect 0 pg_prune now
    group_has app 1
    expect_complete
}
both_stores holds

# base_backup_at STAMP SEGMENT: a base backup of the server 7 that needs that segment of WAL, and no other
base_backup_at() {
    local id path
    id=$(date -u -d "$1" +%Y%m%dT%H%M%SZ)-00000000
    path=$folder/_cluster/$id
    mkdir -p "$path"
    printf data >"$path/base.tar"
    jq -n --arg id "$id" --arg time "$(date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ)" --arg sum "$(printf %064d 0)" \
        --arg start "0/${2}000028" --arg until "0/${2}000100" '
        {format: 2, group: "_cluster", kind: "cluster", id: $id, started: $time, finished: $time, tool: "pg-backup",
         server_version: 150018, system_identifier: "7", groups: ["_cluster"],
         streams: [{name: "base", format: "tar", compression: "none", uncompressed_bytes: 4,
                    objects: [{name: "base.tar", bytes: 4, sha256: $sum}]}],
         cluster: {start: $start, end: $until, timeline: 1, segment_bytes: 16777216, from_standby: false},
         private: {warnings: [], uncompressed_sha256: {base: $sum}, tablespaces: []}}' >"$path/manifest.json"
    touch -d "$1" "$path"/*
}

# WAL goes with the base backups that need it, and only then.
case_base_backups() {
    use_dir
    local wal=$folder/_cluster/wal/7/00000001 i
    mkdir -p "$wal"
    for i in {1..9}; do
        printf wal >"$wal/00000001000000000000000$i"
        touch -d "$((10 - i)) days ago" "$wal/00000001000000000000000$i"
    done
    base_backup_at "9 days ago" 1
    base_backup_at "6 days ago" 4
    base_backup_at "2 days ago" 8
    settings+=(BACKUPS_TO_RETAIN=2)
    store_list >"$T/before"
    expect 0 pg_prune plan
    says "write-ahead log of the server 7"
    says "can be restored"
    expect 0 pg_prune plan --json
    [ "$(jq -c 'select(.kind == "wal") | [.server, .keep.objects, .remove.objects, .windows[0].end]' "$T/out")" = \
        '["7",6,3,"0/A000000"]' ] || fail "$(cat "$T/out")"
    unchanged
    expect 0 pg_prune now
    says "deleted 1 backup and 3 objects of write-ahead logs"
    group_has _cluster 2
    # A base backup without its own WAL is damaged: nothing goes.
    rm "$wal/000000010000000000000008"
    settings+=(BACKUPS_TO_RETAIN=1)
    store_list >"$T/before"
    expect 3 pg_prune now
    says "segment 000000010000000000000008 of its write-ahead log is missing or incomplete"
    unchanged
    printf wal >"$wal/000000010000000000000008"
    expect 0 pg_prune now
    [ "$(find "$wal" -type f | sort | head -n 1)" = "$wal/000000010000000000000008" ] || fail "$(store_list)"
}

# Files as the older systems left them, and what only looks like one.
old_files() {
    local key
    for key in backup-2021-01-06T22:06:31.106555.dump backup-2021-01-07T22:06:31.dump \
        app-2021-11-01T20:51:55-1a2b3c4d.pg-dump app-1a2b3c4d-2021-11-02T20:51:55.pg-dump \
        app-1a2b3c4d-2021-11-03:20:51:55.pg-dump app-2-2021-11-01T20:51:55-1a2b3c4d.pg-dump \
        app/app_20240115T120000Z.dump app/app_20240115T120000Z.dump.sha256 app/app_20240116T120000Z.sql.gz \
        2024/01/15/app_120000.sql.gz 2024/01/16/app2_120000.sql.gz; do
        echo old | store_put "$key"
    done
}
foreign_files() {
    local key
    for key in backup-2021-13-06T22:06:31.dump backup-2021-01-06.dump backup.dump sub/backup-2021-01-06T22:06:31.dump \
        app-2021-11-01T20:51:55.pg-dump app-2021-11-01T20:51:55-xyz.pg-dump old/app-2021-11-01T20:51:55-1a2b3c4d.pg-dump \
        app/web_20240115T120000Z.dump app/app_20240115T120000Z.dump.md5 app/app_20240115T120000.dump \
        app/notes.sql.gz 2024/02/30/app_120000.sql.gz 2024/1/15/app_120000.sql.gz 2024/01/15/app_250000.sql.gz \
        2024/01/15/app.sql.gz; do
        echo foreign | store_put "$key"
    done
}

adoption() {
    old_files
    foreign_files
    store_list >"$T/before"
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 0 pg_prune now
    says "set ADOPT_LAYOUTS to adopt them"
    unchanged
    # Each group by itself: the newest stays while there is none of ours.
    settings+=(ADOPT_LAYOUTS=all PRUNE_WHEN_STALLED=allow)
    expect 0 pg_prune now --dry-run
    unchanged
    expect 0 pg_prune now
    comm -13 <(store_list | sort) <(sort "$T/before") | cut -d' ' -f2 >"$T/gone"
    printf '%s\n' app-1a2b3c4d-2021-11-02T20:51:55.pg-dump app-1a2b3c4d-2021-11-03:20:51:55.pg-dump \
        app-2021-11-01T20:51:55-1a2b3c4d.pg-dump app/app_20240115T120000Z.dump app/app_20240115T120000Z.dump.sha256 \
        backup-2021-01-06T22:06:31.106555.dump 2024/01/15/app_120000.sql.gz | sort >"$T/wanted"
    sort "$T/gone" | cmp - "$T/wanted" || fail "gone: $(cat "$T/gone")"
    # With a backup of ours the last old one no longer counts for the floor.
    one_backup app
    expect 0 pg_prune now
    ! store_list | grep app_20240116T120000Z || fail "the old backup is still there"
    group_has app 1
    settings+=(ADOPT_DATABASE=app)
    expect 0 pg_prune now
    ! store_list | grep backup-2021-01-07 || fail "the old backup of app is still there"
    [ "$(store_list | grep -c 'app-2-2021\|app2_120000')" = 2 ] || fail "the last backups of others are gone"
    settings+=("ADOPT_LAYOUTS=db-folder,nonsense")
    expect 2 pg_prune now
    says "nonsense"
    expect_complete
}
both_stores adoption

# Killed anywhere, the next run finishes.
killed_adoption() {
    one_backup app
    local i keys
    mapfile -t keys < <(for i in {1..80}; do printf 'app/app_202401%02dT1200%02dZ.dump\n' $((1 + i % 28)) $((i % 60)); done)
    echo old | store_put "${keys[@]}"
    echo sum | store_put "${keys[@]/%/.sha256}"
    settings+=(S3_BACKUP_MAX_AGE=30d ADOPT_LAYOUTS=all PRUNE_MAX_REMOVE=100%)
    for i in 1 2 3; do
        start_program pg-prune now
        sleep "0.0$((i * 2))"
        kill -KILL "$pid" 2>/dev/null || true
        wait_until 10 is_gone "$pid"
    done
    finished() { expect 0 pg_prune now && ! grep -q app_2024 <<<"$(store_list)"; }
    wait_until 10 finished
    group_has app 1
    expect_complete
}
both_stores killed_adoption
