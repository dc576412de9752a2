# shellcheck shell=bash
# Finding a backup among many.

three_backups() {
    use_dir
    create_small_database app
    create_small_database web
    use_database app
    settings+=(DB= "DATABASES=app,web")
    backup_now
    next_second
    backup_now
    next_second
    backup_now
}

case_of_what_is_asked_for() {
    local id
    three_backups
    [ "$(field id app | wc -l)" = 3 ] || fail "$(field id app)"
    expect 0 pg_backup list --latest --json
    [ "$(grep -c '"id"' "$T/out")" = 2 ] || fail "$(cat "$T/out")"
    expect 0 pg_backup list --database web --limit 2 --json
    [ "$(grep -c '"group":"web"' "$T/out")" = 2 ] || fail "$(cat "$T/out")"
    ! grep '"group":"app"' "$T/out" || fail "another database"
    expect 0 pg_backup list --since 2100-01-01
    says "no backups"
    expect 2 pg_backup list --since yesterday
    says "--since: 'yesterday' is no moment"
    expect 2 pg_backup list --latest --limit 3
    says "keep one"
    expect 0 pg_backup list --latest --json
    jq -es 'all(.format == "custom" and (.server | startswith("15.")) and .seconds >= 0 and .uncompressed_bytes > 0)' \
        "$T/out" >/dev/null || fail "$(cat "$T/out")"
    id=$(field id app | head -n 1)
    expect 0 pg_backup show "app/$id"
    says "SHA-256 "
    says "PostgreSQL 15."
    expect 2 pg_backup show "$id" # the run made one of both
    says "is the beginning of several backups: app/$id, web/$id"
    expect 0 pg_backup show "app/${id%-*}"
    expect 1 pg_backup show app/20200101
    says "there is no backup 'app/20200101"
    expect 2 pg_backup show
    says "show needs GROUP/ID"
}

# How long it takes goes into the log; on a machine of its own it is a second at the most.
case_500_backups_on_the_gateway() {
    local id new i keys=() begun took
    use_s3
    create_small_database app
    use_database app
    backup_now
    id=$(field id app)
    store_get "app/$id/manifest.json" >"$T/manifest"
    begun=$(date +%s)
    for ((i = 1; i < 500; i++)); do
        new=$(date -ud "@$((begun - 600 + i))" +%Y%m%dT%H%M%SZ)-$(printf %08x "$i")
        jq --arg id "$new" '.id = $id' "$T/manifest" | store_put "app/$new/manifest.json"
        keys+=("app/$new/app.dump.zst")
    done
    store_get "app/$id/app.dump.zst" | store_put "${keys[@]}"
    begun=$(date +%s%N)
    expect 0 pg_backup list --json
    took=$((($(date +%s%N) - begun) / 1000000))
    [ "$(grep -c '"id"' "$T/out")" = 500 ] || fail "$(tail -n 3 "$T/out")"
    ! grep -q '"damaged"' "$T/out" || fail "$(grep '"damaged"' "$T/out" | tail -n 1)"
    echo "list of 500 backups took $took ms"
    [ "$took" -le 5000 ] || fail "it took $took ms"
}

case_what_was_never_backed_up_comes_first() {
    three_backups
    settings+=("DATABASES=app,web,new")
    expect 0 pg_backup list
    [[ $(sed -n 2p "$T/out") =~ ^new\ +never\ backed\ up$ ]] || fail "$(cat "$T/out")"
    expect 0 pg_backup list --json
    jq -es '.[0] == {group: "new", kind: "dump", never: true} and .[1].id' "$T/out" >/dev/null || fail "$(cat "$T/out")"
}

case_beginnings_of_ids() {
    local id
    three_backups
    id=$(field id app | tail -n 1)
    expect 0 pg_backup verify --stored "app/$id"
    expect 0 pg_backup verify --stored "app/${id%????}"
    expect 2 pg_backup verify --stored "app/2"
    says "'app/2' is the beginning of several backups: app/"
    expect 0 pg_backup hold "app/${id%?}"
    expect 0 pg_prune release "app/${id%?}"
    expect 0 pg_backup restore --database app --id "${id%?}" --target-database copy --create
    drop_database copy
    expect 0 pg_backup restore --id "app/${id%??}" --target-database copy --create
    drop_database copy
    expect 2 pg_backup restore --database app --id 2 --target-database copy --create
    says "'app/2' is the beginning of several backups: app/"
    expect 2 pg_backup restore --database web --id "app/$id" --target-database copy --create
    says "is not of web"
    expect 1 pg_backup restore --database app --id 2020 --target-database copy --create
    says "there is no complete backup 'app/2020'"
}
