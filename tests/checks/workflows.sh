#!/usr/bin/env bash
# workflows.sh [ROOT]: what lies in .github is well-formed YAML, made of keys that GitHub knows, asks for the
# least rights, uses pinned actions only, and its scripts pass shellcheck.
set -euo pipefail
checks=$(cd "$(dirname "$0")" && pwd -P)
cd "${1:-$checks/../..}"
yamllint --strict -d '{extends: default, rules: {line-length: {max: 120}, document-start: disable,
    truthy: {check-keys: false}, braces: {max-spaces-inside: 0}, comments: {min-spaces-from-content: 1}}}' .github
python3 "$checks/workflows.py" .github
