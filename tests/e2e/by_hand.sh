# shellcheck shell=bash
# No tool of ours is needed to get the data back: what README prints, run.

case_restore_from_s3() {
    use_s3
    create_large_database app 40 # several parts
    use_database app
    backup_now
    create_database copy
    local key
    key=$(s3 ls "$prefix/app/" | cut -d' ' -f2 | grep '\.dump\.zst$')
    curl -sSf --aws-sigv4 "aws:amz:$S3_REGION:s3" --user "$S3_ACCESS_KEY:$S3_SECRET_KEY" \
        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$S3_ENDPOINT/$S3_BUCKET/$key" | zstd -d | "$PG_BIN/pg_restore" -d copy
    expect_same_database app copy
}

case_restore_from_s3_with_awscli() {
    [ -x /usr/bin/aws ] || skip "the package awscli is not installed"
    use_s3
    create_small_database app
    use_database app
    backup_now
    create_database copy
    local key
    key=$(s3 ls "$prefix/app/" | cut -d' ' -f2 | grep '\.dump\.zst$')
    AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET_KEY AWS_DEFAULT_REGION=$S3_REGION \
        /usr/bin/python3 /usr/bin/aws --endpoint-url "$S3_ENDPOINT" s3 cp "s3://$S3_BUCKET/$key" - |
        zstd -d | "$PG_BIN/pg_restore" -d copy
    expect_same_database app copy
}

case_restore_from_folder() {
    use_dir
    create_small_database app
    use_database app
    backup_now
    next_second
    sql app "insert into item values (-1, 'the second backup')"
    backup_now
    local newest
    newest=$(field id | sort | tail -n 1)
    [ -L "$folder/app/latest" ] || fail "no link latest"
    [ "$(readlink -f "$folder/app/latest")" = "$(readlink -f "$folder/app/$newest")" ] || fail "latest is not the newest"
    (cd "$folder/app/latest" && sha256sum -c SHA256SUMS) || fail "SHA256SUMS"
    [ "$(wc -l <"$folder/app/latest/SHA256SUMS")" -ge 1 ]
    create_database copy
    zstd -dc "$folder/app/latest/app.dump.zst" | "$PG_BIN/pg_restore" -d copy
    expect_same_database app copy
    # The folder may be moved: nothing in it is an absolute path.
    mv "$folder" "$T/moved"
    (cd "$T/moved/app/latest" && sha256sum -c --quiet SHA256SUMS) || fail "SHA256SUMS after a move"
}
