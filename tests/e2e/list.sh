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
    says "there is no backup app/20200101"
    expect 2 pg_backup show
    says "show needs GROUP/ID"
}
