#!/usr/bin/env bash
# recipes.sh COMMANDS MANIFESTS: runs the documented commands that make Jobs out of CronJobs, each twice, against
# api.py; prints the name and the arguments of each Job. COMMANDS is what doc_commands.sh prints.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
work=$(mktemp -d)
"$here/api.py" "$work/port" "$2" "$work/jobs" &
api=$!
trap 'kill "$api"; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    [ ! -s "$work/port" ] || break
    sleep 0.1
done
cat >"$work/config" <<YAML
{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}],
 users: [{name: x, user: {}}], clusters: [{name: x, cluster: {server: "http://127.0.0.1:$(cat "$work/port")"}}]}
YAML
export KUBECONFIG=$work/config
# What kubectl makes goes through YAML, as with the recipe for other arguments: else it is sent as protobuf. And this
# server does not tell its fields.
create='kubectl create --validate=false -n'
awk '/^kubectl create job/ || goes_on { print; goes_on = /\|$/ }' "$1" |
    sed "/)\"\$/ s/\$/ --dry-run=client -o yaml | kubectl create -n backups -f -/; s/kubectl create -n/$create/" \
        >"$work/recipes"
bash -euo pipefail "$work/recipes" >&2
sleep 1 # the names tell the second
bash -euo pipefail "$work/recipes" >&2
python3 -c '
import json, sys
for job in map(json.loads, sys.stdin):
    print(job["metadata"]["name"], *job["spec"]["template"]["spec"]["containers"][0]["args"])
' <"$work/jobs"
