#!/usr/bin/env bash
# ceph-rgw-sts-up.sh WORKDIR: gives a gateway that ceph-rgw-up.sh has started a role for web identities, and
# starts the OpenID provider whose tokens it takes; both end with the gateway. Adds to WORKDIR/env:
#   STS_ROLE_ARN   the role: may do everything in every bucket
#   STS_OIDC       folder and port of the provider, for oidc-provider.py $STS_OIDC --token [SECONDS]
set -euo pipefail
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd -P)
W=$(cd "$1" && pwd -P)
# shellcheck source=/dev/null
. "$W/env"
admin=(timeout 60 radosgw-admin -c "$CEPH_CONF")

openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout "$W/oidc.key" -out "$W/oidc.crt" -subj /CN=oidc 2>/dev/null
thumbprint=$(openssl x509 -in "$W/oidc.crt" -noout -fingerprint -sha1 | cut -d= -f2 | tr -d :)
# Another process may take the port between the look and the bind: then it ends, and we look again.
answers() { curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$port/jwks"; }
for _ in 1 2 3; do
    port=$(free_port)
    start oidc "$here/oidc-provider.py" "$W" "$port"
    until answers || ! is_running oidc; do sleep 0.1; done
    ! is_running oidc || break
done
is_running oidc

trust='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRoleWithWebIdentity"],
  "Principal":{"Federated":["arn:aws:iam:::oidc-provider/127.0.0.1:'$port'"]},
  "Condition":{"StringEquals":{"127.0.0.1:'$port':app_id":"backup-client"}}}]}'
allow='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*"}]}'
"${admin[@]}" role create --role-name=Backup --path=/ --assume-role-policy-doc="$trust" >"$W/log/role.out"
"${admin[@]}" role-policy put --role-name=Backup --policy-name=all --policy-doc="$allow" >>"$W/log/role.out"
"${admin[@]}" caps add --uid=test --caps='oidc-provider=*' >>"$W/log/role.out"
curl -sS --fail-with-body --aws-sigv4 aws:amz:us-east-1:iam --user "$S3_ACCESS_KEY:$S3_SECRET_KEY" "$S3_ENDPOINT/" \
    --data-urlencode Action=CreateOpenIDConnectProvider --data-urlencode "Url=http://127.0.0.1:$port" \
    --data-urlencode ClientIDList.member.1=backup-client \
    --data-urlencode "ThumbprintList.member.1=$thumbprint" >"$W/log/oidc-provider.out"
cat >>"$W/env" <<ENV
STS_ROLE_ARN=arn:aws:iam:::role/Backup
STS_OIDC="$W $port"
ENV
echo "tokens: oidc-provider.py $W $port --token; role arn:aws:iam:::role/Backup"
