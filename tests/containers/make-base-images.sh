#!/usr/bin/env bash
# make-base-images.sh [IMAGE...]: the public images that the Dockerfiles and compose.yaml name, made out of
# Debian's packages, for machines without a registry. All of them without arguments:
#   debian:trixie-slim     like the official one: essential packages, no documentation
#   postgres:17            the parts of the official image's contract that are used here
#   s3-stand-in            the Ceph gateway, which takes bucket and key from Garage's variables
#   prometheus-stand-in    Prometheus and its Pushgateway
set -euo pipefail
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd -P)

# Without what the official image leaves out: what needs it would fail there.
make_debian() {
    local mirror
    mirror=$(debian_mirror)
    # shellcheck disable=SC2016
    mmdebstrap --quiet --variant=minbase --mode=root \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/groff/*' \
        --dpkgopt='path-exclude=/usr/share/lintian/*' \
        --customize-hook='rm -f "$1/etc/hostname" "$1/etc/resolv.conf"' \
        trixie - "deb $mirror trixie main" "deb $mirror trixie-updates main" \
        "deb $mirror-security trixie-security main" |
        docker import -c 'CMD ["bash"]' - debian:trixie-slim >/dev/null
}

[ $# -gt 0 ] || set -- debian:trixie-slim postgres:17 s3-stand-in prometheus-stand-in
for image in "$@"; do
    ! docker image inspect "$image" >/dev/null 2>&1 || continue
    case $image in
        debian:trixie-slim) make_debian ;;
        postgres:17) docker build -q -t "$image" "$here/postgres" >/dev/null ;;
        s3-stand-in) docker build -q -t "$image" "$here/s3" >/dev/null ;;
        prometheus-stand-in) docker build -q -t "$image" "$here/prometheus" >/dev/null ;;
        *) echo "unknown: $image" >&2; exit 2 ;;
    esac
    say "made $image"
done
