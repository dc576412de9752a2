# shellcheck shell=bash
# Credentials of every kind, against the gateway's own STS: a backup with them, and what is said when they
# do not serve.

# The gateway with web identities, and a bucket without any keys of ours.
begin() {
    grep -q STS_ROLE_ARN "$WORK/ceph-rgw/env" || "$servers/ceph-rgw-sts-up.sh" "$WORK/ceph-rgw"
    use_server "$WORK/ceph-rgw"
    use_s3
    settings=("S3_ENDPOINT=$S3_ENDPOINT" "S3_BUCKET=$S3_BUCKET" "S3_PREFIX=$prefix" S3_RETRY_TIME=5s)
    create_small_database app
    use_database app
}

web_token() { # [SECONDS]
    local folder port
    read -r folder port <<<"$STS_OIDC"
    "$servers/oidc-provider.py" "$folder" "$port" --token "${1:-900}"
}

use_web_identity() {
    web_token >"$T/token"
    settings+=("AWS_WEB_IDENTITY_TOKEN_FILE=$T/token" "AWS_ROLE_ARN=$STS_ROLE_ARN" "AWS_ENDPOINT_URL_STS=$S3_ENDPOINT")
}

# profile SECONDS: one that assumes the role for so long at a time
use_profile() {
    web_token >"$T/token"
    printf '[profile short]\nrole_arn = %s\nweb_identity_token_file = %s\nduration_seconds = %s\n' \
        "$STS_ROLE_ARN" "$T/token" "$1" >"$T/config"
    settings+=("AWS_CONFIG_FILE=$T/config" AWS_PROFILE=short "AWS_ENDPOINT_URL_STS=$S3_ENDPOINT")
}

# session SECONDS: credentials of the role, as shell variables access_key secret_key session_token
session() {
    curl -sS --fail-with-body "$S3_ENDPOINT/" -d Action=AssumeRoleWithWebIdentity -d Version=2011-06-15 \
        -d "DurationSeconds=$1" -d RoleSessionName=test --data-urlencode "RoleArn=$STS_ROLE_ARN" \
        --data-urlencode "WebIdentityToken=$(web_token)" >"$T/session"
    access_key=$(sed 's#.*<AccessKeyId>\(.*\)</AccessKeyId>.*#\1#' "$T/session")
    secret_key=$(sed 's#.*<SecretAccessKey>\(.*\)</SecretAccessKey>.*#\1#' "$T/session")
    session_token=$(sed 's#.*<SessionToken>\(.*\)</SessionToken>.*#\1#' "$T/session")
}

# start_credential_server SECONDS: its URL in `credential_server`
start_credential_server() {
    echo "Bearer of-this-container" >"$T/authorization"
    "$servers/credential-server.py" "$T" "$S3_ENDPOINT/" "$STS_ROLE_ARN" "$(web_token)" "$1" >"$T/server.log" 2>&1 &
    background+=("$!")
    wait_until 10 test -s "$T/port"
    credential_server=http://127.0.0.1:$(cat "$T/port")
}

backup_says() { # TEXT
    backup_now
    says "$1"
    [ "$(manifests | wc -l)" -ge 1 ] || fail "no backup"
}

case_web_identity() {
    begin
    use_web_identity
    settings+=(LOG_LEVEL=debug)
    backup_says 'source="web identity"'
    ! grep -F -- "$(cat "$T/token")" "$T/err" || fail "the token is in the log"
    expect 0 pg_backup list
    settings+=(S3_BACKUP_MAX_AGE=1d)
    expect 0 pg_prune now
    web_token -60 >"$T/token" # read anew: this one has expired
    expect 1 pg_backup list
    says "credentials from web identity: STS: POST $S3_ENDPOINT/: HTTP status 4"
    says "hint: the role $STS_ROLE_ARN must trust"
    ! grep -F -- "$(cat "$T/token")" "$T/err" || fail "the token is shown"
}

case_session_token() {
    begin
    session 900
    local base=("${settings[@]}")
    settings+=("S3_ACCESS_KEY=$access_key" "S3_SECRET_KEY=$secret_key" "S3_SESSION_TOKEN=$session_token")
    backup_now
    settings=("${base[@]}" "S3_ACCESS_KEY=$access_key" "S3_SECRET_KEY=$secret_key")
    echo "$session_token" >"$T/session_token"
    settings+=("S3_SESSION_TOKEN_FILE=$T/session_token")
    backup_now
    settings=("${base[@]}" "AWS_ACCESS_KEY_ID=$access_key" "AWS_SECRET_ACCESS_KEY=$secret_key"
        "AWS_SESSION_TOKEN=$session_token")
    backup_says "source=variables"
    settings+=(AWS_SESSION_TOKEN=)
    expect 1 pg_backup list
    says InvalidAccessKeyId
}

# An application's own variables in the same pod never mix with ours.
case_variables_of_others() {
    begin
    settings+=("AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY" "AWS_SECRET_ACCESS_KEY=$S3_SECRET_KEY" S3_ENDPOINT=
        "AWS_ENDPOINT_URL=$S3_ENDPOINT" AWS_REGION=eu-west-1)
    backup_says "source=variables"
    settings+=("S3_ACCESS_KEY=$S3_ACCESS_KEY")
    expect 2 pg_backup list
    says "S3_ACCESS_KEY is set without S3_SECRET_KEY"
    settings+=("S3_SECRET_KEY=$S3_SECRET_KEY" AWS_ACCESS_KEY_ID=wrong AWS_SECRET_ACCESS_KEY=wrong
        AWS_SESSION_TOKEN=wrong AWS_ENDPOINT_URL=http://127.0.0.1:1 "S3_ENDPOINT=$S3_ENDPOINT")
    backup_now
    settings+=(S3_ACCESS_KEY=NOSUCHKEY)
    expect 1 pg_backup list
    says InvalidAccessKeyId
    says "hint: check S3_ACCESS_KEY"
}

case_profile_and_process() {
    begin
    mkdir "$T/.aws"
    session 900
    printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n' \
        "$access_key" "$secret_key" "$session_token" >"$T/.aws/credentials"
    backup_says 'source="AWS profile"'
    printf '#!/bin/sh\nprintf '\''{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%%s"}'\'' "$1"\n' \
        "$S3_ACCESS_KEY" >"$T/give keys"
    chmod +x "$T/give keys"
    printf '[profile process]\ncredential_process = "%s" %s\n' "$T/give keys" "$S3_SECRET_KEY" >"$T/.aws/config"
    settings+=(AWS_PROFILE=process)
    backup_says 'source="AWS profile"'
    echo 'echo the vault is sealed >&2; exit 4' >>"$T/give keys"
    expect 1 pg_backup list
    says "profile process: credential_process $T/give keys: exited with 4: the vault is sealed"
    settings+=(AWS_PROFILE=nobody)
    expect 2 pg_backup list
    says "has no profile nobody"
}

case_container_and_instance() {
    begin
    start_credential_server 900
    settings+=(LOG_LEVEL=debug)
    local base=("${settings[@]}") secret
    settings=("${base[@]}" "AWS_CONTAINER_CREDENTIALS_FULL_URI=$credential_server/container"
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$T/authorization")
    backup_says "source=container"
    cp "$T/err" "$T/log"
    settings+=(AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE= AWS_CONTAINER_AUTHORIZATION_TOKEN=other)
    expect 1 pg_backup list
    says "400: InvalidToken: another authorization is wanted"
    settings+=(AWS_CONTAINER_CREDENTIALS_FULL_URI=http://10.0.0.1/)
    expect 2 pg_backup list
    says "may not be asked for credentials"
    settings=("${base[@]}" "AWS_EC2_METADATA_SERVICE_ENDPOINT=$credential_server/")
    backup_says 'source="instance metadata"'
    cat "$T/err" >>"$T/log"
    [ "$(wc -l <"$T/given")" -ge 4 ] || fail "the server has given nothing"
    while read -r secret; do
        ! grep -F -- "$secret" "$T/log" || fail "a secret is in the log"
    done <"$T/given"
    ! grep -F "$(cat "$T/authorization")" "$T/log" || fail "the authorization is in the log"
}

# Without any source that could be asked it is a question of settings: 2. Amazon's bucket: the instance's
# service is asked first, so it is a refusal: 1.
case_none_at_all() {
    begin
    expect 2 pg_backup now
    for text in "S3_ACCESS_KEY is not set" "AWS_ACCESS_KEY_ID" AWS_WEB_IDENTITY_TOKEN_FILE "$T/.aws/credentials" \
        AWS_CONTAINER_CREDENTIALS_RELATIVE_URI "instance metadata service"; do
        says "$text"
    done
    [ "$(wc -l <"$T/err")" -le 2 ] || fail "too many words: $(cat "$T/err")"
    settings+=(S3_BACKUP_MAX_AGE=1d AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1)
    expect 1 pg_prune now
    says "there are no credentials for the bucket"
    says "hop limit"
}

# A dump of two parts, a pause of 4.5 s, and the rest.
use_slow_dump() {
    drop_database app
    create_large_database app 48 # 96 MB of text
    mkdir "$T/bin"
    cat >"$T/bin/pg_dump" <<WRAPPER
#!/usr/bin/env bash
set -o pipefail
[[ " \$* " != *" --version "* ]] || exec "$PG_BIN/pg_dump" "\$@"
"$PG_BIN/pg_dump" "\$@" | { head -c 70000000; sleep 4.5; cat; }
WRAPPER
    chmod +x "$T/bin/pg_dump"
    settings+=("PG_BINDIR=$T/bin")
}

# A dump that takes longer than the credentials live; their real end is what the gateway checks.
case_run_longer_than_a_session() {
    begin
    use_slow_dump
    local base=("${settings[@]}") before
    use_profile 3
    backup_says 'source="AWS profile"'
    [ "$(grep -c 'source="AWS profile"' "$T/err")" -ge 2 ] || fail "the credentials were not renewed"
    # What a role has written is its own in Ceph, so its own reader looks at it.
    expect 0 pg_backup restore --create --target-database copy
    expect_same_database app copy
    before=$(manifests)
    session 3 # the same without a source that renews
    settings=("${base[@]}" "S3_ACCESS_KEY=$access_key" "S3_SECRET_KEY=$secret_key" "S3_SESSION_TOKEN=$session_token")
    expect 1 pg_backup now
    [ "$(manifests)" = "$before" ] || fail "a backup beyond the session"
}

# The source does not say when its credentials end: the gateway's refusal does.
case_session_whose_end_is_not_told() {
    begin
    use_slow_dump
    start_credential_server 3
    printf '#!/bin/sh\ncurl -sS -H "Authorization: %s" %s/container | jq "{Version: 1, AccessKeyId, SecretAccessKey, SessionToken: .Token}"\n' \
        "$(cat "$T/authorization")" "$credential_server" >"$T/bin/keys"
    chmod +x "$T/bin/keys"
    printf '[default]\ncredential_process = %s\n' "$T/bin/keys" >"$T/config"
    settings+=("AWS_CONFIG_FILE=$T/config")
    backup_says 'source="AWS profile"'
    [ "$(grep -c 'source="AWS profile"' "$T/err")" -ge 2 ] || fail "the credentials were not renewed"
}
