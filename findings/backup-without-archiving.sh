#!/usr/bin/env bash
# Software: barman-cloud-backup, -list and -restore 3.13.3 with PostgreSQL 17.12, against the S3 server of
# python3-moto 5.1.1 on 127.0.0.1.
#
# One would guess: barman-cloud-backup refuses a server with archive_mode = off, as pgBackRest and `barman check`
# do; or it waits for the WAL, or puts it into the backup, as pg_basebackup does; or it warns.
#
# What happens: it takes the backup, says nothing and exits with 0. barman-cloud-backup-list shows the backup
# as any other, barman-cloud-restore exits with 0, and the server does not start: the WAL between the start and
# the end of the backup, without which no file of it is consistent, was stored nowhere.
#
# Why it matters: the job is green every night, also after an update or a failover to a server on which archiving was
# never configured. barman-cloud-check-wal-archive does not look at the server. The job has to compare the WAL
# in the store with the backup's "Begin Wal" and "End Wal" itself, or restore.
. "$(dirname "$0")/lib.sh"
packages trixie python3-moto=5.1.1-4 python3-flask-cors=6.0.1-1 ca-certificates s3cmd=2.4.0-3 barman-cli-cloud=3.13.3-1 \
    postgresql-17=17.12-0+deb13u1

start_s3
run s3cmd --config=/dev/null --access_key=a --secret_key=b --region=us-east-1 --host="127.0.0.1:$s3_port" --host-bucket= --no-ssl \
    mb s3://backups >/dev/null
barman() { # PROGRAM ARGUMENT...: exit code and words
    local status=0 said
    said=$(run AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_DEFAULT_REGION=us-east-1 PYTHONWARNINGS=ignore "$1" \
        --endpoint-url="http://127.0.0.1:$s3_port" "${@:2}" 2>&1) || status=$?
    echo "exit $status${said:+$'\n'}$said"
}
start_postgres 17
export PGPORT=5417
sql 17 -c 'create table t as select g from generate_series(1, 1000) g'
expect "archive_mode" off "$(sql 17 -c 'show archive_mode')"
expect "barman-cloud-backup" "exit 0" "$(barman barman-cloud-backup -h /s -p 5417 -U postgres --immediate-checkpoint s3://backups main)"
listed=$(barman barman-cloud-backup-list s3://backups main)
expect "barman-cloud-backup-list" "exit 0*Backup ID*Begin Wal*[0-9]T[0-9]*00000001*" "$listed"
id=$(grep -oE '[0-9]{8}T[0-9]{6}' <<<"$listed")
stop_postgres 17
expect "barman-cloud-restore" "exit 0" "$(barman barman-cloud-restore s3://backups main "$id" /home/restored)"
run touch /home/restored/recovery.signal
echo "restore_command = 'barman-cloud-wal-restore --endpoint-url=http://127.0.0.1:$s3_port s3://backups main %f %p'" \
    >>"$T/home/restored/postgresql.conf"
status=0
run AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_DEFAULT_REGION=us-east-1 /usr/lib/postgresql/17/bin/pg_ctl \
    -D /home/restored -l /home/restored.log -w start >/dev/null 2>&1 || status=$?
expect "The start of the restored server, exit $status" "FATAL:  could not locate required checkpoint record*" \
    "$(grep -o 'FATAL:.*' "$T/home/restored.log" | head -n 1)"
