#!/usr/bin/env bash
# down.sh: ends what engine-up.sh started, containers and all, and removes its folder. With its namespaces go
# its mounts, bridges and firewall rules. KEEP=1 leaves programs and images, for a faster start.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
[ -e "$DK/pids" ] || { echo "no engine was started in $DK" >&2; exit 1; }
cgroup=pg-backup-${DK//[^a-zA-Z0-9]/-}

if engine_answers; then
    mapfile -t containers < <(docker ps -aq)
    [ ${#containers[@]} = 0 ] || docker rm -fv "${containers[@]}" >/dev/null
    docker volume prune -af >/dev/null
    docker network prune -f >/dev/null
fi
stop_all TERM
# An engine that was killed leaves its containers behind: they are in the cgroups named after it.
for group in /sys/fs/cgroup/*/"$cgroup" /sys/fs/cgroup/"$cgroup"; do
    [ -d "$group" ] || continue
    find "$group" -name cgroup.procs -exec cat {} + | sort -u | xargs -r kill -KILL 2>/dev/null || true
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
done
[ -n "${KEEP:-}" ] || rm -rf "$DK"
