#!/usr/bin/env bash
# suites.sh SUITE [all|unit|e2e|containers]: by hand and as root, ./demo.sh and ./test.sh on a bare Debian SUITE, such as
# bookworm, trixie or testing. Makes a chroot of it from the mirror that this machine's apt uses, and by apt's settings,
# copies a clean clone of HEAD there, and runs both in namespaces of their own (mounts, processes; the network is this
# machine's). Warnings of the plain build count as a failure. Needs mmdebstrap and some 6 GB below TMPDIR (/var/tmp);
# KEEP=1 leaves the chroot there.
# suites.sh SUITE e2e SUBJECT...: only these end-to-end tests, with a directory as the store and the programs of the
# suite, such as PostgreSQL 18 and Pushgateway 1.11 of testing: `physical physical_trouble physical_by_hand`, `metrics
# notify`. With EXPERIMENTAL=postgresql-19 with that package of Debian experimental.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { sed -n '2,/^set/{s/^# //p}' "$0" >&2; exit 2; }
suite=$1 what=${2:-all} subjects=("${@:3}")
[ "$(id -u)" = 0 ] || { echo "suites.sh: needs root" >&2; exit 2; }
command -v mmdebstrap >/dev/null || { echo "suites.sh: needs the package mmdebstrap" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/var/tmp}/pg-backup-$suite.XXXXXX")
root=$work/root
# shellcheck disable=SC2317
finish() {
    if [ -n "${KEEP:-}" ]; then
        echo "kept: $root"
    else
        rm -rf --one-file-system "$work"
    fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The archive itself, not its security updates: every suite has one.
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
    sed -n 's/^Debian //p' | grep -v security | head -n 1)
[ -n "$mirror" ] || { echo "suites.sh: apt has no mirror of Debian here" >&2; exit 1; }
apt-config dump Acquire | grep -v ' "";$' >"$work/apt.conf" || true

section() { printf '\n=== %s: %s (%d s)\n' "$suite" "$*" "$SECONDS"; }

section "a bare system"
mmdebstrap --quiet --variant=minbase --include=ca-certificates --aptopt="$work/apt.conf" "$suite" "$root" "$mirror"
cp /etc/resolv.conf "$root/etc/resolv.conf"
git clone -q --no-local . "$root/root/project"

# inside COMMAND...: as on a machine of its own, so that everything it starts ends with it.
# shellcheck disable=SC2016
inside() {
    unshare --mount --pid --fork --kill-child -- bash -euc '
        mount --make-rprivate /
        mount --bind "$0" "$0"
        cd "$0"
        mount --rbind /dev dev
        mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
        mount --bind dev/pts/ptmx dev/ptmx
        mount --rbind /sys sys
        mount -t proc proc proc
        mkdir -p .host
        pivot_root . .host
        cd /
        umount -l /.host
        rmdir /.host
        cd /root/project
        exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"
    ' "$root" "$@"
}

status=0
if [ "$what" = e2e ] && [ ${#subjects[@]} -gt 0 ]; then
    section "end to end: ${subjects[*]}"
    if [ -n "${EXPERIMENTAL:-}" ]; then
        echo "deb $mirror experimental main" >"$root/etc/apt/sources.list.d/experimental.list"
        printf 'Package: src:%s\nPin: release a=experimental\nPin-Priority: 990\n' "$EXPERIMENTAL" \
            >"$root/etc/apt/preferences.d/experimental"
        mkdir -p "$root/etc/postgresql-common/createcluster.d"
        echo "create_main_cluster = false" >"$root/etc/postgresql-common/createcluster.d/tests.conf"
        # shellcheck disable=SC2016
        inside bash -euc 'apt-get -qq update; apt-get -qq install -y --no-install-recommends "$0"' \
            "$EXPERIMENTAL" </dev/null >"$work/experimental.log" 2>&1 || { cat "$work/experimental.log"; exit 1; }
    fi
    # shellcheck disable=SC2016
    inside bash -euc '. tests/packages.sh
        # A package of a suite in the making may fail to be set up: then its programs are there all the same.
        install_packages "${build_packages[@]}" "${test_packages[@]}" >/tmp/packages.log 2>&1 || tail -n 3 /tmp/packages.log
        cmake -S . -B build -G Ninja -DBUILD_TESTING=OFF >/dev/null
        cmake --build build
        E2E_STORE=dir tests/e2e/run.sh "$@"' bash "${subjects[@]}" </dev/null || status=$?
    section "ended with $status"
    exit "$status"
fi
section "./demo.sh"
inside ./demo.sh </dev/null || status=$?
rm -rf "$root/root/project/build" # so that the compiler speaks again
section "each source alone: does it include what it needs?"
options='-G Ninja -DBUILD_TESTING=OFF -DCMAKE_UNITY_BUILD=OFF'
inside bash -euc "cmake -S . -B build-alone $options >/dev/null && cmake --build build-alone" \
    </dev/null >"$work/alone.log" || { status=1 && tail -n 40 "$work/alone.log"; }
rm -rf "$root/root/project/build-alone"
section "./test.sh $what"
inside ./test.sh "$what" </dev/null 2>&1 | tee "$work/log" || status=$?

warnings=$(awk '/^== / { plain = /^== build build / } plain && /warning:/' "$work/log")
if [ -n "$warnings" ]; then
    printf 'warnings of the build:\n%s\n' "$warnings"
    status=1
fi
section "ended with $status"
exit "$status"
