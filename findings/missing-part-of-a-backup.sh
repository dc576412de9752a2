#!/usr/bin/env bash
# Software: barman-cloud-backup, -list, -show and -restore 3.13.3 with PostgreSQL 17.12, against the S3 server
# of python3-moto 5.1.1 on 127.0.0.1.
#
# One would guess: barman-cloud-restore fails when one of the archives of a backup is not in the bucket.
#
# What happens: a backup larger than --max-archive-size (100 GB by default) is several objects: data.tar, data_0001.tar,
# data_0002.tar and so on. backup.info does not name them. barman-cloud-restore unpacks what it finds under
# those names and exits with 0, without a word. The list and the details of the backup show nothing either.
#
# Why it matters: a copy of the bucket that was cut off, a lifecycle rule, a mistake in a deletion: the restore "succeeds"
# without a third of the files, and the server may even start, when it was only tables that were lost. The number of
# archives has to be noted when the backup is made, or the restored directory checked by other means.
. "$(dirname "$0")/lib.sh"
packages trixie python3-moto=5.1.1-4 python3-flask-cors=6.0.1-1 ca-certificates s3cmd=2.4.0-3 barman-cli-cloud=3.13.3-1 \
    postgresql-17=17.12-0+deb13u1

start_s3
s3cmd() {
    run s3cmd --config=/dev/null --access_key=a --secret_key=b --region=us-east-1 --host="127.0.0.1:$s3_port" \
        --host-bucket= --no-ssl "$@"
}
barman() { # PROGRAM ARGUMENT...: exit code and words
    local status=0 said
    said=$(run AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_DEFAULT_REGION=us-east-1 PYTHONWARNINGS=ignore "$1" \
        --endpoint-url="http://127.0.0.1:$s3_port" "${@:2}" 2>&1) || status=$?
    echo "exit $status${said:+$'\n'}$said"
}
archives() { s3cmd ls --recursive s3://backups | grep -o 'data[_0-9]*\.tar' | paste -sd' '; }

s3cmd mb s3://backups >/dev/null
start_postgres 17
export PGPORT=5417
sql 17 -c "create table t as select g as id, repeat('x', 400) as note from generate_series(1, 30000) g" -c checkpoint
expect "barman-cloud-backup" "exit 0" \
    "$(barman barman-cloud-backup -h /s -p 5417 -U postgres --immediate-checkpoint -S 10MB s3://backups main)"
stop_postgres 17
expect "Its archives" "data.tar data_0001.tar data_0002.tar*" "$(archives)"
details=$(barman barman-cloud-backup-list s3://backups main)
id=$(grep -oE '[0-9]{8}T[0-9]{6}' <<<"$details")
details+=$(barman barman-cloud-backup-show s3://backups main "$id")
expect "barman-cloud-restore" "exit 0" "$(barman barman-cloud-restore s3://backups main "$id" /home/whole)"

s3cmd del "s3://backups/main/base/$id/data_0001.tar" >/dev/null
expect "The archives that are left" "data.tar data_0002.tar*" "$(archives)"
expect "What list and show say" "as before" "$([ "$details" = "$(barman barman-cloud-backup-list s3://backups main)$(
    barman barman-cloud-backup-show s3://backups main "$id")" ] && echo "as before" || echo otherwise)"
expect "barman-cloud-restore" "exit 0" "$(barman barman-cloud-restore s3://backups main "$id" /home/part)"
count() { find "$T/home/$1" -type f | wc -l; }
expect "Files restored before: $(count whole), and now $(count part); fewer" yes \
    "$([ "$(count part)" -lt "$(count whole)" ] && echo yes || echo no)"
