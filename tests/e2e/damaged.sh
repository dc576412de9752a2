# shellcheck shell=bash
# Backups that have lost their data, and backups dated by a clock that was wrong: neither is the latest, and what is
# good is not removed because of them.

# Three backups of app; the table says of which each is.
three_backups() {
    local i
    create_database app
    sql app "create table which (n int)"
    use_database app
    for i in 1 2 3; do
        sql app "delete from which; insert into which values ($i)"
        backup_now
        next_second
    done
}

newest() { field id app | sort | tail -n 1; }

# latest_is N: what `restore` takes by itself
latest_is() {
    drop_database copy
    expect 0 pg_backup restore --database app --target-database copy --create
    [ "$(sql copy "select n from which")" = "$1" ] || fail "it restored $(sql copy "select n from which"), not $1"
}

damage() { # HOW KEY
    case $1 in
        missing) store_remove "$2" ;;
        cut) store_get "$2" >"$T/whole" && head -c 100 "$T/whole" | store_put "$2" ;;
        empty) store_put "$2" </dev/null ;;
    esac
}

lost_data() {
    local how id
    three_backups
    settings+=(RETENTION_KEEP_LAST=1)
    for how in missing cut empty; do
        backup_now
        next_second
        id=$(newest)
        damage "$how" "app/$id/app.dump.zst"
        expect 0 pg_backup list
        grep -F "$id" "$T/out" | grep -F damaged >"$T/line" || fail "$how: $(cat "$T/out")"
        [ "$(pg_backup list --json | jq -r 'select(.damaged) | .id')" = "$id" ] || fail "$how: $(pg_backup list --json)"
        store_list >"$T/before"
        expect 3 pg_prune now
        says "a backup is damaged"
        says "app/$id"
        store_list | cmp - "$T/before" || fail "$how: something was removed"
        latest_is 3
        says "passed over"
        drop_database copy
        expect 1 pg_backup restore --database app --id "$id" --target-database copy --create
        says "is damaged"
        [ "$(sql postgres "select count(*) from pg_database where datname = 'copy'")" = 0 ] || fail "copy was made"
        # As docs/retention.md says: what is lost is removed by hand.
        case $store in
            s3) s3 rm "$prefix/app/$id/" ;;
            dir) rm -r "$folder/app/$id" ;;
        esac
    done
    expect 0 pg_prune now
    [ "$(manifests | wc -l)" = 1 ] || fail "$(manifests)"
    expect_complete
    latest_is 3
}
both_stores lost_data

# The daemon makes a backup in place of one that is damaged, and none in place of one that is whole.
damaged_newest() {
    create_small_database app 10
    use_database app
    settings+=(BACKUP_INTERVAL=1d)
    backup_now
    start_program pg-backup serve
    wait_until 20 grep -qF "next backup" "$T/daemon.log"
    kill -TERM "$pid"
    expect_end 0 10
    [ "$(manifests | wc -l)" = 1 ] || fail "$(manifests)"
    damage cut "app/$(newest)/app.dump.zst"
    next_second
    start_program pg-backup serve
    wait_until 20 grep -qF "next backup" "$T/daemon.log"
    kill -TERM "$pid"
    expect_end 0 10
    [ "$(manifests | wc -l)" = 2 ] || fail "$(manifests)"
    grep -qF "does not count, as it is damaged" "$T/daemon.log" || fail "$(cat "$T/daemon.log")"
}
both_stores damaged_newest

# An old backup under the name of a new one is refused, by both programs.
passed_off() {
    three_backups
    local ids
    mapfile -t ids < <(field id app | sort)
    store_get "app/${ids[0]}/manifest.json" >"$T/old"
    store_get "app/${ids[0]}/app.dump.zst" >"$T/data"
    store_put "app/${ids[2]}/manifest.json" <"$T/old"
    store_put "app/${ids[2]}/app.dump.zst" <"$T/data"
    expect 0 pg_backup list
    says "it is the manifest of app ${ids[0]}, not of app ${ids[2]}"
    latest_is 2
    settings+=(RETENTION_KEEP_LAST=1)
    expect 3 pg_prune now
    [ "$(manifests | wc -l)" = 3 ] || fail "$(manifests)"
}
both_stores passed_off

ago() { date -u -d "$1 days ago" +%Y%m%dT120000Z-00000000; }

# forge OLD_ID NEW_ID: the backup again under another id, with an end that goes with it, and stored now
forge() {
    local end
    end=$(date -u -d "$(sed -E 's/^(....)(..)(..)T(..)(..)(..)Z.*/\1-\2-\3 \4:\5:\6Z/' <<<"$2")" +%Y-%m-%dT%H:%M:%SZ)
    store_get "app/$1/manifest.json" |
        jq --arg id "$2" --arg time "$end" '.id = $id | .started = $time | .finished = $time' >"$T/manifest"
    store_get "app/$1/app.dump.zst" | store_put "app/$2/app.dump.zst"
    store_put "app/$2/manifest.json" <"$T/manifest"
}

# Whoever may write and nothing else puts backups of old dates there, which would take the places of the genuine ones.
case_backdated() {
    local id days
    use_dir # a bucket cannot be told when something was stored
    three_backups
    id=$(newest)
    for days in 1 2 3 4 5 6; do
        store_copy "app/$id" "app/$(ago "$days")"
        touch -d "$days days ago" "$folder/app/$(ago "$days")/manifest.json"
    done
    settings+=(RETENTION_KEEP_DAILY=7)
    expect 0 pg_prune now
    [ "$(manifests | wc -l)" = 7 ] || fail "$(manifests)"
    for days in 2 3 4 5 6; do forge "$id" "$(ago "$days" | sed s/0$/f/)"; done
    expect 3 pg_prune now
    says "5 backups are backdated"
    says "PRUNE_ON_BACKDATED=allow"
    [ "$(manifests | wc -l)" = 12 ] || fail "something was removed: $(manifests)"
    expect 0 pg_backup list
    [ "$(grep -c "backdated: it was stored" "$T/out")" = 5 ] || fail "$(cat "$T/out")"
    latest_is 3
    settings+=(PRUNE_ON_BACKDATED=allow)
    expect 0 pg_prune now
}

# A store that was copied as a whole has all of them late; then it goes on.
copied_store() {
    local id days
    create_small_database app 10
    use_database app
    backup_now
    id=$(newest)
    for days in 3 4 5 6 7 8 9; do forge "$id" "$(ago "$days")"; done
    store_remove "app/$id/manifest.json"
    store_remove "app/$id/app.dump.zst"
    next_second
    backup_now
    settings+=(RETENTION_KEEP_LAST=3)
    expect 0 pg_prune now
    says_not backdated
    [ "$(manifests | wc -l)" = 3 ] || fail "$(manifests)"
}
both_stores copied_store

# What a later version writes into a folder of ours goes with it.
unknown_files() {
    three_backups
    local id
    id=$(field id app | sort | head -n 1)
    echo new | store_put "app/$id/"{verified,app.dump.zst.10000,backup_manifest,.note}
    echo deeper | store_put "app/$id/sub/deeper"
    settings+=(RETENTION_KEEP_LAST=2)
    expect 0 pg_prune now
    [ "$(store_list | grep -F "$id" | cut -d' ' -f2)" = "app/$id/sub/deeper" ] || fail "$(store_list)"
    [ "$(manifests | wc -l)" = 2 ] || fail "$(manifests)"
}
both_stores unknown_files

# at TIME COMMAND...: with a machine's clock that says so
at() {
    local library
    library=$(compgen -G '/usr/lib/*/faketime/libfaketime.so.1') || fail "needs the package libfaketime"
    ! grep -q __asan_init <<<"$(nm -D "$BIN/pg-backup")" || skip "ASan and this library do not go together"
    with "LD_PRELOAD=$library" "FAKETIME=@$1" DONT_FAKE_MONOTONIC=1 -- "${@:2}"
}

# A directory has no other clock than the machine's: what it dated wrongly once is never the latest.
case_clock_was_ahead() {
    use_dir
    three_backups
    sql app "update which set n = 2031"
    expect 0 at "2031-01-02 00:00:10" pg_backup now
    local future
    future=$(newest)
    [[ $future = 2031* ]] || fail "$future"
    expect 0 pg_backup list
    grep -F "$future" "$T/out" | grep -F "dated in the future" >"$T/line" || fail "$(cat "$T/out")"
    [ "$(pg_backup list --json | jq -r 'select(.future) | .id')" = "$future" ] || fail "$(pg_backup list --json)"
    latest_is 3
    says "$future is dated in the future"
    drop_database copy
    expect 0 pg_backup restore --database app --id "$future" --target-database copy --create
    [ "$(sql copy "select n from which")" = 2031 ] || fail "the id was not restored"
    sql app "update which set n = 4"
    backup_now
    [ "$(readlink "$folder/app/latest")" = "$(field id app | sort | grep -v 2031 | tail -n 1)" ] ||
        fail "the link names $(readlink "$folder/app/latest")"
    latest_is 4
    # Starts of the daemon make no heap of backups.
    settings+=(BACKUP_INTERVAL=1d)
    local before i
    before=$(manifests)
    for i in 1 2; do
        start_program pg-backup serve
        wait_until 20 grep -qF "next backup" "$T/daemon.log"
        kill -TERM "$pid"
        expect_end 0 10
    done
    [ "$(manifests)" = "$before" ] || fail "$(manifests)"
}

# A bucket's server tells the time: however wrong the machine's clock is, backups are dated right.
case_clock_of_the_bucket() {
    use_s3
    three_backups
    local time id
    settings+=(BACKUP_INTERVAL=1d)
    for time in "2023-01-01 00:00:10" "2031-01-01 00:00:10"; do
        next_second
        expect 0 at "$time" pg_backup now
        says "the clock of this machine is wrong"
        id=$(newest)
        [ "${id:0:8}" = "$(date -u +%Y%m%d)" ] || fail "$time: $id"
        store_get "app/$id/manifest.json" >"$T/manifest"
        [ "$(jq -r '.started[0:10], .finished[0:10]' "$T/manifest" | sort -u)" = "$(date -u +%F)" ] || fail "$(cat "$T/manifest")"
        [ "$(jq -r '.next_due[0:10]' "$T/manifest")" = "$(date -u -d '1 day' +%F)" ] || fail "$(cat "$T/manifest")"
        [ "$(field future)" = "$(printf 'null\n%.0s' $(seq "$(manifests | wc -l)"))" ] || fail "$(field future)"
    done
    # A daemon whose clock is wrong knows that the newest backup is young.
    settings+=("LD_PRELOAD=$(compgen -G '/usr/lib/*/faketime/libfaketime.so.1')" "FAKETIME=@2031-01-01 00:00:10"
        DONT_FAKE_MONOTONIC=1)
    start_program pg-backup serve
    wait_until 30 grep -qE "next backup|backed up" "$T/daemon.log"
    ! grep -F "backed up" "$T/daemon.log" || fail "it made another one"
    kill -TERM "$pid"
    expect_end 0 10
}
