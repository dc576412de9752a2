# shellcheck shell=bash
# Sourced by test.sh and demo.sh: installs Debian packages (12 and 13), only what is missing.

# To build the programs, and a PostgreSQL to try them with.
# shellcheck disable=SC2034
build_packages=(
    age cmake ninja-build g++ pkg-config
    libcurl4-openssl-dev libfmt-dev libmicrohttpd-dev libpq-dev libpugixml-dev libssl-dev libzstd-dev
    nlohmann-json3-dev zlib1g-dev
    postgresql postgresql-client
)

# To build the tests, to check the sources, and the servers and tools of the end-to-end tests.
# shellcheck disable=SC2034
test_packages=(
    catch2 ccache git make
    clang clang-format clang-tidy libclang-rt-dev shellcheck yamllint
    ceph-common ceph-mon ceph-osd radosgw openssh-client openssl
    awscli chromium-headless-shell curl jq libfaketime pgbouncer prometheus prometheus-pushgateway python3 tzdata zstd
    python3-croniter golang-go golang-github-robfig-cron-dev
)

# install_packages NAME...: does nothing, apt included, where all are there.
install_packages() {
    local name missing=() as_root=()
    for name in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "not root and no sudo: install them, then start again" >&2; return 1; }
        as_root=(sudo)
    fi
    apt_get() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null; }
    apt_get update

    ( # of its own, so that the file goes whatever ends us
        no_cluster=/etc/postgresql-common/createcluster.d/pg-backup-tests.conf log=$(mktemp)
        no_start=/usr/sbin/policy-rc.d ours=("$no_cluster")
        trap '"${as_root[@]}" rm -f "${ours[@]}"; rm -f "$log"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM
        # Debian's package would make a database cluster of its own and start it. Nobody asked for that.
        "${as_root[@]}" mkdir -p "${no_cluster%/*}"
        echo "create_main_cluster = false" | "${as_root[@]}" tee "$no_cluster" >/dev/null
        # Nor shall Prometheus start, of which the tests use promtool alone. (invoke-rc.d asks this file; 101: no.)
        if [ ! -e "$no_start" ]; then
            ours+=("$no_start")
            printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$no_start" >/dev/null
            "${as_root[@]}" chmod 755 "$no_start"
        fi
        apt_get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 || { cat "$log" >&2 && exit 1; }
    )
}
