# shellcheck shell=bash
# No tool of ours is needed to get the data back: the lines that the documentation prints, run.

# by_hand TEXT: runs the block of the documentation that holds TEXT, with the names of this case for those of the
# documentation: the bucket and its folder, the directory, and `id`.
by_hand() {
    local block
    block=$(documented_block restore.md "$1")
    [ -n "$block" ] || fail "no block of the documentation has: $1"
    block=$(sed "s#s3://backups/#s3://${S3_BUCKET:-}/${prefix:-}/#g; s#cd /backups/#cd ${folder:-}/#;
        s#20261120T031500Z-9f3a1c2b#$id#g" <<<"$block")
    echo "$block"
    PATH=$T/bin:$PG_BIN:$PATH bash -euo pipefail -c "$block" >"$T/out" 2>"$T/err" || { cat "$T/out"; fail "it failed"; }
}

# An `aws` for this gateway: what its own settings would say on Amazon.
use_aws() {
    mkdir "$T/bin"
    cat >"$T/bin/aws" <<SH
#!/bin/sh
export AWS_ACCESS_KEY_ID='$S3_ACCESS_KEY' AWS_SECRET_ACCESS_KEY='$S3_SECRET_KEY' AWS_DEFAULT_REGION='$S3_REGION'
exec /usr/bin/aws --endpoint-url '$S3_ENDPOINT' "\$@"
SH
    chmod +x "$T/bin/aws"
}

case_restore_from_s3() {
    use_s3
    use_aws
    create_large_database app 40 # several parts
    use_database app
    backup_now
    create_database app_copy
    id=$(field id)
    cd "$T" || fail "no folder"
    by_hand 'app_backup && cd'
    expect_same_database app app_copy
}

# Of a backup from before there were sums in buckets, and by the name of the newest one.
case_sums_and_latest_in_s3() {
    use_s3
    use_aws
    create_small_database app
    use_database app
    settings+=(S3_LATEST=true)
    backup_now
    next_second
    backup_now
    id=$(field id | sort | tail -n 1)
    [ "$(store_get app/latest)" = "$id" ] || fail "latest is $(store_get app/latest)"
    [ "$(store_get app/latest | wc -l)" = 1 ] || fail "latest ends without a line break"
    local block
    block=$(documented_block s3.md 'aws s3 cp s3://backups/app/latest -')
    cd "$T" || fail "no folder"
    PATH=$T/bin:$PATH bash -euo pipefail -c "${block//s3:\/\/backups\//s3://$S3_BUCKET/$prefix/}"
    cd app_latest || fail "no backup"
    sha256sum -c SHA256SUMS >"$T/checked"
    [ "$(sort "$T/checked" | xargs)" = "app.dump.zst: OK manifest.json: OK" ] || fail "$(cat "$T/checked")"
    grep -v manifest.json SHA256SUMS >"$T/expected"
    rm SHA256SUMS
    by_hand 'jq -r'
    cmp SHA256SUMS "$T/expected"
    # It neither counts nor goes.
    settings+=(RETENTION_KEEP_LAST=1)
    expect 0 pg_prune now
    says_not latest
    [ "$(store_list | sed -n 's#^[0-9]* app/##p' | sort | xargs)" = \
        "$id/SHA256SUMS $id/app.dump.zst $id/manifest.json latest" ] || fail "$(store_list)"
    [ "$(field id)" = "$id" ] || fail "$(field id)"
    # What holds nonsense is read by nobody.
    echo ../../x | store_put app/latest
    expect 0 pg_backup restore --target-database copy --create
}

case_native_from_folder() {
    use_dir
    create_small_database app
    use_database app
    settings+=(BACKUP_COMPRESSION=native)
    backup_now
    id=$(field id)
    create_database app_copy
    cd "$folder/app/$id" || fail "there is none"
    by_hand 'pg_restore --exit-on-error --jobs'
    expect_same_database app app_copy
}

case_roles_from_s3() {
    use_s3
    use_aws
    create_small_database app
    cleanups+=("drop_roles by_hand")
    sql postgres "create role by_hand login password 'secret' connection limit 7"
    use_database app
    settings+=(BACKUP_GLOBALS=true)
    backup_now
    id=$(field id _globals)
    drop_roles by_hand
    cd "$T" || fail "no folder"
    by_hand 'roles_backup && cd'
    [ "$(sql postgres "select rolconnlimit from pg_roles where rolname = 'by_hand'")" = 7 ] || fail "the role is not back"
    grep -q 'already exists' "$T/err" || fail "psql says nothing of the role that connects"
}

case_restore_from_folder() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    next_second
    sql app "insert into item values (-1, 'the second backup')"
    backup_now
    id=$(field id | sort | tail -n 1)
    [ -L "$folder/app/latest" ] || fail "no link latest"
    [ "$(readlink -f "$folder/app/$id")" = "$(readlink -f "$folder/app/latest")" ] || fail "latest is not the newest"
    [ "$(wc -l <"$folder/app/latest/SHA256SUMS")" -ge 1 ]
    # The folder may be moved: nothing in it is an absolute path.
    mv "$folder" "$T/moved"
    folder=$T/moved
    create_database app_copy
    by_hand 'app/latest && sha256sum -c SHA256SUMS'
    expect_same_database app app_copy
}

case_plain_sql_from_folder() {
    use_dir
    create_small_database app
    use_database app
    settings+=(BACKUP_FORMAT=plain)
    backup_now
    id=$(field id)
    create_database app_copy
    cd "$folder/app/$id" || fail "there is none"
    by_hand 'zstd -d app.sql.zst'
    expect_same_database app app_copy
}
