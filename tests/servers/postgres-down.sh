#!/usr/bin/env bash
# postgres-down.sh WORKDIR: stops what postgres-up.sh started there and removes the folder.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
close_workdir "$1" INT # "fast" shutdown: open sessions are ended
