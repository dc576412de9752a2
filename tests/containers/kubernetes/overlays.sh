#!/usr/bin/env bash
# overlays.sh DEPLOY OUTPUT: copies of the example in DEPLOY, changed as its comments say, and what kustomize makes of
# them: OUTPUT/NAME.yaml each. In the tools' container.
set -euo pipefail
output=$2
cd "$1"

# overlay NAME: the function of that name changes the copy.
overlay() {
    cp -r example "mine-$1"
    (cd "mine-$1" && "$1")
    kubectl kustomize "mine-$1" >"$output/$1.yaml"
}

# set_line FILE NAME=VALUE: in place of what it says of that name.
set_line() { { grep -v "^${2%%=*}=" "$1" || true; echo "$2"; } >"$1.new" && mv "$1.new" "$1"; }

# edit SED-SCRIPT: fails where it changes nothing.
edit() {
    sed "$1" kustomization.yaml >kustomization.new
    if cmp -s kustomization.yaml kustomization.new; then echo "nothing to change: $1" >&2; exit 1; fi
    mv kustomization.new kustomization.yaml
}

# uncomment WORDS: what stands below the comment that begins with these.
uncomment() { edit "/^  # $1/,/^  # [A-Z]/ s/^  # \([- ] \)/  \1/"; }

add_component() { edit "s|^components: .*|components: [../$1]|"; }

aws() {
    sed -i '/^S3_ENDPOINT=/d' store.env
    set_line store.env S3_REGION=eu-central-1
}

whole_server() {
    sed -i '/^DB=/d' backup.env
    set_line backup.env DATABASES=all
}

roles() {
    aws
    add_component roles
    uncomment 'The roles'
}

roles_daemons() {
    roles
    daemons
}

minio() {
    set_line store.env S3_ENDPOINT=http://minio.minio.svc.cluster.local:9000
    set_line backup.env DB_PORT=6432
    uncomment 'S3 at another port'
    uncomment 'PostgreSQL at another port'
}

proxy() {
    set_line store.env HTTPS_PROXY=http://proxy.example.org:9000
    uncomment 'S3 at another port'
}

daemons() {
    edit 's|\.\./cronjobs .*|../deployments|'
    edit '/schedule.yaml/d'
}

metrics() {
    daemons
    add_component metrics
}

openshift() { add_component openshift; }

physical() {
    daemons
    add_component physical
    edit '/- path: restore.yaml/d'
    sed -i '/^DB=/d' backup.env
}

openshift_daemons() {
    openshift
    daemons
}

for name in aws whole_server roles roles_daemons minio proxy daemons physical metrics openshift openshift_daemons; do
    overlay "$name"
done
