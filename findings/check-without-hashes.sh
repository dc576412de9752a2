#!/usr/bin/env bash
# Software: rclone 1.60.1 and s3cmd 2.4.0, against the S3 server of python3-moto 5.1.1 on 127.0.0.1.
#
# One would guess: `rclone check` compares contents, or ends with an error where it cannot.
#
# What happens: an object that another tool uploaded in parts has no MD5 that rclone could use. rclone then
# compares the sizes, reports "0 differences found" and "1 matching files" for a file with another content,
# adds "1 hashes could not be checked", and exits with 0. Only --download finds it.
#
# Why it matters: everything larger than some megabytes is uploaded in parts, so of a backup just the large
# files are not compared. A job that trusts the exit code calls a damaged copy of a base backup the same.
. "$(dirname "$0")/lib.sh"
packages trixie python3-moto=5.1.1-4 python3-flask-cors=6.0.1-1 ca-certificates s3cmd=2.4.0-3 rclone=1.60.1+dfsg-4

start_s3
s3cmd() {
    run s3cmd --config=/dev/null --access_key=a --secret_key=b --region=us-east-1 --host="127.0.0.1:$s3_port" \
        --host-bucket= --no-ssl "$@" >/dev/null 2>&1
}
check() { # [OPTION]: exit code and words
    local status=0 said
    said=$(run RCLONE_CONFIG_S_TYPE=s3 RCLONE_CONFIG_S_PROVIDER=Other "RCLONE_CONFIG_S_ENDPOINT=http://127.0.0.1:$s3_port" \
        RCLONE_CONFIG_S_ACCESS_KEY_ID=a RCLONE_CONFIG_S_SECRET_ACCESS_KEY=b RCLONE_CONFIG_S_REGION=us-east-1 \
        rclone --config= --retries=1 check "$@" /home/backup S:backups 2>&1) || status=$?
    echo "exit $status"$'\n'"$said"
}
run mkdir /home/backup
head -c 12000000 /dev/urandom >"$T/home/backup/base.tar"
s3cmd mb s3://backups
s3cmd --multipart-chunk-size-mb=5 put /home/backup/base.tar s3://backups/base.tar
printf 'DAMAGE' | dd of="$T/home/backup/base.tar" bs=1 seek=1000 conv=notrunc status=none
expect "rclone check of a damaged file" "exit 0*0 differences found*1 hashes could not be checked*1 matching files*" "$(check)"
expect "rclone check --download" "exit 1*1 differences found*" "$(check --download)"
