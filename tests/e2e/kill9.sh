# shellcheck shell=bash
# kill -9 at many points. What is left is judged on the bare store; then the next run succeeds and the
# pruner cleans up.

seconds_of() { # COMMAND...: how long it takes
    local began
    began=$(date +%s%N)
    "$@" >"$T/out" 2>"$T/err" || return
    awk -v from="$began" -v to="$(date +%s%N)" 'BEGIN { print (to - from) / 1e9 }'
}

# The I-th of N points in time spread over SECONDS, each at random in its part.
moment() { # I N SECONDS
    awk -v i="$1" -v n="$2" -v s="$3" -v r="$RANDOM" 'BEGIN { print s * (i + r / 32768) / n }'
}

kill_after() { # SECONDS COMMAND...
    local after=$1 victim
    shift
    become "$@" >"$T/out" 2>"$T/err" </dev/null &
    victim=$!
    sleep "$after"
    kill -KILL "$victim" 2>/dev/null || true
    wait "$victim" 2>/dev/null || true
}

no_dump_session() { [ "$(sql postgres "select count(*) from pg_stat_activity where datname = 'app'")" = 0 ]; }

folders_without_manifest() {
    local found
    found=$(store_list)
    cut -d' ' -f2- <<<"$found" | sed -n 's#^\([^/]*/[^/]*\)/.*#\1#p' | sort -u |
        grep -vxFf <(sed -n 's#^[0-9]* \(.*\)/manifest\.json$#\1#p' <<<"$found"; echo /)
}

swept() {
    expect 0 later pg_prune now
    ! folders_without_manifest && [ -z "$(uploads)" ] && ! store_list | grep -F /.tmp-
}

killed_backups() {
    create_large_database app 48
    use_database app
    local whole i points=${KILL_POINTS:-10} before
    backup_now
    whole=$(seconds_of pg_backup now)
    before=$(manifests | wc -l)
    for i in $(seq 0 $((points - 1))); do
        kill_after "$(moment "$i" "$points" "$whole")" "$BIN/pg-backup" now
        expect_complete
        expect 0 pg_backup list
    done
    wait_until 10 no_dump_session # pg_dump ends when nobody reads
    echo "$(manifests | wc -l) of $((before + points)) backups are complete; unfinished:"
    folders_without_manifest || true
    uploads
    backup_now
    expect_complete
    before=$(manifests)
    settings+=(SWEEP_AFTER=1h S3_BACKUP_MAX_AGE=1d)
    use_later
    wait_until 10 swept
    [ "$(manifests)" = "$before" ] || fail "the sweep changed the backups"
    create_database copy
    expect 0 pg_backup restore --database app --target-database copy
    expect_same_database app copy
}
both_stores killed_backups

killed_prunes() {
    create_small_database app 10
    use_database app
    backup_now
    local newest i points=${KILL_POINTS:-10} whole ids=()
    newest=$(field id)
    mapfile -t ids < <(for i in {0..23}; do date -u -d "2026-01-01 + $i hours" +app/%Y%m%dT%H0000Z-"000000$(printf %02x "$i")"; done)
    settings+=(S3_BACKUP_MAX_AGE=1d SWEEP_AFTER=7d PRUNE_MAX_REMOVE=100%)
    store_copy "app/$newest" "${ids[@]}"
    whole=$(seconds_of pg_prune now)
    for i in $(seq 0 $((points - 1))); do
        store_copy "app/$newest" "${ids[@]}"
        kill_after "$(moment "$i" "$points" "$whole")" "$BIN/pg-prune" now
        expect_complete
    done
    echo "without manifest: $(folders_without_manifest | wc -l)"
    settings+=(SWEEP_AFTER=1h)
    use_later
    wait_until 10 swept
    [ "$(manifests)" = "app/$newest/manifest.json" ] || fail "left: $(manifests)"
    expect_complete
}
both_stores killed_prunes

no_session_in_copy() { [ "$(sql postgres "select count(*) from pg_stat_activity where datname = 'copy'")" = 0 ]; }

# A restore that is killed leaves the target empty, or it is complete.
case_killed_restores() {
    use_dir
    create_large_database app 48
    use_database app
    backup_now
    create_database copy
    local whole i points=${KILL_POINTS:-10} tables
    whole=$(seconds_of pg_backup restore --database app --target-database copy)
    for i in $(seq 0 $((points - 1))); do
        drop_database copy
        create_database copy
        kill_after "$(moment "$i" "$points" "$whole")" "$BIN/pg-backup" restore --database app --target-database copy
        wait_until 20 no_session_in_copy
        tables=$(sql copy "select count(*) from pg_class where relname = 'chunk'")
        echo "killed at point $i: $tables tables"
        [ "$tables" = 0 ] || expect_same_database app copy
    done
}
