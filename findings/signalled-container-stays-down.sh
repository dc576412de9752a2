#!/usr/bin/env bash
# Software: Docker Engine 26.1.5 (Debian 13).
#
# One would guess: `docker kill --signal USR1` delivers the signal, and nothing else. A container with the
# restart policy unless-stopped that went on running was not stopped by anybody: it starts again with the engine.
#
# What happens: the engine notes every signal that it delivers, whichever it is, as a stop by hand. The container
# runs on, and looks like any other. When the engine restarts, at a reboot or an upgrade, the container ends with
# the engine and stays down. `docker exec CONTAINER kill -s USR1 1` delivers the same signal without the note.
#
# Why it matters: daemons are told to make a backup now, to rotate logs or to read their settings again by USR1
# and HUP, and `docker kill -s` is how manuals send them to containers. The next reboot ends the backups
# without a message.
. "$(dirname "$0")/lib.sh"
packages trixie docker.io=26.1.5+dfsg1-9+deb13u1 docker-cli=26.1.5+dfsg1-9+deb13u1 containerd runc iptables \
    busybox-static kmod

# Cgroups in a namespace of the finding's own; the engine's network is one without a way out.
mkdir -p "$T/sys" "$T/run" "$T/etc/docker"
mount --rbind /sys "$T/sys"
mount -t tmpfs tmpfs "$T/run"
docker() { chroot "$T" /usr/bin/env -i PATH=/usr/sbin:/usr/bin HOME=/home docker "$@"; }

start_engine() {
    chroot "$T" /usr/bin/env -i PATH=/usr/sbin:/usr/bin dockerd --data-root /var/tmp/docker --storage-driver vfs \
        --bridge none --iptables=false --cgroup-parent /finding-docker --pidfile /run/engine.pid \
        >>"$W/engine.log" 2>&1 &
    for _ in $(seq 120); do
        ! docker version >/dev/null 2>&1 || return 0
        sleep 0.25
    done
    skip "the engine did not start: $(tail -n 1 "$W/engine.log")"
}
stop_engine() {
    local engine
    engine=$(cat "$T/run/engine.pid")
    kill -TERM "$engine"
    while [ -e "/proc/$engine" ]; do sleep 0.2; done
}

start_engine
mkdir -p "$W/image/bin"
cp "$T/usr/bin/busybox" "$W/image/bin/"
for program in sh sleep kill; do ln -s busybox "$W/image/bin/$program"; done
tar -C "$W/image" -c . | docker import - daemon >/dev/null

# Counts the signals; ends at SIGTERM with 0, as a daemon does.
# shellcheck disable=SC2016
daemon='n=0; trap "n=\$((n + 1)); echo \$n" USR1; trap "exit 0" TERM; while :; do sleep 0.1; done'
for name in untouched signalled told; do
    docker run -d --name $name --network none --restart unless-stopped daemon sh -c "$daemon" >/dev/null
done
sleep 1
docker kill --signal USR1 signalled >/dev/null
docker exec told kill -s USR1 1
sleep 1
states() { docker inspect -f '{{.Name}} {{.State.Status}}' untouched signalled told; }
expect "signals that the three have seen" $'untouched:\nsignalled: 1\ntold: 1' \
    "$(for name in untouched signalled told; do echo "$name: $(docker logs $name)" | sed 's/ $//'; done)"
expect "before the restart of the engine" $'/untouched running\n/signalled running\n/told running' "$(states)"
stop_engine
start_engine
sleep 3
expect "after it" $'/untouched running\n/signalled exited\n/told running' "$(states)"
stop_engine
find /sys/fs/cgroup -depth -type d -path '*/finding-docker*' -exec rmdir {} + 2>/dev/null || true
