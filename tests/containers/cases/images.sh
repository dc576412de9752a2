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
    docker rm "$container" >/dev/null
}

# The unit tests as they were built here, with the libraries, time zones and client programs of the image. Only what the
# image does not have in this version comes from this machine.
case_unit_tests_pass_with_its_libraries() {
    local tests=$root/build/bin/unit_tests
    [ -x "$tests" ] || skip "build/bin/unit_tests is not built"
    mkdir "$T/libraries"
    ldd "$tests" | awk '$1 ~ /^lib(fmt|pugixml)/ {print $3}' | xargs -I{} cp -L {} "$T/libraries"
    status=0
    docker run --rm --label "$label" --network none --tmpfs /tmp:exec --tmpfs /backups --user 0 --entrypoint "$tests" \
        -v "$root:$root:ro" -v "$T/libraries:/libraries:ro" -w "$root" \
        -e LD_LIBRARY_PATH=/libraries -e BACKUP_DIR_ON_ROOT=allow pg-backup >"$T/out" 2>&1 || status=$?
    ! grep -q 'GLIBC.* not found' "$T/out" || skip "this machine's C library is newer than the image's"
    [ "$status" = 0 ] || { tail -n 100 "$T/out"; fail "status $status"; }
    note "$(tail -n 2 "$T/out" | xargs)"
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
        grep -qx 'usr/share/zoneinfo/US/Eastern' "$T/$image" || fail "$image has no time zones under their older names"
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

# build_clients_from stranger|friend: out of a folder in place of the PostgreSQL project's archive
build_clients_from() {
    docker build -q --target "$1" -t "pg-backup-test-$1" "$root/tests/containers/pgdg" >/dev/null
    build_clients -t pg-backup-test-clients --build-context "debian:trixie-slim=docker-image://pg-backup-test-$1" \
        --build-arg PG_MAJORS="16 17" --build-arg PGDG_URL=file:/archive
    docker rmi -f "pg-backup-test-$1" >/dev/null
}

case_an_archive_signed_by_a_stranger_is_refused() {
    build_clients_from stranger
    [ "$status" != 0 ] || fail "was built"
    says "is not signed"
}

case_several_versions_come_from_the_archive() {
    build_clients_from friend
    [ "$status" = 0 ] || { tail -n 20 "$T/out"; fail "was not built"; }
    files_of pg-backup-test-clients
    docker rmi -f pg-backup-test-clients >/dev/null
    for file in files/usr/lib/postgresql/{16,17}/bin/{pg_dump,pg_restore} libpq5_99; do
        grep -q "^clients/$file" "$T/pg-backup-test-clients" || fail "no $file"
    done
}

case_documented_recipes_are_read_only_and_start_again() {
    "$root/tests/doc_commands.sh" | sed -n '/^docker run /,/[^\\]$/p' >"$T/recipes"
    grep -oh 'docker run -.*' "$root/README.md" "$root"/docs/*.md | grep -c . >"$T/count"
    expect "recipes in blocks" "$(grep -c 'docker run' "$T/recipes")" "$(cat "$T/count")"
    expect "read-only ones" "$(grep -c -- --read-only "$T/recipes")" "$(cat "$T/count")"
    expect "those that start again" "$(grep -c -- '--restart unless-stopped' "$T/recipes")" "$(cat "$T/count")"
}
