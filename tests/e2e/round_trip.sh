# shellcheck shell=bash
# What goes in comes out: every kind of object, every odd name and password, both kinds of store.

everything() {
    create_database everything
    sql everything <everything.sql
    use_database everything
    cleanups+=("psql_ -c 'drop role reader' -c 'drop role \"Writer Role\"'")
    backup_now
    expect_complete
    create_database copy
    expect 0 pg_backup restore --database everything --target-database copy
    expect_same_database everything copy
    [ "$(sql copy 'select count(*), sum(length(raw)) from person')" = "2004|332002" ] || fail "rows are missing"
    [ "$(sql copy 'select count(*) from pg_largeobject_metadata')" = 20 ] || fail "large objects are missing"
    # The roles own things in these databases.
    drop_database everything
    drop_database copy
}
both_stores everything

names_round_trip() { # NAME...
    local name
    create_database copy
    for name in "$@"; do
        echo "database '$name'"
        create_small_database "$name" 50
        sql "$name" "insert into item values (0, current_database())"
        use_database "$name"
        backup_now
        expect 0 pg_backup restore --database "$name" --target-database copy --clean --yes
        [ "$(sql copy 'select name from item where id = 0')" = "$name" ] || fail "another database came back"
        expect 0 pg_backup list --json
        jq -se --arg name "$name" 'any(.[]; .group == $name)' "$T/out" >/dev/null || fail "list does not name it"
    done
    # One backup each, none under the name of another, no key that needs escaping.
    [ "$(manifests | wc -l)" = $# ] || fail "$(manifests)"
    ! store_list | cut -d' ' -f2- | grep -v '^[A-Za-z0-9._/=-]*$' || fail "unexpected characters in keys"
    expect_complete
}

case_odd_database_names_dir() {
    use_dir
    names_round_trip app App APP 'with blank' ' ends with blank ' 'dou"ble' "sin'gle" 'sla/sh' 'a/../b' \
        'back\slash' ümlaut '日本' .. . .hidden _global _clusters - -dash --help 'a=b' '=41' '%41' '*' '$HOME' \
        'host=nowhere.example dbname=x' 'postgresql://nowhere.example/x' \
        "$(printf 'x%.0s' {1..63})" "$(printf 'ü%.0s' {1..31})"
    [ -z "$(find "$T" -name 'b' -not -path "$folder/*")" ] || fail "something was written outside of the folder"
}

case_odd_database_names_s3() {
    use_s3
    names_round_trip app APP 'sla/sh' .. 'dou"ble' "sin'gle" 'with blank' ümlaut '=41' 'postgresql://nowhere.example/x'
}

case_odd_passwords() {
    use_dir
    create_small_database app
    local passwords=('@' ':' '/' "'" '"' '%' "\$HOME" '%41' 'with blank' ' leading' 'trailing ' 'trailing\' '\' '\\n'
        '#' '[service]' 'a=b' "a'b\\'c" '`id`' pässwörd "@:/'\"%\$ \\ " "$(printf 'x%.0s' {1..300})")
    local i password
    for i in "${!passwords[@]}"; do
        password=${passwords[i]}
        echo "password '$password'"
        PGDATABASE=postgres psql_ -v "pw=$password" <<<"create role \"pw $i\" login superuser password :'pw'"
        cleanups+=("psql_ -c 'drop role \"pw $i\"'")
        use_database app
        settings+=("DB_USER=pw $i" "DB_PASSWORD=$password")
        backup_now
        # As a file, with the newline that editors leave.
        printf '%s\n' "$password" >"$T/password"
        settings=("${settings[@]/#DB_PASSWORD=*/DB_PASSWORD_FILE=$T/password}")
        backup_now
        settings=("${settings[@]/#DB_PASSWORD_FILE=*/X=}")
    done
    settings+=("DB_USER=pw 0" "DB_PASSWORD=wrong")
    expect 1 pg_backup now
    says "password authentication failed"
}

# Without any setting of ours: libpq's own variables.
case_libpq_variables() {
    use_dir
    create_small_database app
    settings+=("PGHOST=$PGHOST" "PGPORT=$PGPORT" PGDATABASE=app "PGUSER=$PGUSER" "PGPASSWORD=$PGPASSWORD")
    backup_now
    settings+=(PGPASSWORD= "PGHOST=$PG_SOCKET_DIR" "PGPASSFILE=$T/passfile")
    printf '*:*:*:%s:%s\n' "$PGUSER" "$PGPASSWORD" >"$T/passfile"
    chmod 600 "$T/passfile"
    backup_now
    printf '[mine]\nhost=%s\nport=%s\ndbname=app\nuser=%s\npassword=%s\n' \
        "$PGHOST" "$PGPORT" "$PGUSER" "$PGPASSWORD" >"$T/service"
    settings=("BACKUP_DIR=$folder" "PGSERVICEFILE=$T/service" PGSERVICE=mine)
    backup_now
    [ "$(field group app | wc -l)" = 3 ] || fail "not three backups of app: $(field group)"
    expect_complete
}

# The role of docs/backup.md: reads everything, owns nothing.
case_least_rights() {
    use_dir
    create_small_database app
    sql app "select lo_from_bytea(0, 'large object'); alter table item enable row level security"
    sql postgres "create role backup login bypassrls password 'secret'; grant pg_read_all_data to backup;
        alter role backup in database app set lo_compat_privileges = on"
    cleanups+=("psql_ -c 'drop role backup'")
    use_database app
    settings+=(DB_USER=backup DB_PASSWORD=secret)
    backup_now
    create_database copy
    # It may not restore: the error says so and names what to set.
    expect 1 pg_backup restore --database app --target-database copy
    says "permission denied"
    says TARGET_USER
    settings+=("DB_USER=$PGUSER" "DB_PASSWORD=$PGPASSWORD")
    expect 0 pg_backup restore --database app --target-database copy
    expect_same_database app copy
}

# More than one part, over http and https, by path and by virtual host.
case_large_over_https() {
    use_s3
    create_large_database app 40
    use_database app
    settings+=("S3_ENDPOINT=$S3_TLS_ENDPOINT" "S3_CA_FILE=$S3_CA_FILE")
    backup_now
    expect_complete
    [ -z "$(uploads)" ] || fail "an upload is left"
    create_database copy
    expect 0 pg_backup restore --database app --target-database copy
    expect_same_database app copy
    # The certificate is always checked.
    settings+=(S3_CA_FILE=)
    expect 1 pg_backup list
    says certificate
}

case_virtual_hosts() {
    use_s3
    create_small_database app
    use_database app
    settings+=("S3_ENDPOINT=http://$S3_VHOST_SUFFIX:${S3_ENDPOINT##*:}" S3_ADDRESSING=virtual)
    backup_now
    expect_complete
    [ "$(field group)" = app ] || fail "not listed"
}

case_empty_database() {
    use_dir
    create_database app
    use_database app
    backup_now
    create_database copy
    expect 0 pg_backup restore --database app --target-database copy
    expect_same_database app copy
}

case_version_mark_and_manifest() {
    use_s3
    create_small_database app
    use_database app
    backup_now
    local manifest
    manifest=$(store_get "$(manifests)")
    echo "$manifest"
    [ "$(jq -r .group <<<"$manifest")" = app ]
    [[ "$(jq -r .id <<<"$manifest")" =~ ^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$ ]]
    [[ "$manifest" != *"$PGPASSWORD"* && "$manifest" != *"$S3_SECRET_KEY"* ]] || fail "a secret is in the manifest"
    expect 0 pg_backup list --json
    jq -e '.group == "app" and .kind == "dump" and .bytes > 0 and (.key | endswith("/manifest.json") or contains("app/"))
        and (.time | test("^20[0-9-]+T[0-9:]+Z$"))' "$T/out" || fail "$(cat "$T/out")"
    expect 0 pg_backup list
    says app
}
