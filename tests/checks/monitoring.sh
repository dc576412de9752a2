#!/usr/bin/env bash
# monitoring.sh [ROOT]: what deploy/prometheus/ and deploy/grafana/ ask for (queries.py), whether Prometheus takes it,
# and the stories of tests/prometheus/, in which alerts fire, and do not.
set -euo pipefail
checks=$(cd "$(dirname "$0")" && pwd -P)
root=${1:-$checks/../..}
"$checks/queries.py" "$root"
quietly() { # COMMAND...: says something only when it fails
    local said
    said=$("$@" 2>&1) || { printf '%s\n' "$said" && return 1; }
}
quietly promtool check config "$root/deploy/prometheus/prometheus.yaml"
quietly promtool test rules "$root"/tests/prometheus/*_test.yaml
