#!/usr/bin/env bash
# The tools' container lives as long as this does. podman needs a cgroup to divide, and in cgroup v2 one that
# holds processes cannot be divided: they go into a group of their own.
# https://docs.kernel.org/admin-guide/cgroup-v2.html#no-internal-process-constraint
set -euo pipefail
cd /sys/fs/cgroup
if [ -e cgroup.controllers ]; then
    mkdir -p init
    while read -r pid; do
        echo "$pid" >init/cgroup.procs || true # gone by now
    done < <(cat cgroup.procs)
    read -ra controllers <cgroup.controllers
    for controller in "${controllers[@]}"; do
        echo "+$controller" >cgroup.subtree_control || echo "no cgroup controller $controller" >&2
    done
fi
exec sleep infinity
