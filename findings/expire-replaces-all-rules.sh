#!/usr/bin/env bash
# Software: s3cmd 2.4.0, against the S3 server of python3-moto 5.1.1 on 127.0.0.1.
#
# One would guess: `s3cmd expire --expiry-prefix=logs/ --expiry-days=7 s3://backups` adds a rule for logs/, or
# changes the one that it made for that prefix before.
#
# What happens: it replaces the whole lifecycle of the bucket by that one rule, whoever made the others, says
# "expiration configuration is set" and exits with 0. A second call for another prefix undoes the first.
# `s3cmd info` then shows the one rule and nothing of what was lost.
#
# Why it matters: the rule that ends unfinished uploads, the one that removes old versions, and those of the other
# backup jobs are gone: the bucket grows and nobody is told. Or the job that set "keep app/ for 30 days" last year
# has kept everything since the day on which another job set its own. Read the rules with `s3cmd getlifecycle`,
# and write all of them together with `s3cmd setlifecycle`.
. "$(dirname "$0")/lib.sh"
packages trixie python3-moto=5.1.1-4 python3-flask-cors=6.0.1-1 ca-certificates s3cmd=2.4.0-3

start_s3
s3cmd() {
    run s3cmd --config=/dev/null --access_key=a --secret_key=b --region=us-east-1 --host="127.0.0.1:$s3_port" \
        --host-bucket= --no-ssl "$@"
}
# rules: what the bucket's lifecycle names.
rules() {
    s3cmd getlifecycle s3://backups | grep -oE '<(Prefix|Days|DaysAfterInitiation|NoncurrentDays)>[^<]*' | tr '\n<>' ' _:'
}
s3cmd mb s3://backups >/dev/null
cat >"$T/home/lifecycle.xml" <<'XML'
<LifecycleConfiguration>
  <Rule><ID>uploads</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>
    <AbortIncompleteMultipartUpload><DaysAfterInitiation>3</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>
  <Rule><ID>versions</ID><Filter><Prefix>app/</Prefix></Filter><Status>Enabled</Status>
    <NoncurrentVersionExpiration><NoncurrentDays>90</NoncurrentDays></NoncurrentVersionExpiration></Rule>
</LifecycleConfiguration>
XML
s3cmd setlifecycle /home/lifecycle.xml s3://backups >/dev/null
expect "The rules of the bucket" "*_DaysAfterInitiation:3*_Prefix:app/ _NoncurrentDays:90*" "$(rules)"
for prefix in app/ logs/; do
    status=0
    said=$(s3cmd expire --expiry-prefix="$prefix" --expiry-days=30 s3://backups 2>&1) || status=$?
    expect "s3cmd expire --expiry-prefix=$prefix" "exit 0, Bucket 's3://backups/': expiration configuration is set." \
        "exit $status, $said"
    expect "The rules of the bucket" "_Prefix:$prefix _Days:30 " "$(rules)"
done
