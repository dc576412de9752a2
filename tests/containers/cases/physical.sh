# shellcheck shell=bash
# deploy/compose with physical.yaml, and PostgreSQL of the major version that the image of the server has: a server whose
# WAL is in the bucket of the stack, and what docs/physical.md says to do when it is gone, word for word.

here=$WORK/physical
set -a
COMPOSE_PROJECT_NAME=pg-backup-physical
set +a

in_folder() { (cd "$here" && "$@" </dev/null); }
in_physical() { in_folder docker compose --progress quiet --ansi never "$@"; }
server_sql() { in_physical exec -T postgres psql -XAtq -v ON_ERROR_STOP=1 -U postgres -c "$1"; }

# once for all cases
prepare() {
    compose up -d --pull never --no-build --wait --wait-timeout 90 s3
    [ ! -e "$here" ] || return 0
    cp -r "$root/deploy/compose" "$here"
    cat "$here/.env.example" - >"$here/.env" <<ENV
COMPOSE_FILE=compose.yaml:physical.yaml:compose.override.yaml
PG_BACKUP_IMAGE=pg-backup
PG_PRUNE_IMAGE=pg-prune
DB_HOST=postgres
S3_ENDPOINT=http://s3:3900
S3_PREFIX=physical
WAL_FLUSH_INTERVAL=1s
ENV
    mkdir -p "$here"/secrets/{backup,prune,restore,postgres}
    printf 'of the superuser\n' >"$here/secrets/postgres/postgres_password"
    printf 'of backups\n' | tee "$here/secrets/postgres/backup_password" >"$here/secrets/backup/db_password"
    for program in backup prune restore; do
        printf 'for-trying-only-key\n' >"$here/secrets/$program/s3_access_key"
        printf 'for-trying-only-secret\n' >"$here/secrets/$program/s3_secret_key"
    done
    chmod -R a+rX "$here/secrets"
    cat >"$here/compose.override.yaml" <<YAML
x-service: &service
  networks: [default, store]
  healthcheck: {interval: 2s, start_interval: 1s, retries: 2}
services:
  backup: *service
  prune: *service
  restore: {networks: [store]}
  postgres: {healthcheck: {interval: 2s}}
networks:
  store: {external: true, name: ${project}_store}
YAML
}

physical_up() { in_physical up -d --pull never --wait --wait-timeout 120; }
has_base() { grep -qF '"group":"_cluster"' <<<"$(in_physical exec -T backup pg-backup list --json)"; }

# runbook: the commands of "The server is gone", from within the folder on, without the restore up to a moment, and
# without a terminal.
runbook() {
    awk '/^## The server is gone/ { on = 1; next } /^## / { on = 0 } on' "$root/docs/physical.md" >"$T/section"
    "$root/tests/doc_commands.sh" "$T/section" | grep -v -e '^cp -r deploy/compose ' -e ' --target-time ' |
        sed -E 's/docker compose (exec|run) /&-T /'
}

case_up_streams_and_backs_up() {
    prepare
    physical_up
    note "PostgreSQL $(server_sql 'show server_version')"
    wait_until 60 has_base
    in_physical exec -T backup pg-backup check-backup
    expect slots "$(server_sql 'select slot_name, active from pg_replication_slots')" "pg_backup|t"
    in_physical exec -T prune pg-prune plan >"$T/out"
    says "every moment from"
}

case_the_server_is_gone() {
    local rows
    prepare
    physical_up
    wait_until 60 has_base
    server_sql 'create table numbers (n int primary key)'
    for rows in 1 2 3 4 5; do server_sql "insert into numbers values ($rows)"; done
    server_sql "insert into numbers select generate_series(6, 20000)"
    position=$(server_sql 'select pg_current_wal_lsn()')
    wait_until 60 is_stored
    in_physical rm -sfv postgres
    docker volume rm pg-backup-physical_postgres-data >/dev/null
    runbook >"$T/runbook"
    expect "commands of the runbook" "$(grep -c '^docker compose' "$T/runbook")" 9
    in_folder bash -euxo pipefail "$T/runbook" || fail "the runbook ends with $?"
    expect rows "$(server_sql 'select count(*), sum(n) from numbers')" "20000|200010000"
    expect recovery "$(server_sql 'select pg_is_in_recovery()')" f
    server_sql 'insert into numbers values (0)'
    wait_until 60 streams_timeline_2
}
position=
is_stored() { [ "$(server_sql "select flush_lsn >= '$position' from pg_stat_replication")" = t ]; }
streams_timeline_2() { grep -qF '"timeline":2' <<<"$(in_physical exec -T backup pg-backup list --json)"; }

case_another_restart_of_the_engine() {
    prepare
    physical_up
    restart_engine
    wait_until 120 docker_says "$(in_physical ps -aq backup)" healthy
    in_physical exec -T backup pg-backup check-backup
}
