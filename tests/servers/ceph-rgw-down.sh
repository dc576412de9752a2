#!/usr/bin/env bash
# ceph-rgw-down.sh WORKDIR: stops what ceph-rgw-up.sh started there and removes the folder.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
close_workdir "$1" KILL # the data goes with it: nothing to save
