#!/usr/bin/env bash
# build.sh [FOLDER]: both images of this project (of the sources in FOLDER), as in CI: with the one PostgreSQL
# version that Debian has. After make-base-images.sh. Further "docker build" options in BUILD_OPTIONS.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
root=$(cd "${1:-$(dirname "$0")/../..}" && pwd -P)
read -ra options <<<"${BUILD_OPTIONS:-}"

for program in pg-prune pg-backup; do
    arguments=(--build-arg VERSION="$(project_version)")
    [ $program = pg-prune ] || arguments+=(--build-arg PG_REPO=debian --build-arg PG_MAJORS=17)
    docker build --progress=plain "${arguments[@]}" "${options[@]}" -t $program \
        -f "$root/Dockerfile.${program#pg-}" "$root"
    say "built $program"
done
