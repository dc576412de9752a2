# shellcheck shell=bash
# Least privilege: two users who hold exactly what deploy/iam/ grants, and what the server refuses them.

iam=$(cd ../../deploy/iam && pwd -P)

rights() { ./rights.py "$@"; }

# grant USER FILE...: the user may do what these policies say, for the bucket and prefix of this case.
grant() {
    local user=$1 file document
    shift
    for file in "$@"; do
        document=$(sed "s#BUCKET#$S3_BUCKET#; s#PREFIX#$prefix#" "$file")
        curl -sSf --aws-sigv4 "aws:amz:$S3_REGION:iam" --user "$S3_ACCESS_KEY:$S3_SECRET_KEY" -o "$T/grant" \
            --data-urlencode Action=PutUserPolicy --data-urlencode Version=2010-05-08 \
            --data-urlencode "UserName=$user" --data-urlencode "PolicyName=$(basename "$file" .json)" \
            --data-urlencode "PolicyDocument=$document" "$S3_ENDPOINT/"
    done
}

rgw_admin() { timeout 60 radosgw-admin -c "$CEPH_CONF" "$@" >>"$T/admin.out" 2>&1 || fail "$(cat "$T/admin.out")"; }

new_user() { rgw_admin user create --uid="$1" --display-name="$1" --access-key="$1" --secret-key="$1$1" "${@:2}"; }

# Users of this case's own; each one's secret is its name twice. The tests' own tools work as an administrator: an
# object belongs to who wrote it, and here not even the owner of the bucket may read it.
make_users() {
    backup_user=$case_name.backup prune_user=$case_name.prune
    new_user "$case_name" --admin --caps='user-policy=*'
    S3_ACCESS_KEY=$case_name S3_SECRET_KEY=$case_name$case_name
    new_user "$backup_user"
    new_user "$prune_user"
    grant "$backup_user" "$iam/pg-backup.json"
    grant "$prune_user" "$iam/pg-prune.json"
}

# as USER COMMAND...: the tests' own tools with that user's keys
as() { (export S3_ACCESS_KEY=$1 S3_SECRET_KEY=$1$1 && "${@:2}"); }

# become_user USER: the programs have that user's keys from now on
become_user() { settings+=("S3_ACCESS_KEY=$1" "S3_SECRET_KEY=$1$1"); }

prepare() {
    use_s3
    make_users
    create_small_database app
    use_database app
    become_user "$backup_user"
    backup_now
}

# The tests' age of a second is a mistake otherwise.
warns_not() {
    ! grep -E 'Z (warn|error) ' "$T/err" | grep -v 'less than a day' || fail "a program that holds its rights warns"
}

# pg-backup: small and in parts, list, restore, serve.
case_pg_backup_needs_no_more() {
    prepare
    warns_not
    create_large_database large 40
    use_database large
    backup_now
    warns_not
    [ "$(manifests | wc -l)" = 2 ] || fail "$(store_list)"
    expect_complete
    expect 0 pg_backup list
    says large
    expect 0 pg_backup restore --database app --target-database copy --create
    expect_same_database app copy
    use_database app
    settings+=(BACKUP_INTERVAL=1s)
    start_program pg-backup serve
    wait_until 20 more_manifests_than 3
    kill -TERM "$pid"
    expect_end 0 10
    [ -z "$(uploads)" ] || fail "$(uploads)"
}

more_manifests_than() { [ "$(manifests | wc -l)" -gt "$1" ]; }

# The check needs no more either, leaves one small object, and pg-prune sweeps it. Of each right that is missing it
# names the permission.
case_check_needs_no_more() {
    prepare
    store_list >"$T/before"
    expect 0 pg_backup check
    says "permission to delete: these keys lack it, as they should"
    says "left behind: s3://$S3_BUCKET/$prefix/app/"
    [ "$(store_list | wc -l)" = 4 ] || fail "$(store_list)"
    [ -z "$(uploads)" ] || fail "$(uploads)"
    expect 0 pg_backup list
    [ "$(manifests | wc -l)" = 1 ] || fail "$(manifests)"

    local action
    mkdir "$T/narrow"
    # (Here whoever has written an object may read it, whatever the policies say.)
    for action in s3:PutObject s3:AbortMultipartUpload s3:ListBucket s3:ListBucketMultipartUploads; do
        jq --arg a "$action" '.Statement[].Action |= (if type == "array" then . else [.] end | map(select(. != $a)) |
            if . == [] then ["s3:GetBucketLocation"] else . end)' "$iam/pg-backup.json" >"$T/narrow/pg-backup.json"
        grant "$backup_user" "$T/narrow/pg-backup.json"
        echo "$action"
        expect 3 pg_backup check
        says "grant $action"
    done
    grant "$backup_user" "$iam/pg-backup.json"

    settings+=(S3_BACKUP_MAX_AGE=30d SWEEP_AFTER=1h)
    become_user "$prune_user"
    expect 0 pg_prune check
    says "permission to delete: backups can be deleted"
    use_later
    expect 0 later pg_prune now
    store_list | cmp - "$T/before" || fail "$(store_list)"
    become_user "$backup_user"
    expect 3 pg_prune check
    says "grant s3:DeleteObject on the objects below the prefix: deploy/iam/pg-prune.json has the policy"
}

# The parts of a dump that failed are removed without any right to delete objects.
case_a_failed_dump_leaves_nothing() {
    prepare
    store_list >"$T/before"
    create_large_database large 40
    use_database large
    mkdir "$T/bin"
    printf '#!/bin/sh\n[ "$1" = --version ] || trap "exit 1" EXIT\n%s/pg_dump "$@"\n' "$PG_BIN" >"$T/bin/pg_dump"
    chmod +x "$T/bin/pg_dump"
    settings+=("PG_BINDIR=$T/bin")
    expect 1 pg_backup now
    says "pg_dump"
    warns_not
    store_list | cmp - "$T/before" || fail "$(store_list)"
    [ -z "$(uploads)" ] || fail "$(uploads)"
}

# pg-prune: old backups, folders without a manifest, unfinished uploads; plain and with versions.
case_pg_prune_needs_no_more() {
    prepare
    local id
    id=$(field id)
    store_copy "app/$id" app/20260101T000000Z-00000001 app/20260102T000000Z-00000002 app/20260103T000000Z-00000003
    store_remove app/20260103T000000Z-00000003/manifest.json
    s3 start-upload "$prefix/app/20260104T000000Z-00000004/app.dump.zst"
    settings+=(S3_BACKUP_MAX_AGE=30d SWEEP_AFTER=1h)
    become_user "$prune_user"
    use_later
    expect 0 later pg_prune now --dry-run
    expect 0 later pg_prune now
    warns_not
    [ "$(manifests)" = "app/$id/manifest.json" ] || fail "$(manifests)"
    [ "$(store_list | wc -l)" = 3 ] || fail "$(store_list)"
    [ -z "$(uploads)" ] || fail "$(uploads)"
}

# Without a HEAD of what is not there, which these rights answer with 403.
case_hold_and_release() {
    prepare
    local id
    id=$(field id)
    expect 1 pg_backup hold app/20260101T000000Z-00000001
    says "there is no complete backup 'app/20260101T000000Z-00000001'"
    expect 0 pg_backup hold "app/$id"
    expect 0 pg_backup hold "app/$id"
    says "held already"
    become_user "$prune_user"
    expect 0 pg_prune release "app/$id"
    expect 1 pg_prune release "app/$id"
    says "is not held"
}

# With S3_DELETE_VERSIONS nothing of a removed backup is left, also not what someone overwrote.
case_pg_prune_removes_versions() {
    S3_BUCKET=pruned
    rights allowed make-bucket
    rights allowed versioning Enabled
    prepare
    local kept removed
    removed=$(field id)
    # The same bytes again: of another size it would be damaged, and its group frozen.
    as "$backup_user" s3 get "$prefix/app/$removed/app.dump.zst" >"$T/data"
    as "$backup_user" s3 put "$prefix/app/$removed/app.dump.zst" <"$T/data"
    next_second
    backup_now
    kept=$(field id | grep -v "$removed")
    next_second
    settings+=(S3_BACKUP_MAX_AGE=1s RETENTION_MIN_BACKUPS=1 S3_DELETE_VERSIONS=true)
    become_user "$prune_user"
    expect 0 pg_prune now
    warns_not
    rights versions "$prefix/" | cut -d/ -f4 | sort | uniq -c >"$T/left"
    [ "$(xargs <"$T/left")" = "3 $kept" ] || fail "$(cat "$T/left")"
    [ "$(manifests)" = "app/$kept/manifest.json" ] || fail "$(manifests)"
}

# What is locked outlives both credentials, and pg-prune keeps it without a word of trouble.
case_a_lock_holds_against_both() {
    S3_BUCKET=locked
    rights allowed make-locked-bucket
    settings+=(S3_OBJECT_LOCK_MODE=GOVERNANCE S3_OBJECT_LOCK_RETENTION=1d)
    prepare
    store_list >"$T/before"
    next_second
    settings+=(S3_BACKUP_MAX_AGE=1s RETENTION_MIN_BACKUPS=1 S3_DELETE_VERSIONS=true)
    backup_now # a newer one: the policy would remove the first
    become_user "$prune_user"
    next_second
    expect 0 pg_prune now
    says "locked until"
    warns_not
    [ "$(manifests | wc -l)" = 2 ] || fail "$(manifests)"
    rights versions "$prefix/" | sed 's/^/delete-version /; p; s/^delete-version/bypass-lock/' >"$T/acts"
    [ "$(wc -l <"$T/acts")" = 12 ] || fail "$(cat "$T/acts")"
    as "$backup_user" rights refused <"$T/acts"
    as "$prune_user" rights refused <"$T/acts"
    expect_complete
}

# The whole bucket: the policies without prefix, made as docs/s3.md says.
case_without_a_prefix() {
    S3_BUCKET=whole
    rights allowed make-bucket
    prepare
    local file
    for file in pg-backup pg-prune; do
        jq 'del(.Statement[].Condition)' "$iam/$file.json" | sed 's#/PREFIX##' >"$T/$file.json"
    done
    grant "$backup_user" "$T/pg-backup.json"
    grant "$prune_user" "$T/pg-prune.json"
    settings+=(S3_PREFIX=)
    backup_now
    warns_not
    expect 0 pg_backup list
    says app
    expect 0 pg_backup restore --database app --target-database copy --create
    settings+=(S3_BACKUP_MAX_AGE=1s RETENTION_MIN_BACKUPS=1)
    next_second
    backup_now
    become_user "$prune_user"
    next_second
    expect 0 pg_prune now
    warns_not
    [ "$(s3 ls app/ | wc -l)" = 3 ] || fail "$(s3 ls)"
}

case_the_server_refuses_the_rest() {
    prepare
    local key upload version administration='versioning Suspended
lifecycle
policy
remove-bucket'
    key=$prefix/$(manifests)
    upload=$(as "$backup_user" rights allowed create-upload "$prefix/app/up")
    version=$(rights versions "$key" | cut -d' ' -f2)

    as "$backup_user" rights refused <<ACTS
delete $key
delete-objects $key
delete-version $key $version
put elsewhere/x
get elsewhere/x
create-upload elsewhere/x
list
list elsewhere/
list-versions $prefix/
$administration
ACTS
    as "$prune_user" rights refused <<ACTS
put $prefix/x
put $key
copy $key $prefix/x
create-upload $prefix/x
put-part $prefix/app/up $upload
delete elsewhere/x
delete-objects elsewhere/x
get elsewhere/x
list
list elsewhere/
$administration
ACTS
    expect_complete

    # What each may do besides its work: the other half of the rights shows that they are in force.
    as "$prune_user" rights allowed list "$prefix/"
    as "$prune_user" rights allowed delete-version "$key" "$version"
    [ -z "$(manifests)" ] || fail "$(manifests)"
}

# A backup program that was taken over: all that it can reach is overwritten, deletion is tried. With versions, who
# administers the bucket gets every backup back.
case_history_survives_stolen_credentials() {
    S3_BUCKET=versioned
    rights allowed make-bucket
    rights allowed versioning Enabled
    prepare
    local id key version
    id=$(field id)
    next_second
    backup_now
    expect_complete
    s3 download "$prefix/" "$T/original"
    [ "$(find "$T/original" -name manifest.json | wc -l)" = 2 ] || fail "not two backups"

    s3 ls "$prefix/" | cut -d' ' -f2 >"$T/keys"
    while read -r key; do
        as "$backup_user" rights allowed put "$key"
    done <"$T/keys"
    rights versions "$prefix/" >"$T/versions"
    sed 's/^/delete-version /; p; s/^delete-version \([^ ]*\) .*/delete \1/' "$T/versions" >"$T/acts"
    [ "$(wc -l <"$T/acts")" = 24 ] || fail "$(cat "$T/acts")" # six keys of two versions
    as "$backup_user" rights refused <"$T/acts"
    expect 1 pg_backup restore --database app --id "$id" --target-database copy --create

    while read -r key; do
        mkdir -p "$T/recovered/$(dirname "${key#"$prefix"/}")"
        version=$(grep -F "$key " "$T/versions" | tail -n 1 | cut -d' ' -f2)
        rights get-version "$key" "$version" >"$T/recovered/${key#"$prefix"/}"
    done <"$T/keys"
    diff -r "$T/original" "$T/recovered" || fail "the older versions are not the backups"

    settings=("BACKUP_DIR=$T/recovered")
    use_database app
    expect 0 pg_backup restore --database app --id "$id" --target-database copy --create
    expect_same_database app copy
}

# After a failure pg-backup tries to remove what it wrote. Without the right to, the failure stays the one that is
# told, and one warning says what is left.
case_what_a_failed_backup_leaves_is_one_warning() {
    prepare
    store_list >"$T/before"
    # Everything but the manifest may be written.
    mkdir "$T/narrow"
    jq '.Statement[0].Resource |= [sub("/\\*$"; "/*.dump.zst", "/*SHA256SUMS")]' "$iam/pg-backup.json" >"$T/narrow/pg-backup.json"
    grant "$backup_user" "$T/narrow/pg-backup.json"
    next_second
    expect 1 pg_backup now
    says "could not clean up"
    says "manifest.json: 403"
    [ "$(grep -c 'Z warn ' "$T/err")" = 1 ] || fail "$(cat "$T/err")"
    [ "$(store_list | wc -l)" = $(($(wc -l <"$T/before") + 2)) ] || fail "$(store_list)"
    grant "$backup_user" "$iam/pg-backup.json"
    expect 0 pg_backup list
    [ "$(manifests | wc -l)" = 1 ] || fail "$(manifests)"

    # And pg-prune sweeps it.
    settings+=(S3_BACKUP_MAX_AGE=30d SWEEP_AFTER=1h)
    become_user "$prune_user"
    use_later
    expect 0 later pg_prune now
    store_list | cmp - "$T/before" || fail "$(store_list)"
}

# use_policy FILE: from here on the store has this bucket policy, as AWS would understand it.
use_policy() {
    sed "s#BUCKET#$S3_BUCKET#; s#PREFIX#$prefix#" "$1" >"$T/policy.json"
    "$servers/policy-s3.py" "$T/policy-port" "$T/policy.json" 2>"$T/policy-s3.log" &
    background+=("$!")
    wait_until 10 test -s "$T/policy-port"
    S3_ENDPOINT=http://127.0.0.1:$(cat "$T/policy-port")
    settings+=("S3_ENDPOINT=$S3_ENDPOINT")
}

# With the bucket policy, credentials that were stolen from pg-backup overwrite nothing, and both programs work.
case_nothing_is_overwritten() {
    prepare
    local id key upload
    id=$(field id)
    use_policy "$iam/bucket-policy-no-overwrite.json"
    next_second
    expect 1 pg_backup now # without the setting that docs/s3.md asks for
    says "403"
    [ "$(manifests)" = "app/$id/manifest.json" ] || fail "$(manifests)"

    settings+=(S3_CONDITIONAL_WRITES=true)
    backup_now
    warns_not
    create_large_database large 40
    with "DB=large" -- backup_now # in parts
    warns_not
    [ "$(manifests | wc -l)" = 3 ] || fail "$(manifests)"
    expect_complete

    s3 download "$prefix/" "$T/before"
    key=$prefix/app/$id/manifest.json
    upload=$(as "$backup_user" rights allowed create-upload "$key")
    as "$backup_user" rights refused <<ACTS
put $key
put $prefix/app/new
copy $key $prefix/app/$id/app.dump.zst
complete-upload $key $upload
ACTS
    # Only a name that is free can be written. (Of a completed upload this gateway does not ask.)
    if as "$backup_user" rights allowed put-new "$key" 2>"$T/refusal"; then fail "it was overwritten"; fi
    grep -q ': 412 ' "$T/refusal" || fail "$(cat "$T/refusal")"
    as "$backup_user" rights allowed put-new "$prefix/app/new"
    s3 rm "$prefix/app/new"
    s3 download "$prefix/" "$T/after"
    diff -r "$T/before" "$T/after" || fail "something was overwritten"

    settings+=(S3_BACKUP_MAX_AGE=1s RETENTION_MIN_BACKUPS=1)
    become_user "$prune_user"
    next_second
    expect 0 pg_prune now
    warns_not
    [ "$(manifests | wc -l)" = 2 ] || fail "$(manifests)"
}
