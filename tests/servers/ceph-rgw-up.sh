#!/usr/bin/env bash
# ceph-rgw-up.sh WORKDIR: an S3 server for tests, the Ceph RADOS Gateway on free ports of 127.0.0.1 (http
# and https) over a Ceph of one monitor and one OSD without authentication. Runs as any user, starts in
# about 2 s. Needs the packages ceph-mon ceph-osd radosgw ceph-common openssl curl.
# Environment, all optional:
#   S3_STORE=memstore|bluestore   what the OSD keeps objects in: memory (2 bytes per byte) or a file
#   S3_SIZE=8G                    its capacity
#   S3_RGW_EXTRA='option = value' further lines of configuration for the gateway
# Leaves WORKDIR/env to be sourced; ceph-rgw-down.sh WORKDIR stops it and removes the folder.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
# Another process may take a port between the look and the bind: then we look again.
if [ -z "${S3_TRY:-}" ]; then
    for try in 1 2 3; do
        status=0
        S3_TRY=$try "$0" "$@" || status=$?
        [ "$status" != 0 ] && [ ! -e "$1/pids" ] && grep -rqi 'address already in use' "$1/log" || exit "$status"
        rm -rf "$1"
    done
    exit 1
fi
open_workdir "$1"
mkdir -p "$W/mon" "$W/osd"

bucket=testbucket
access_key=TESTACCESSKEY0000001
secret_key=testsecret/0123456789+abcdefghijklmnopqr
http_port=$(free_port) https_port=$(free_port) mon_port=$(free_port)
store_bytes=$(numfmt --from=iec "${S3_SIZE:-8G}")
cluster_id=$(cat /proc/sys/kernel/random/uuid)
osd_id=$(cat /proc/sys/kernel/random/uuid)
empty_sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

# A self-signed certificate for localhost, *.s3.localhost (virtual hosts) and 127.0.0.1.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -keyout "$W/tls.key" -out "$W/tls.crt" -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,DNS:s3.localhost,DNS:*.s3.localhost,IP:127.0.0.1' 2>/dev/null

cat >"$W/ceph.conf" <<CONF
[global]
fsid = $cluster_id
mon host = [v2:127.0.0.1:$mon_port]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr1 = false
ms bind port min = 16800
ms bind port max = 17300
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
run dir = $W
admin socket =
log file = $W/log/\$name.log
log to stderr = false
err to stderr = false
mon cluster log file = $W/log/cluster.log
crash dir = $W/log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
rgw rados pool pg num min = 4
[mon]
mon data = $W/mon
mon allow pool size one = true
mon pg warn min per osd = 0
paxos propose interval = 0.05
mon data avail crit = 1
mon data avail warn = 2
[osd]
osd data = $W/osd
osd objectstore = ${S3_STORE:-memstore}
osd class dir = $(echo /usr/lib/*/rados-classes)
memstore device bytes = $store_bytes
bluestore block size = $store_bytes
bluestore block create = true
bluestore fsck on mount = false
bluestore fsck on mkfs = false
osd memory target = 1073741824
osd numa auto affinity = false
[client]
rgw frontends = beast endpoint=127.0.0.1:$http_port ssl_endpoint=127.0.0.1:$https_port ssl_certificate=$W/tls.crt ssl_private_key=$W/tls.key
rgw dns name = s3.localhost
rgw enable usage log = false
rgw enable ops log = false
rgw gc obj min wait = 10
rgw gc processor period = 15
rgw gc processor max time = 15
rgw thread pool size = 64
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = test-key=a25vd24gdG8gYWxsOiBhIHRlc3QgbmVlZHMgYSBrZXk=
rgw s3 auth use sts = true
rgw s3 auth order = local, sts
rgw sts key = $(head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n')
rgw sts min session duration = 2
${S3_RGW_EXTRA:-}
CONF
ceph=(-c "$W/ceph.conf")

monmaptool --create --clobber --fsid "$cluster_id" --addv a "[v2:127.0.0.1:$mon_port]" "$W/monmap" \
    >"$W/log/monmap.out"
ceph-mon "${ceph[@]}" -i a --mkfs --monmap "$W/monmap" >"$W/log/mon-mkfs.out" 2>&1
start mon ceph-mon "${ceph[@]}" -f -i a
ceph-osd "${ceph[@]}" -i 0 --mkfs --osd-uuid "$osd_id" >"$W/log/osd-mkfs.out" 2>&1 &
mkfs=$!
ceph "${ceph[@]}" --connect-timeout 20 osd new "$osd_id" 0 >"$W/log/osd-new.out" 2>&1
wait "$mkfs"
start osd ceph-osd "${ceph[@]}" -f -i 0
timeout 60 radosgw-admin "${ceph[@]}" user create --uid=test --display-name=test \
    --access-key="$access_key" --secret-key="$secret_key" >"$W/log/user.out" 2>&1
start rgw radosgw "${ceph[@]}" -f -n client.rgw

cat >"$W/env" <<ENV
S3_ENDPOINT=http://127.0.0.1:$http_port
S3_TLS_ENDPOINT=https://127.0.0.1:$https_port
S3_CA_FILE=$W/tls.crt
S3_REGION=us-east-1
S3_BUCKET=$bucket
S3_ACCESS_KEY=$access_key
S3_SECRET_KEY=$secret_key
S3_VHOST_SUFFIX=s3.localhost
CEPH_CONF=$W/ceph.conf
ENV
for _ in $(seq 300); do
    ! curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$http_port/" || break
    is_running rgw || exit 1
    sleep 0.1
done
code=$(curl -s -o "$W/log/bucket.out" -w '%{http_code}' --aws-sigv4 aws:amz:us-east-1:s3 \
    --user "$access_key:$secret_key" -H "x-amz-content-sha256: $empty_sha256" \
    -X PUT "http://127.0.0.1:$http_port/$bucket")
[ "$code" = 200 ] || { echo "could not make the bucket $bucket: HTTP $code" >&2; exit 1; }
echo "the S3 gateway is up on 127.0.0.1:$http_port (https: $https_port); source $W/env"
