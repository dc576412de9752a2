#!/usr/bin/env bash
# docs.sh [ROOT]: README.md, docs/ and the pages below deploy/: links, blocks, settings and words. See docs.py.
set -euo pipefail
checks=$(cd "$(dirname "$0")" && pwd -P)
cd "${1:-$checks/../..}"
python3 "$checks/docs.py" .
