#!/usr/bin/env bash
# run.sh: checks the Kubernetes manifests, then plays them: podman runs their pods, hardened as they say,
# against PostgreSQL and an S3 server outside of the "cluster". Uses the engine in DK (../lib.sh) and the images
# there, and makes what is missing. The last line counts: "N passed, M failed".
#   KUBERNETES_KEEP=1   leaves everything running
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../../.." && pwd -P)
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$here/../lib.sh"

prefix=kubernetes-$$
tools=$prefix-tools # the container in which everything happens
postgres_password=postgres-$RANDOM db_password=backup-$RANDOM access_key=key-$RANDOM secret_key=secret-$RANDOM$RANDOM
ours= # the engine was started here
work=$(mktemp -d /tmp/pg-backup-kubernetes.XXXXXX)

clean_up() {
    if [ -z "${KUBERNETES_KEEP:-}" ]; then
        docker rm -fv "$tools" "$prefix-postgres" "$prefix-s3" >/dev/null 2>&1 || true
        docker network rm "$prefix" >/dev/null 2>&1 || true
        [ -z "$ours" ] || "$here/../down.sh" || true
        rm -rf "$work"
    fi
}
# shellcheck source-path=SCRIPTDIR source=../../runner.sh
. "$here/../../runner.sh"
at_end

check() { run_case "kubernetes: $1" "$work/output" "${@:2}"; } # NAME COMMAND...

in_tools() { docker exec -i "$tools" "$@"; }
podman() { in_tools podman "$@"; }
sql() { docker exec -i -e PGPASSWORD="$postgres_password" "$prefix-postgres" psql -XqAt -h 127.0.0.1 -U postgres "$@"; }

### The manifests

# Renders all: as they are, and copies of the example as its comments tell to change it.
render() {
    in_tools bash -s <<'SH'
set -euo pipefail
mkdir -p /rendered/overlays
for folder in cronjobs deployments example; do
    kubectl kustomize "/deploy/$folder" >"/rendered/$folder.yaml"
done
cp -r /deploy /overlays
/checks/overlays.sh /overlays /rendered/overlays
restore='{apiVersion: v1, kind: Secret, metadata: {name: pg-restore}, type: Opaque, stringData: {DB_PASSWORD: x}}'
{ cat /deploy/secrets.example.yaml; echo ---; echo "$restore"; } >/rendered/all-secrets.yaml
{ echo "$restore"; echo ---; echo "${restore/pg-restore/pg-backup}"; } >/rendered/passwords.yaml
SH
}

check_manifests() { # [--openshift] FILE...
    if [ "$1" = --openshift ]; then
        in_tools /checks/check.py --openshift /configuration.md "${@:2}"
    else
        in_tools /checks/check.py /configuration.md "$@"
    fi
}

# Of the overlays that need keys for the bucket; those with roles have passwords alone.
check_overlays() {
    local name
    for name in aws whole_server minio proxy daemons physical; do
        check_manifests /rendered/{all-secrets,overlays/$name}.yaml
    done
    for name in roles roles_daemons; do
        check_manifests /rendered/{passwords,overlays/$name}.yaml
    done
    for name in openshift openshift_daemons; do
        check_manifests --openshift /rendered/{all-secrets,overlays/$name}.yaml
    done
}

base_has_no_example_values() {
    local examples='DB: |DB_HOST|S3_ENDPOINT|S3_BUCKET|S3_PREFIX|MAX_AGE|RETENTION'
    if in_tools grep -E "$examples" /rendered/{cronjobs,deployments}.yaml; then return 1; fi
    if in_tools grep S3_ENDPOINT /rendered/overlays/aws.yaml; then return 1; fi
}

# The name that the daemon's pods ask for is another one, which restarts them.
changed_settings_get_another_name() {
    in_tools bash -s <<'SH'
set -euo pipefail
cd /overlays/mine-daemons
echo RETENTION_DRY_RUN=true >>prune.env
kubectl kustomize . >/rendered/changed.yaml
name() { awk '/^kind: Deployment/ { d = 1 } d && /name: pg-prune-/ { print $NF }' "$1"; }
name /rendered/overlays/daemons.yaml
name /rendered/changed.yaml
[ "$(name /rendered/changed.yaml | grep -c .)" = 1 ]
[ "$(name /rendered/changed.yaml)" != "$(name /rendered/overlays/daemons.yaml)" ]
SH
}

# A backup now is one whatever the schedule says, and each documented command works as often as one likes.
recipes_make_jobs() {
    "$root/tests/doc_commands.sh" | in_tools tee /documented >/dev/null
    in_tools /checks/recipes.sh /documented /rendered/example.yaml | tee "$work/recipes"
    [ "$(sort -u "$work/recipes" | grep -cE '^pg-backup-[0-9]+ now$')" = 2 ]
    [ "$(sort -u "$work/recipes" | grep -c '^pg-restore-[0-9]* restore --yes .*--target-database=app_copy')" = 2 ]
    [ "$(sort -u "$work/recipes" | grep -cE '^pg-backup-check-[0-9]+ check$')" = 2 ]
    [ "$(wc -l <"$work/recipes")" = 6 ]
}

self_test() {
    in_tools /checks/check_self_test.py /configuration.md /rendered/{all-secrets,example,deployments}.yaml
}

# Every image named is that of this version.
same_version() {
    local others
    others=$(grep -rnE 'image: .*pg-(backup|prune)|newTag' "$root/deploy/kubernetes" |
        grep -vE "(:|newTag: )${version//./\\.}(}| |\$)" || true)
    [ -z "$others" ] || { printf '%s\n' "$others"; return 1; }
}

### Play

start_servers() {
    docker network create "$prefix" >/dev/null
    docker run -d --name "$prefix-postgres" --network "$prefix" --network-alias postgres --shm-size 128m \
        -e POSTGRES_DB=app -e POSTGRES_PASSWORD="$postgres_password" postgres:17 >/dev/null
    docker run -d --name "$prefix-s3" --network "$prefix" --network-alias s3 -e GARAGE_DEFAULT_BUCKET=backups \
        -e GARAGE_DEFAULT_ACCESS_KEY="$access_key" -e GARAGE_DEFAULT_SECRET_KEY="$secret_key" \
        s3-stand-in >/dev/null
}

# The quick start of deploy/kubernetes/example, done by hand: a copy with values of ours.
prepare_example() {
    in_tools bash -s -- "$db_password" "$postgres_password" "$access_key" "$secret_key" <<'SH'
set -euo pipefail
cp -r /deploy /rendered/deploy
cd /rendered/deploy
cp -r example mine
sed -i 's/OWNER/owner/' mine/kustomization.yaml
sed -i 's|S3_ENDPOINT=.*|S3_ENDPOINT=http://s3:3900|' mine/store.env
sed -i 's|DB_HOST=.*|DB_HOST=postgres|' mine/backup.env
# As its comments say of another port, which podman does not watch but check.py does.
sed -i '/^  # S3 at another port/,/^  # [A-Z]/ s/^  # \([- ] \)/  \1/; s/value: 9000/value: 3900/' mine/kustomization.yaml
sed "s/DB_PASSWORD: .*/DB_PASSWORD: $1/; s/S3_ACCESS_KEY: .*/S3_ACCESS_KEY: $3/; s/S3_SECRET_KEY: .*/S3_SECRET_KEY: $4/" \
    secrets.example.yaml >/rendered/secrets.yaml
cat >>/rendered/secrets.yaml <<YAML
---
{apiVersion: v1, kind: Secret, metadata: {name: pg-restore}, type: Opaque, stringData: {DB_PASSWORD: $2}}
YAML
kubectl kustomize mine >/rendered/jobs.yaml
cp -r mine daemons
sed -i 's|../cronjobs.*|../deployments|; /schedule.yaml/d' daemons/kustomization.yaml
kubectl kustomize daemons >/rendered/daemons.yaml
cp -r mine openshift-mine
sed -i 's|^components: .*|components: [../openshift]|' openshift-mine/kustomization.yaml
kubectl kustomize openshift-mine >/rendered/openshift.yaml
sed -i 's/OWNER/owner/' /rendered/overlays/*.yaml
SH
}

load_images() {
    docker save pg-backup pg-prune | podman load -q
    local program
    for program in pg-backup pg-prune; do
        podman tag "localhost/$program:latest" "ghcr.io/owner/$program:$version"
    done
}

wait_for_servers() {
    for _ in $(seq 120); do
        # Over TCP, which PostgreSQL serves only after its first start; the bucket is made last.
        ! { sql -d app -c '' && docker exec "$prefix-s3" test -e /tmp/ready; } 2>/dev/null || return 0
        sleep 0.5
    done
    docker logs --tail 20 "$prefix-postgres"
    docker logs --tail 20 "$prefix-s3"
    return 1
}

fill_database() {
    sql -d app <<<"CREATE ROLE backup LOGIN PASSWORD '$db_password' BYPASSRLS;
        GRANT pg_read_all_data TO backup;
        CREATE TABLE item (id int PRIMARY KEY, name text);
        INSERT INTO item SELECT i, md5(i::text) FROM generate_series(1, 50000) i;"
}

# play FILE WORKLOAD POD [OPTION_OF_PLAYABLE...]: starts a pod.
play() {
    in_tools /checks/playable.py "$2" "$3" "/rendered/${secrets:-secrets}.yaml" "/rendered/$1.yaml" "${@:4}" \
        >"$work/$3.yaml"
    podman kube play --start=false - <"$work/$3.yaml" >/dev/null
    give_files_to_group "$3"
    podman pod start "$3-pod" >/dev/null
}

# As kubelet does it with the fsGroup of a pod, which podman does not know. The mode stays that of the manifest.
give_files_to_group() { # POD
    local group
    group=$(sed -n '/supplementalGroups:/ { n; s/.*- //p }' "$work/$1.yaml")
    podman volume ls -q | xargs docker exec "$tools" podman volume inspect --format '{{.Mountpoint}}' |
        xargs docker exec "$tools" chgrp -R "$group"
}

# The only container of a pod but for the one that holds it together.
container_of() { podman ps -a --filter "pod=$1-pod" --format '{{.Names}} {{.Command}}' | grep -v -- '-infra' | cut -d' ' -f1; }

# complete POD STATUS: waits for its end, prints its log, and expects that exit code.
complete() {
    local name status
    name=$(container_of "$1")
    status=$(timeout 120 docker exec "$tools" podman wait "$name")
    podman logs "$name" 2>&1
    echo "exit code $status"
    [ "$status" = "$2" ]
}

# From the daemon's pod, as a user would ask.
list_backups() { podman exec "$(container_of daemon)" /usr/local/bin/pg-backup list --json; }

backup_completes() { # POD [OPTION_OF_PLAYABLE...]
    play jobs CronJob/pg-backup "$@"
    complete "$1" 0
}

# The pod that follows one that failed, or was evicted.
second_pod_makes_no_other() {
    backup_completes again
    podman logs "$(container_of again)" 2>&1 | grep -F 'no backup is due'
}

second_backup_is_another() {
    backup_completes second --args now
    podman logs "$(container_of second)" 2>&1 | jq -es 'all(.[]; .level and .message)' >/dev/null
}

# Nobody else may read the secrets: what the pod reads, it reads by its group.
secrets_are_for_the_group() {
    in_tools find /var/lib/containers/storage/volumes -path '*/_data/*' -type f -printf '%m %u %g %P\n' | tee "$work/modes"
    [ -s "$work/modes" ]
    if grep -v '^440 root 10001 ' "$work/modes"; then return 1; fi
}

# What OpenShift's restricted-v2 makes of a pod: a user and a group of the namespace's, which no image knows.
backup_completes_in_openshift() {
    play openshift CronJob/pg-backup openshift --namespace-user 1000650000 --args now
    complete openshift 0
    podman inspect -f '{{.Config.User}}' "$(container_of openshift)" | tee "$work/user"
    grep -q 1000650000 "$work/user"
}

# config_is_right OVERLAY POD [OPTION_OF_PLAYABLE...]: by the programs' own word, in each workload.
config_is_right() {
    local overlay=$1 pod=$2 workload
    for workload in CronJob/pg-backup CronJob/pg-prune; do
        play "overlays/$overlay" "$workload" "$pod-${workload#*/pg-}" "${@:3}" --args config --check
        complete "$pod-${workload#*/pg-}" 0
    done
}

overlays_are_configured() {
    config_is_right aws aws
    config_is_right whole_server whole
    config_is_right minio minio
    config_is_right proxy proxy
}

# With what EKS adds to the pods: by an annotation (IRSA), or an association (Pod Identity).
roles_are_configured() {
    local secrets=passwords
    config_is_right roles irsa --env AWS_ROLE_ARN=arn:aws:iam::111122223333:role/x \
        --env AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/eks.amazonaws.com/serviceaccount/token
    config_is_right roles podid --env AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials \
        --env AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/token
}

wrong_setting_fails_with_2() {
    play jobs CronJob/pg-backup wrong --env S3_ADDRESSING=sideways
    complete wrong 2
}

prune_completes() {
    play jobs CronJob/pg-prune prune
    complete prune 0
}

prune_knows_no_database() {
    podman inspect -f '{{.Config.Env}} {{.Mounts}}' "$(container_of prune)" >"$work/prune"
    cat "$work/prune"
    if grep -E 'DB_|PG' "$work/prune"; then return 1; fi
}

until_locks() { # CONDITION
    for _ in $(seq 100); do
        [ "$(sql -d app -c "SELECT count(*) FROM pg_locks WHERE $1")" = 0 ] || return 0
        sleep 0.2
    done
    return 1
}

# A run that is told to stop has not done its work: the Job must not count as complete.
stopped_backup_fails() {
    sql -d app -c 'BEGIN; LOCK TABLE item; SELECT pg_sleep(60)' >/dev/null 2>&1 &
    local locker=$! name
    until_locks "granted AND relation = 'item'::regclass"
    play jobs CronJob/pg-backup stopped --args now
    name=$(container_of stopped)
    until_locks "NOT granted"
    podman stop -t 20 "$name"
    sql -d app -c "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
    wait "$locker" || true
    complete stopped 1
}

# ready POD COMMAND...: what a readiness probe would see, within 30 s.
ready() {
    local name
    name=$(container_of "$1")
    for _ in $(seq 60); do
        ! podman exec "$name" "${@:2}" >"$work/health" 2>&1 || return 0
        sleep 0.5
    done
    cat "$work/health"
    podman logs "$name"
    return 1
}

daemon_is_ready() {
    play daemons Deployment/pg-backup daemon
    ready daemon /usr/local/bin/pg-backup health
    podman healthcheck run "$(container_of daemon)" # the image's own
}

prune_daemon_is_ready() {
    play daemons Deployment/pg-prune prune-daemon
    ready prune-daemon /usr/local/bin/pg-prune health
}

late_daemon_is_not_ready() {
    play daemons Deployment/pg-backup late --env MAX_BACKUP_AGE_SECONDS=1
    local name answer
    name=$(container_of late)
    for _ in $(seq 60); do
        if ! answer=$(podman exec "$name" /usr/local/bin/pg-backup health 2>&1) && [[ $answer = *"late since"* ]]; then
            return 0
        fi
        sleep 0.5
    done
    printf '%s\n' "$answer"
    return 1
}

daemon_is_hardened() {
    local name status
    name=$(container_of daemon)
    status=$(podman exec "$name" cat /proc/1/status)
    printf '%s\n' "$status"
    grep -qP '^Uid:\t10001\t10001\t10001\t10001$' <<<"$status"
    grep -qP '^Gid:\t10001\t10001\t10001\t10001$' <<<"$status"
    grep -qP '^CapBnd:\t0+$' <<<"$status"
    grep -qP '^NoNewPrivs:\t1$' <<<"$status"
    grep -qP '^Seccomp:\t2$' <<<"$status"
    if podman exec "$name" touch /etc/x; then return 1; fi
}

daemon_makes_no_needless_backup() {
    list_backups | tee "$work/list"
    [ "$(wc -l <"$work/list")" = 3 ]
}

# The manifest says so, by the schedule of the example and in its time zone.
next_is_due_by_the_schedule() {
    local key due
    key=$(list_backups | tail -n 1 | jq -re .key)
    docker exec "$prefix-s3" curl -sf --aws-sigv4 aws:amz:garage:s3 --user "$access_key:$secret_key" \
        -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -c1-64)" \
        "http://127.0.0.1:3900/backups/${key%/*}/manifest.json" | tee "$work/manifest.json"
    due=$(jq -re .next_due "$work/manifest.json")
    [ "$(TZ=Europe/Berlin date -d "$due" +%H:%M)" = 04:30 ]
}

daemon_stops() {
    local name
    name=$(container_of daemon)
    podman stop -t 20 "$name"
    complete daemon 0
}

restore_completes() {
    play jobs CronJob/pg-restore restore
    complete restore 0
    local sum="SELECT count(*), sum(hashtext(name || id)) FROM item"
    sql -d app_copy -c "$sum"
    [ "$(sql -d app -c "$sum")" = "$(sql -d app_copy -c "$sum")" ]
}

version=$(project_version)
engine_answers || { ours=1 && "$here/../engine-up.sh"; }
"$here/../make-base-images.sh" debian:trixie-slim postgres:17 s3-stand-in
docker image inspect pg-backup pg-prune >/dev/null 2>&1 ||
    "$here/../build.sh" >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2 && exit 1; }
docker build -q -t kubernetes-tools "$here" >/dev/null
start_servers
docker run -d --init --name "$tools" --network "$prefix" --privileged -v "$root/deploy/kubernetes:/deploy:ro" \
    -v "$here:/checks:ro" -v "$root/docs/configuration.md:/configuration.md:ro" kubernetes-tools >/dev/null

check "kustomize renders the manifests" render
check "the CronJobs are right" check_manifests /rendered/{all-secrets,cronjobs}.yaml
check "the Deployments are right" check_manifests /rendered/{all-secrets,deployments}.yaml
check "the example is right" check_manifests /rendered/{all-secrets,example}.yaml
check "so is what its comments make of it" check_overlays
check "the base has no example values" base_has_no_example_values
check "a changed setting restarts the daemon" changed_settings_get_another_name
check "the documented commands make Jobs, again and again" recipes_make_jobs
check "the check finds what is wrong" self_test
check "all images are of this version" same_version

check "the example can be made one's own" prepare_example
check "and is right then" check_manifests /rendered/{secrets,jobs}.yaml
check "images are loaded" load_images
check "the servers are up" wait_for_servers
check "the database is filled" fill_database
check "a CronJob's backup completes" backup_completes first
check "a second pod of that night makes no other" second_pod_makes_no_other
check "so does the next one" second_backup_is_another
check "nobody but the group may read the secrets" secrets_are_for_the_group
check "OpenShift's users may run it" backup_completes_in_openshift
check "each overlay is a configuration" overlays_are_configured
check "so are those with roles, without keys" roles_are_configured
check "a wrong setting is exit code 2" wrong_setting_fails_with_2
check "a backup that is stopped fails" stopped_backup_fails
check "the pruner completes" prune_completes
check "the pruner sees nothing of the database" prune_knows_no_database
check "the daemon is ready" daemon_is_ready
check "so is the pruning one" prune_daemon_is_ready
check "one that is late is not ready" late_daemon_is_not_ready
check "the daemon is hardened" daemon_is_hardened
check "all backups are listed, and the daemon made no needless one" daemon_makes_no_needless_backup
check "a CronJob's backup says when the next one is due" next_is_due_by_the_schedule
check "the daemon stops at once" daemon_stops
check "a restore completes, and brings everything back" restore_completes
[ "$failed" = 0 ]
