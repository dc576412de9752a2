#!/usr/bin/env bash
# engine-up.sh: a container engine of our own (Docker, BuildKit, compose) out of Debian's packages, below DK
# (lib.sh). As root. It has a mount and a network namespace of its own, with slirp4netns as its way out: no
# bridge, no firewall rule and no mount of it is ever seen outside, and an engine that runs here already is not
# touched. Does nothing where it runs already. down.sh ends it.
#   SUITE=trixie   the Debian release that its programs come from; they run on Debian 12 too
set -euo pipefail
. "$(dirname "$0")/lib.sh"
suite=${SUITE:-trixie}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
cgroup=pg-backup-${DK//[^a-zA-Z0-9]/-}

# What the engine needs beside it, from the machine's own release: runc of a newer one would need its libc. By
# program, not by package: where another engine brings its own runc, that one serves.
missing=()
for program in runc iptables slirp4netns mmdebstrap; do
    command -v $program >/dev/null || missing+=("$program")
done
command -v ip >/dev/null || missing+=(iproute2)
# shellcheck source-path=SCRIPTDIR source=../packages.sh
. "$(dirname "$0")/../packages.sh"
[ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"

unpack_engine() {
    local apt mirror package
    mirror=$(debian_mirror)
    mkdir -p "$DK"/{bin,config/cli-plugins,debs,unpacked,apt/lists/partial,apt/cache/archives/partial}
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$DK/apt/sources.list"
    apt=(apt-get -qq -o Dir::Etc::sourcelist="$DK/apt/sources.list" -o Dir::Etc::sourceparts=-
        -o Dir::State::lists="$DK/apt/lists" -o Dir::Cache="$DK/apt/cache" -o Dir::State::status=/dev/null
        -o APT::Sandbox::User=root)
    "${apt[@]}" update
    (cd "$DK/debs" && "${apt[@]}" download docker.io docker-cli docker-buildx docker-compose containerd tini)
    for package in "$DK"/debs/*.deb; do dpkg-deb -x "$package" "$DK/unpacked"; done
    mv "$DK"/unpacked/usr/sbin/{dockerd,docker-proxy} \
        "$DK"/unpacked/usr/bin/{docker,containerd,containerd-shim-runc-v2} "$DK/bin"
    mv "$DK/unpacked/usr/bin/tini-static" "$DK/bin/docker-init"
    mv "$DK"/unpacked/usr/libexec/docker/cli-plugins/* "$DK/config/cli-plugins"
    rm -rf "$DK/unpacked" "$DK/debs" "$DK/apt"
    touch "$DK/bin/complete"
}

# Runs in the namespaces: waits for the network, then becomes the engine.
# shellcheck disable=SC2016
inside='set -e
    mount --make-rprivate /
    mount -t tmpfs tmpfs /run
    for _ in $(seq 200); do ! ip route get 10.0.2.2 >/dev/null 2>&1 || break; sleep 0.05; done
    exec "$@"'

start_engine() {
    local pid
    mkdir -p "$DK/run" "$DK/log"
    : >>"$DK/pids"
    rm -f "$DK/run/docker.pid"
    start dockerd unshare --mount --net --propagation slave bash -c "$inside" bash \
        "$DK/bin/dockerd" --data-root "$DK/data" --exec-root "$DK/exec" --pidfile "$DK/run/docker.pid" \
        -H "$DOCKER_HOST" --dns 10.0.2.3 --cgroup-parent "/$cgroup" --log-level warn
    pid=$(tail -n 1 "$DK/pids" | cut -d' ' -f1)
    until [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    start slirp4netns slirp4netns --configure --mtu=65520 --disable-host-loopback "$pid" tap0
    for _ in $(seq 240); do
        ! engine_answers || return 0
        is_running dockerd || break
        sleep 0.25
    done
    tail -n 20 "$DK"/log/{dockerd,slirp4netns}.out >&2
    return 1
}

mkdir -p "$DK"
[ -e "$DK/bin/complete" ] || unpack_engine
engine_answers || start_engine
say "engine $(docker version -f '{{.Server.Version}}'), compose $(docker compose version --short), in $DK"
