# shellcheck shell=bash
# Sourced by the findings: gets pinned Debian packages, unpacks them into one temporary tree (nothing is
# installed on the machine), runs programs and servers in it, and compares what they say.
#
# A finding runs as root in namespaces of its own: its processes end with it, whatever happens, and its
# mounts are invisible outside. Servers listen on Unix sockets of the tree or on 127.0.0.1.
# Exit status: 0 as described, 1 the behaviour changed, 77 the finding could not be tried here.
# FINDINGS_CACHE=DIR keeps downloaded packages and package lists between runs.
set -euo pipefail

skip() {
    echo "SKIPPED: $*" >&2
    exit 77
}

if [ -z "${FINDINGS_INSIDE:-}" ]; then
    [ "$(id -u)" = 0 ] || skip "this script needs root, to change the root directory to a temporary tree."
    unshare --mount --pid --fork true 2>/dev/null || skip "this machine forbids namespaces."
    FINDINGS_INSIDE=1 exec unshare --mount --pid --fork --kill-child --mount-proc bash "$0" "$@"
fi

W=$(mktemp -d)
T=$W/tree
trap 'umount -lR "$T" 2>/dev/null || true; rm -rf --one-file-system "$W"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$T"/{usr/bin,usr/sbin,usr/lib,usr/lib64,etc,proc,dev,tmp,home,s,var/tmp}
for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$T/$dir"; done
chmod 755 "$W" "$T"
chmod 1777 "$T/tmp" "$T/var/tmp"
echo 'postgres:x:1000:1000::/home:/bin/sh' >"$T/etc/passwd"
echo 'postgres:x:1000:' >"$T/etc/group"
echo '127.0.0.1 localhost' >"$T/etc/hosts"
chown 1000:1000 "$T/home" "$T/s"
mount --bind "$T" "$T"
mount -t proc proc "$T/proc"
mount --rbind /dev "$T/dev"

# mirror_of RELEASE_PATTERN: a repository of the machine's own apt configuration.
mirror_of() {
    # shellcheck disable=SC2016 # apt expands these.
    apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
        awk -v pattern="$1" '$1 ~ pattern { print $2; exit }'
}

# apt_lists SUITE: makes a private apt for SUITE below the cache, with lists of today.
apt_lists() {
    local suite=$1 main security key=/usr/share/keyrings/debian-archive-keyring.gpg
    local apt=${FINDINGS_CACHE:-$W/cache}/$1 fake
    main=$(mirror_of '^[a-z]+$') security=$(mirror_of '-security$')
    [ -n "$main" ] || skip "apt has no Debian mirror configured."
    mkdir -p "$apt"/{lists/partial,parts}
    {
        echo "deb [signed-by=$key] $main $suite main"
        case $suite in
            sid) ;;
            experimental) echo "deb [signed-by=$key] $main sid main" ;;
            *) [ -z "$security" ] || echo "deb [signed-by=$key] $security $suite-security main" ;;
        esac
    } >"$apt/sources.list"
    # Large packages that no finding runs: apt believes that they are there.
    for fake in libllvm14 libllvm19 libllvm20 libllvm21 postgresql-common postgresql-client-common \
        ssl-cert debconf dpkg locales; do
        printf 'Package: %s\nStatus: install ok installed\nVersion: 9999\nArchitecture: %s\nProvides: debconf-2.0\n\n' \
            "$fake" "$(dpkg --print-architecture)"
    done >"$apt/status"
    apt=(-q -o "Dir::State::lists=$apt/lists"
        -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o "Dir::State::status=$apt/status"
        -o "Dir::Etc::sourcelist=$apt/sources.list" -o "Dir::Etc::sourceparts=$apt/parts"
        -o "Dir::Etc::preferencesparts=$apt/parts" -o APT::Sandbox::User=root
        -o APT::Install-Recommends=false -o Acquire::Languages=none -o APT::Update::Post-Invoke-Success::=)
    apt_options=("${apt[@]}")
    [ -n "$(find "${FINDINGS_CACHE:-$W/cache}/$suite/lists" -name '*Packages*' -mmin -600)" ] ||
        apt-get "${apt_options[@]}" update >"$W/apt.log" 2>&1 || skip "apt cannot read $suite: $(tail -n 1 "$W/apt.log")"
}

# packages SUITE NAME=VERSION...: unpacks these versions and what they need into the tree. Packages of an
# older suite come first where several are wanted: libraries of the newest one serve all.
packages() {
    local suite=$1 debs file
    shift
    apt_lists "$suite"
    debs=${FINDINGS_CACHE:-$W/cache}/$suite/$(printf '%s' "$*" | cksum | cut -d' ' -f1)
    mkdir -p "$debs/partial"
    apt-get "${apt_options[@]}" -o "Dir::Cache::archives=$debs" -y --download-only install libc-bin coreutils dash "$@" \
        >"$W/apt.log" 2>&1 ||
        skip "cannot get $* from $suite: $(grep -m1 '^E:' "$W/apt.log" || tail -n 1 "$W/apt.log")"
    for file in "$debs"/*.deb; do
        dpkg-deb --fsys-tarfile "$file" | tar -x -C "$T" --keep-directory-symlink --no-same-owner \
            --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*'
    done
    [ -e "$T/bin/sh" ] || ln -s dash "$T/usr/bin/sh"
    ldconfig -r "$T"
}

# run COMMAND...: in the tree, as the user postgres, with a clean environment and the server of $PGPORT.
run() {
    chroot --userspec=1000:1000 "$T" /usr/bin/env -i PATH=/usr/sbin:/usr/bin HOME=/home LC_ALL=C.UTF-8 TZ=UTC \
        PGHOST=/s ${PGPORT:+PGPORT="$PGPORT"} PGUSER=postgres PGDATABASE=postgres "$@"
}

# pg MAJOR PROGRAM ARGUMENT...: a program of that major version.
pg() {
    run "/usr/lib/postgresql/$1/bin/$2" "${@:3}"
}

# start_postgres MAJOR [NAME=VALUE...]: a scratch server in /home/MAJOR on the socket /s and port 5400+MAJOR.
start_postgres() {
    local major=$1 setting port=$((5400 + $1))
    shift
    pg "$major" initdb -D "/home/$major" -U postgres -N --auth=trust -E UTF8 --locale=C.UTF-8 >"$W/initdb.log" 2>&1 ||
        { tail "$W/initdb.log" >&2; return 1; }
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '/s'"
        echo "port = $port"
        echo "fsync = off"
        for setting in "$@"; do echo "${setting%%=*} = '${setting#*=}'"; done
    } >>"$T/home/$major/postgresql.conf"
    PGPORT=$port pg "$major" pg_ctl -D "/home/$major" -l "/home/$major.log" -w start >/dev/null ||
        { tail "$T/home/$major.log" >&2; return 1; }
}

stop_postgres() { # MAJOR
    pg "$1" pg_ctl -D "/home/$1" -m fast -w stop >/dev/null
}

# sql MAJOR [psql ARGUMENT...]: runs SQL from the arguments or the input, stops at the first error.
sql() {
    PGPORT=$((5400 + $1)) pg "$1" psql -XAtq -v ON_ERROR_STOP=1 "${@:2}"
}

# start_s3: the S3 server of python3-moto on a free port of 127.0.0.1, in $s3_port; access key a, secret key b.
start_s3() {
    local server
    # Python's HTTP clients want the file that the package's installation would have made.
    mkdir -p "$T/etc/ssl/certs"
    cat "$T"/usr/share/ca-certificates/mozilla/*.crt >"$T/etc/ssl/certs/ca-certificates.crt"
    s3_port=$((20000 + RANDOM % 12000))
    while (exec 3<>"/dev/tcp/127.0.0.1/$s3_port") 2>/dev/null; do s3_port=$((20000 + RANDOM % 12000)); done
    run AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b python3 -m moto.server -H 127.0.0.1 -p "$s3_port" >"$W/s3.log" 2>&1 &
    server=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$s3_port") 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || skip "the S3 server did not start: $(tail -n 1 "$W/s3.log")"
        sleep 0.2
    done
}

# expect TITLE PATTERN TEXT: prints what was seen; the pattern is one of bash's [[ == ]].
expect() {
    # shellcheck disable=SC2053 # The right side is a pattern.
    if [[ $3 == $2 ]]; then
        printf '%s\n    %s\n' "$1" "${3//$'\n'/$'\n    '}"
    else
        printf 'CHANGED: %s\n    expected: %s\n    seen: %s\n' "$1" "$2" "${3//$'\n'/$'\n    '}" >&2
        exit 1
    fi
}
