#!/usr/bin/env bash
# workflows.sh [ROOT]: what lies in .github is made of keys that GitHub knows, asks for the least rights, uses
# pinned actions only, and its scripts pass shellcheck.
set -euo pipefail
checks=$(cd "$(dirname "$0")" && pwd -P)
cd "${1:-$checks/../..}"
python3 "$checks/workflows.py" .github
