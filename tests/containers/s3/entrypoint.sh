#!/usr/bin/env bash
# An S3 server on port 3900 with the key and the bucket that Garage's variables name; its data below
# /var/lib/garage outlives a kill. One monitor, one OSD and the gateway of a Ceph without authentication.
set -euo pipefail
: "${GARAGE_DEFAULT_ACCESS_KEY:?}" "${GARAGE_DEFAULT_SECRET_KEY:?}" "${GARAGE_DEFAULT_BUCKET:?}"
data=/var/lib/garage/ceph
cluster_id=7d3a1b52-6c1f-4f0e-9a55-3f0c2e8d4b10
osd_id=2f6e0d9c-58a4-4a3b-8b1e-9d7c6a5f4e32
empty_sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

cat >/tmp/ceph.conf <<CONF
[global]
fsid = $cluster_id
mon host = [v2:127.0.0.1:6789]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr1 = false
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
run dir = /tmp
admin socket =
log file =
mon cluster log file = /tmp/cluster.log
log to stderr = false
err to stderr = true
crash dir = /tmp
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
rgw rados pool pg num min = 4
[mon]
mon data = $data/mon
mon allow pool size one = true
mon pg warn min per osd = 0
paxos propose interval = 0.05
mon data avail crit = 1
mon data avail warn = 2
[osd]
osd data = $data/osd
osd objectstore = bluestore
osd class dir = $(echo /usr/lib/*/rados-classes)
bluestore block size = 4G
bluestore block create = true
bluestore fsck on mount = false
bluestore fsck on mkfs = false
osd memory target = 939524096
osd numa auto affinity = false
[client]
rgw frontends = beast port=3900
rgw enable usage log = false
rgw enable ops log = false
rgw thread pool size = 32
CONF
export CEPH_CONF=/tmp/ceph.conf

if [ ! -e "$data/complete" ]; then
    rm -rf "$data"
    mkdir -p "$data/mon" "$data/osd"
    monmaptool --create --clobber --fsid "$cluster_id" --addv a "[v2:127.0.0.1:6789]" /tmp/monmap >/dev/null
    ceph-mon -i a --mkfs --monmap /tmp/monmap
fi
ceph-mon -f -i a &
if [ ! -e "$data/complete" ]; then
    ceph-osd -i 0 --mkfs --osd-uuid "$osd_id"
    ceph --connect-timeout 20 osd new "$osd_id" 0 >/dev/null
fi
ceph-osd -f -i 0 &
if [ ! -e "$data/complete" ]; then
    timeout 60 radosgw-admin user create --uid=test --display-name=test \
        --access-key="$GARAGE_DEFAULT_ACCESS_KEY" --secret-key="$GARAGE_DEFAULT_SECRET_KEY" >/dev/null
    touch "$data/complete"
fi
radosgw -f -n client.rgw &

# Ready only with its bucket: until then `healthcheck` finds no file.
for _ in $(seq 300); do
    if curl -sf -o /dev/null --max-time 10 --aws-sigv4 aws:amz:garage:s3 \
        --user "$GARAGE_DEFAULT_ACCESS_KEY:$GARAGE_DEFAULT_SECRET_KEY" -H "x-amz-content-sha256: $empty_sha256" \
        -X PUT "http://127.0.0.1:3900/$GARAGE_DEFAULT_BUCKET"; then
        touch /tmp/ready
        break
    fi
    sleep 0.1
done
trap 'kill -KILL $(jobs -p)' TERM # the OSD journals: nothing to save
wait -n
