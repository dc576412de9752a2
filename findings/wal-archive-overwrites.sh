#!/usr/bin/env bash
# Software: barman-cloud-wal-archive and barman-cloud-wal-restore 3.13.3, against the S3 server of
# python3-moto 5.1.1 on 127.0.0.1.
#
# One would guess: a program made for archive_command refuses a segment whose name is in the archive with
# other contents. PostgreSQL's manual asks for that, and the example in it (test ! -f …) and pgBackRest do.
#
# What happens: barman-cloud-wal-archive puts the new contents in the place of the old and exits with 0.
#
# Why it matters: two servers that archive to one place are a usual accident: a restored copy that was
# started without recovery.signal, a clone with the production configuration, a primary after a failed
# switch-over. Both use the same names. The archive then holds WAL of both, and the next recovery from the
# base backup of the real one fails or ends early. Only a versioned bucket keeps the old segments.
. "$(dirname "$0")/lib.sh"
packages trixie python3-moto=5.1.1-4 python3-flask-cors=6.0.1-1 ca-certificates s3cmd=2.4.0-3 barman-cli-cloud=3.13.3-1

start_s3
run s3cmd --config=/dev/null --access_key=a --secret_key=b --region=us-east-1 --host="127.0.0.1:$s3_port" --host-bucket= --no-ssl \
    mb s3://backups >/dev/null
barman() { # PROGRAM ARGUMENT...: exit code and words
    local status=0 said
    said=$(run AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_DEFAULT_REGION=us-east-1 "$1" \
        --endpoint-url="http://127.0.0.1:$s3_port" s3://backups main "${@:2}" 2>&1) || status=$?
    echo "exit $status${said:+$'\n'}$said"
}
segment=000000010000000000000003
run mkdir /home/one /home/two
head -c 16777216 /dev/zero | tr '\0' 1 >"$T/home/one/$segment"
head -c 16777216 /dev/zero | tr '\0' 2 >"$T/home/two/$segment"
expect "The segment of one server" "exit 0" "$(barman barman-cloud-wal-archive "/home/one/$segment")"
expect "Another segment with the same name" "exit 0" "$(barman barman-cloud-wal-archive "/home/two/$segment")"
expect "The segment comes back" "exit 0" "$(barman barman-cloud-wal-restore "$segment" /home/back)"
expect "It is the one of" two "$(for server in one two; do ! cmp -s "$T/home/$server/$segment" "$T/home/back" || echo "$server"; done)"
