# shellcheck shell=bash
# Sourced by the scripts here: where the private container engine is, and how to talk to it.
#   DK   its folder: programs, socket, images, logs. A short path: sockets lie in it.
DK=${DK:-/tmp/pg-backup-engine}
W=$DK # of tests/servers/lib.sh: processes known by pid and start time
# shellcheck source-path=SCRIPTDIR source=../servers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../servers/lib.sh"
export DOCKER_HOST=unix://$DK/run/docker.sock
export DOCKER_CONFIG=$DK/config # holds the plugins compose and buildx
export PATH=$DK/bin:$PATH

say() { printf '%s (%d s)\n' "$*" "$SECONDS" >&2; }

engine_answers() { docker version >/dev/null 2>&1; }

# The Debian mirror that this machine uses.
debian_mirror() {
    local sites
    # shellcheck disable=SC2016
    sites=$(apt-get indextargets --format '$(SITE)' 'Origin: Debian' 'Label: Debian')
    [ -n "$sites" ] || { echo "apt has no Debian archive in its lists: run apt-get update" >&2; return 1; }
    echo "${sites%%$'\n'*}"
}

# The version that CMakeLists.txt states.
project_version() {
    sed -nE 's/^project\(.* VERSION ([0-9.]+).*/\1/p' "$(dirname "${BASH_SOURCE[0]}")/../../CMakeLists.txt"
}
