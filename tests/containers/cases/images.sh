# shellcheck shell=bash
# The images as such.

case_size() {
    local image limit size
    while read -r image limit; do
        size=$(($(fact "$image" '{{.Size}}') / 1000000))
        note "$image: $size MB"
        [ "$size" -le "$limit" ] || fail "$image: $size MB, at most $limit"
    done <<'LIMITS'
pg-prune 110
pg-backup 110
LIMITS
}

case_facts() {
    local image
    for image in pg-backup pg-prune; do
        expect user "$(fact $image '{{.Config.User}}')" 10001:10001
        expect entrypoint "$(fact $image '{{json .Config.Entrypoint}}')" "[\"/usr/local/bin/$image\"]"
        expect command "$(fact $image '{{json .Config.Cmd}}')" '["serve"]'
        expect healthcheck "$(fact $image '{{json .Config.Healthcheck.Test}}')" \
            "[\"CMD\",\"/usr/local/bin/$image\",\"health\"]"
        expect "stop signal" "$(fact $image '{{.Config.StopSignal}}')" SIGTERM
        expect title "$(fact $image '{{index .Config.Labels "org.opencontainers.image.title"}}')" $image
        expect version "$(fact $image '{{index .Config.Labels "org.opencontainers.image.version"}}')" \
            "$(project_version)"
        run_image $image --version
        expect "$image --version" "$(cat "$T/out")" "$image $(project_version)"
    done
}

# Every file of an image; what belongs to a stage before, or to apt, must not be among them.
files_of() {
    local container
    container=$(docker create --label "$label" "$1")
    docker export "$container" | tar -t >"$T/$1"
}

case_nothing_more_than_needed() {
    local image
    for image in pg-backup pg-prune; do
        files_of $image
        ! grep -E '^(usr/bin/(g\+\+|cmake|curl|python.*)|usr/(lib|share)/perl/|src/|build/)' "$T/$image" ||
            fail "$image holds what it does not need"
        ! grep -E '^var/(lib/apt/lists/|cache/apt/(archives/)?|cache/debconf/.*-old|log/)[^/]*[^/]$' "$T/$image" |
            grep -vE '^var/(lib/apt/lists/(partial|auxfiles)|cache/apt/archives(/lock)?|lib/apt/lists/lock|log/(btmp|lastlog|wtmp|faillog|alternatives\.log))$' ||
            fail "$image holds package lists or logs"
        grep -qx 'usr/share/zoneinfo/Europe/Berlin' "$T/$image" || fail "$image has no time zones"
        grep -qx 'etc/ssl/certs/ca-certificates.crt' "$T/$image" || fail "$image trusts no authority"
        grep -qx "usr/local/bin/$image" "$T/$image" || fail "$image has no $image"
    done
    ! grep -E 'libpq|psql|pg_dump|usr/lib/postgresql|pg-backup$' "$T/pg-prune" || fail "pg-prune holds PostgreSQL"
    for program in pg_dump pg_dumpall pg_restore psql; do
        grep -qx "usr/lib/postgresql/17/bin/$program" "$T/pg-backup" || fail "no $program"
    done
    ! grep -x 'usr/local/bin/pg-prune' "$T/pg-backup" || fail "pg-backup holds pg-prune"
}

case_without_settings_status_2_says_why() {
    local image
    for image in pg-backup pg-prune; do
        run_image $image
        expect "status of $image" "$status" 2
        says "S3_BUCKET"
    done
}

case_the_build_stage_is_shared() {
    local name
    for name in backup prune; do
        sed -n '/ AS build$/,/^$/p' "$root/Dockerfile.$name" >"$T/$name"
    done
    [ -s "$T/backup" ] || fail "no build stage"
    cmp "$T/backup" "$T/prune"
}

build_clients() { # OPTION...: only that stage
    status=0
    docker build --progress=plain --target clients "$@" -f "$root/Dockerfile.backup" "$root" >"$T/out" 2>&1 ||
        status=$?
}

case_an_unknown_repository_is_refused() {
    build_clients --build-arg PG_REPO=elsewhere
    [ "$status" != 0 ] || fail "was built"
    says "PG_REPO must be pgdg or debian, not elsewhere"
}

# An archive that nobody signed, in place of the PostgreSQL project's.
case_an_unsigned_repository_is_refused() {
    mkdir -p "$T/image/dists/trixie-pgdg"
    printf '%s\n' 'Suite: trixie-pgdg' 'Codename: trixie-pgdg' "Date: $(date -Ru)" 'Architectures: amd64 arm64' \
        'Components: main' 'SHA256:' >"$T/image/dists/trixie-pgdg/Release"
    printf '%s\n' 'FROM debian:trixie-slim' 'COPY dists /archive/dists' |
        docker build -q -t pg-backup-test-unsigned -f - "$T/image" >/dev/null
    build_clients --build-context debian:trixie-slim=docker-image://pg-backup-test-unsigned \
        --build-arg PG_MAJORS=17 --build-arg PGDG_URL=file:/archive
    docker rmi -f pg-backup-test-unsigned >/dev/null
    [ "$status" != 0 ] || fail "was built"
    says "is not signed"
}
