#!/usr/bin/env bash
# Software: pgBackRest 2.55.1 with PostgreSQL 17.12.
#
# One would guess: `pgbackrest verify` exits with an error, or at least prints something, when a backup in
# the repository is damaged or incomplete; and `pgbackrest info` does for a stanza that does not exist.
#
# What happens: with global/pg_control damaged in the repository, and then with the file gone, `verify`
# prints nothing and exits with 0; its log says "completed successfully". Only --output=text shows
# "status: invalid", still with exit code 0. `info` calls the backup "ok" (it does not look at files), and
# exits with 0 for a stanza that does not exist and for a repository that is away.
#
# Why it matters: a scheduled job that goes by exit codes, as all others of this tool may be gone by, never
# rings. The text of `verify --output=text` has to be searched for "status: error".
. "$(dirname "$0")/lib.sh"
packages trixie pgbackrest=2.55.1-1 postgresql-17=17.12-0+deb13u1

run mkdir /home/repository /home/log
cat >"$T/home/pgbackrest.conf" <<'CONF'
[global]
repo1-path=/home/repository
repo1-retention-full=2
log-path=/home/log
[main]
pg1-path=/home/17
pg1-port=5417
pg1-socket-path=/s
CONF
backrest() { run pgbackrest --config=/home/pgbackrest.conf "$@" 2>&1; }
start_postgres 17 archive_mode=on \
    'archive_command=pgbackrest --config=/home/pgbackrest.conf --stanza=main archive-push %p'
backrest --stanza=main stanza-create
backrest --stanza=main --type=full backup

ended() { # COMMAND...: exit code and words
    local status=0 said
    said=$(backrest "$@") || status=$?
    echo "exit $status${said:+$'\n'}$said"
}
expect "verify of a good backup" "exit 0" "$(ended --stanza=main verify)"
file=$(echo "$T"/home/repository/backup/main/*F/pg_data/global/pg_control.gz)
printf 'X' | dd of="$file" bs=1 seek=40 conv=notrunc status=none
expect "verify with a damaged pg_control" "exit 0" "$(ended --stanza=main verify)"
expect "verify --output=text" "exit 0*status: error*status: invalid*checksum invalid: 1*" \
    "$(ended --stanza=main --output=text verify)"
rm "$file"
expect "verify without pg_control" "exit 0" "$(ended --stanza=main verify)"
expect "verify --output=text" "exit 0*status: error*status: invalid*missing: 1*" \
    "$(ended --stanza=main --output=text verify)"
expect "Its log" "*completed successfully*" "$(grep 'verify command end' "$T/home/log/main-verify.log" | tail -n 1)"
expect "info" "exit 0*status: ok*" "$(ended --stanza=main info)"
expect "info of a stanza that does not exist" "exit 0*status: error (missing stanza path)*" "$(ended --stanza=typo info)"
