#!/usr/bin/env bash
# yaml.sh [ROOT]: yamllint over every YAML file of ours.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
config='
extends: default
rules:
  braces: {max-spaces-inside: 0}
  comments: {min-spaces-from-content: 1}
  document-start: disable
  line-length: {max: 120}
  truthy: {check-keys: false}
'
find . \( -path './build*' -o -path ./.git -o -path ./.cache \) -prune -o \( -name '*.yaml' -o -name '*.yml' \) -print0 |
    xargs -0 -r yamllint --strict -d "$config"
