# shellcheck shell=bash
# What every case has at hand: the stack of compose.yaml, single containers, and the bucket from outside.

root=$(cd ../../.. && pwd -P)
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. ../lib.sh
project=pg-backup-test
label=pg-backup-test
export PG_REPO=debian PG_MAJORS=17

# T: folder of the case.
begin_case() { # NAME
    T=$WORK/$1
    mkdir "$T"
    trap end_case EXIT
}

end_case() {
    local status=$? container left
    trap - EXIT
    if [ "$status" != 0 ]; then
        mapfile -t left < <(docker ps -aq --filter "label=$label")
        for container in "${left[@]}"; do echo "-- a container:" && docker logs --tail 4 "$container" 2>&1; done
        echo "-- all containers:"
        docker ps -a --no-trunc --format '{{.Names}} {{.ID}}: {{.Status}}' || true
        docker ps -aq | xargs -r docker inspect -f '{{.Name}} {{json .State}}' | grep -v '"Running":true' || true
        echo "-- the stack:"
        compose logs --no-color --no-log-prefix --tail 8 backup prune 2>&1 || true
    fi
    remove_containers || status=1
    exit "$status"
}

fail() { echo "$*"; exit 1; }
note() { echo "note: $*"; }
skip() { echo "$*"; exit 77; } # this machine cannot run it

# wait_until SECONDS COMMAND...: polls; fails when the command still fails after that time.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "still not after the time given: $*"
        sleep 0.3
    done
}

# ---- single containers ---------------------------------------------------------------------------------

# run_image IMAGE ARGUMENT...: hardened as in compose.yaml; `options` for docker.
# Its status in `status`, what it said in $T/out.
run_image() {
    status=0
    docker run --rm "${hardened[@]}" "${options[@]}" "$@" >"$T/out" 2>&1 || status=$?
}

# start_image IMAGE ARGUMENT...: the same in the background, in the networks of the stack; its id in `container`.
start_image() {
    local network
    container=$(docker create "${hardened[@]}" "${options[@]}" "$@")
    for network in "${networks[@]}"; do docker network connect "${project}_$network" "$container"; done
    docker start "$container" >/dev/null
}

hardened=(--label "$label" --read-only --cap-drop ALL --security-opt no-new-privileges:true --memory 256m
    --pids-limit 64)
options=() networks=()

remove_containers() { # [LABEL]
    local left
    mapfile -t left < <(docker ps -aq --filter "label=${1:-$label}")
    [ ${#left[@]} = 0 ] || docker rm -fv "${left[@]}" >/dev/null
}

fact() { docker inspect -f "$2" "$1"; } # CONTAINER-OR-IMAGE TEMPLATE

logs_say() { grep -qF -- "$2" <<<"$(docker logs "$1" 2>&1)"; } # CONTAINER TEXT
says() { grep -qF -- "$1" "$T/out" || { cat "$T/out"; fail "does not say: $1"; }; }
expect() { [ "$2" = "$3" ] || fail "$1 is '$2' instead of '$3'"; } # WHAT IS SHOULD

# stays_alive CONTAINER: running, and never restarted.
stays_alive() { expect "$1" "$(fact "$1" '{{.State.Running}} {{.RestartCount}}')" "true 0"; }

well() { docker exec "$1" "$(fact "$1" '{{index .Config.Entrypoint 0}}')" health; }
unwell() { ! well "$1"; }
docker_says() { [ "$(fact "$1" '{{.State.Health.Status}}')" = "$2" ]; } # CONTAINER healthy|unhealthy

# ---- the stack -------------------------------------------------------------------------------------------

# What somebody who is not root cloned with umask 077.
clone=$WORK/clone
make_clone() {
    [ ! -e "$clone" ] || return 0
    mkdir "$clone"
    cp -r "$root/compose.yaml" "$root/deploy" "$clone"
    chmod -R go= "$clone"
    chown -R 65534 "$clone"
}

compose() {
    make_clone
    docker compose --progress quiet --ansi never -p $project -f "$clone/compose.yaml" \
        -f "$root/tests/containers/compose.ci.yaml" --env-file /dev/null "$@"
}

# stack_up: everything as compose.yaml has it, healthy; nothing to do where that is so already.
stack_up() { compose up -d --pull never --no-build --wait --wait-timeout 90; }

id_of() { compose ps -aq "$1"; }

clean_up() {
    remove_containers
    remove_containers com.docker.compose.project=pg-backup-production
    remove_containers com.docker.compose.project=pg-backup-physical
    docker volume rm -f pg-backup-physical_postgres-data
    compose --profile '*' down -v --remove-orphans --timeout 5
}

sql() { # DATABASE STATEMENT
    compose exec -T postgres psql -XAtq -v ON_ERROR_STOP=1 -U postgres -d "$1" -c "$2"
}

# As at a reboot: the engine stops its containers, ends, and starts again.
restart_engine() {
    local engine
    engine=$(cat "$DK/run/docker.pid")
    kill -TERM "$engine"
    wait_until 60 test ! -e "/proc/$engine"
    stop_all TERM # its network
    ../engine-up.sh
}

run_now() { compose exec -T "$1" sh -c 'kill -USR1 1'; } # SERVICE

# ---- the bucket, without the code under test -------------------------------------------------------------

# s3 VERB...: from the engine's network, since the stack publishes no port.
s3() {
    local address
    address=$(fact "$(id_of s3)" '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}')
    S3_ENDPOINT=http://$address:3900 S3_BUCKET=backups \
        S3_ACCESS_KEY=for-trying-only-key S3_SECRET_KEY=for-trying-only-secret \
        nsenter --net="/proc/$(cat "$DK/run/docker.pid")/ns/net" "$root/tests/servers/s3.py" "$@"
}

ids() { s3 ls | sed -n 's#^[0-9]* \(app/.*\)/manifest\.json$#\1#p'; } # of complete backups of the stack
backups() { ids | wc -l; }
more_backups_than() { [ "$(backups)" -gt "$1" ]; }
