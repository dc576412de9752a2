#!/usr/bin/env bash
# Software: PostgreSQL 18.6 with data checksums: pg_basebackup, pg_verifybackup, pg_checksums, the server.
#
# One would guess: pg_basebackup verifies the checksum of every page that it reads, and fails for a page that
# was overwritten with something else. It does so for a page with a single changed byte.
#
# What happens: a page whose LSN is newer than the start of the backup may be half written and is not checked;
# recovery will repair it. The LSN is the first eight bytes of the page itself. A page that was overwritten as
# a whole has anything there, nearly always a larger number than the server has reached. So the worse the
# damage, the better it passes: pg_basebackup and pg_verifybackup report success.
#
# Why it matters: a misdirected write, a bad block or a piece of another file in a table are what storage does
# to pages, more than single bits. The damaged page goes into every backup until the old ones are gone. Only
# pg_checksums, for which the server has to be stopped, or reading all the rows finds it.
. "$(dirname "$0")/lib.sh"
packages forky postgresql-18=18.6-3

start_postgres 18 autovacuum=off
export PGPORT=5418
sql 18 -c "create table t as select g as id, repeat('x', 100) as note from generate_series(1, 20000) g" \
    -c 'vacuum freeze t' -c checkpoint
file=/home/18/$(sql 18 -c "select pg_relation_filepath('t')")
cp "$T$file" "$W/whole"

ended() { # COMMAND...: exit code and words
    local status=0 said
    said=$(pg 18 "$@" 2>&1) || status=$?
    echo "exit $status${said:+$'\n'}$said"
}
expect "Checksums" on "$(sql 18 -c 'show data_checksums')"
printf '!' | dd of="$T$file" bs=1 seek=$((10 * 8192 + 5000)) conv=notrunc status=none
expect "pg_basebackup with one changed byte in a page" "exit 1*checksum verification failed*" \
    "$(ended pg_basebackup -D /home/backup --checkpoint=fast)"
cp "$W/whole" "$T$file"
rm -rf "$T/home/backup"

# One page of another file, in the place of the eleventh.
printf '%8192s' 'This is the piece of another file.' | dd of="$T$file" bs=8192 seek=10 conv=notrunc status=none
expect "pg_basebackup with an overwritten page" "exit 0" "$(ended pg_basebackup -D /home/backup --checkpoint=fast)"
expect "pg_verifybackup" "exit 0*backup successfully verified*" "$(ended pg_verifybackup /home/backup)"
expect "Pieces of another file in the backup" 1 "$(grep -ac 'piece of another file' "$T/home/backup/${file#/home/18/}")"
pg 18 pg_ctl -D /home/18 -m fast -w stop >/dev/null
expect "pg_checksums" "exit 1*checksum verification failed*block 10*" "$(ended pg_checksums --check -D /home/18)"
pg 18 pg_ctl -D /home/18 -l /home/18.log -w start >/dev/null
expect "Reading the table" "exit 1*invalid page in block 10*" "$(ended psql -XAtc 'select count(*) from t')"
