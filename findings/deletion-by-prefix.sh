#!/usr/bin/env bash
# Software: s3cmd 2.4.0 and rclone 1.60.1, against the S3 server of python3-moto 5.1.1 on 127.0.0.1.
#
# One would guess: `s3cmd del --recursive s3://bucket/app` deletes what is below app/, as `rm -r app`,
# `aws s3 rm --recursive s3://bucket/app` and `rclone delete remote:bucket/app` do.
#
# What happens: s3cmd deletes every object whose name begins with "app", so also app2/, app-archive/ and a
# file called apple. It exits with 0 and does not ask. Only with a slash at the end it keeps to the folder.
#
# Why it matters: backups are laid out as bucket/DATABASE/…, and names of databases begin alike (app,
# app_test). The script that removes a retired database, or that deletes a folder before it writes it anew,
# removes the backups of others.
. "$(dirname "$0")/lib.sh"
packages trixie python3-moto=5.1.1-4 python3-flask-cors=6.0.1-1 ca-certificates s3cmd=2.4.0-3 rclone=1.60.1+dfsg-4

start_s3
s3cmd() {
    run s3cmd --config=/dev/null --access_key=a --secret_key=b --region=us-east-1 --host="127.0.0.1:$s3_port" --host-bucket= --no-ssl "$@"
}
rclone() {
    run RCLONE_CONFIG_S_TYPE=s3 RCLONE_CONFIG_S_PROVIDER=Other "RCLONE_CONFIG_S_ENDPOINT=http://127.0.0.1:$s3_port" \
        RCLONE_CONFIG_S_ACCESS_KEY_ID=a RCLONE_CONFIG_S_SECRET_ACCESS_KEY=b RCLONE_CONFIG_S_REGION=us-east-1 \
        rclone --config= "$@"
}
echo x >"$T/home/x"
s3cmd mb s3://backups >/dev/null
fill() {
    local key
    for key in app/1 app2/1 app-archive/1 apple; do s3cmd put /home/x "s3://backups/$key" >/dev/null 2>&1; done
}
left() { s3cmd ls --recursive s3://backups | sed 's,.*s3://backups/,,' | sort | tr '\n' ' '; }

fill
expect "Objects" "app-archive/1 app/1 app2/1 apple " "$(left)"
s3cmd del --recursive s3://backups/app >/dev/null
expect "Objects after s3cmd del --recursive s3://backups/app" "" "$(left)"
fill
s3cmd del --recursive s3://backups/app/ >/dev/null
expect "Objects after s3cmd del --recursive s3://backups/app/" "app-archive/1 app2/1 apple " "$(left)"
fill
rclone delete S:backups/app
expect "Objects after rclone delete S:backups/app" "app-archive/1 app2/1 apple " "$(left)"
