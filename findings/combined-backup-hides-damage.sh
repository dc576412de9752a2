#!/usr/bin/env bash
# Software: pg_basebackup, pg_combinebackup and pg_verifybackup of PostgreSQL 17.12.
#
# One would guess: pg_combinebackup refuses a full backup that no longer matches its manifest, or the
# result fails pg_verifybackup.
#
# What happens: pg_combinebackup does not compare its input with the manifests. For a table that an
# incremental backup changes, if only by one block, it puts a file together, computes the checksum of what
# it wrote and puts that into the new manifest. A full backup that pg_verifybackup rejects becomes a
# combined one that is "successfully verified", with the damaged block in it. (A file without changed
# blocks keeps its old checksum; there the damage is found.)
#
# Why it matters: the tables that change are those that matter, and the check of a combined backup proves
# nothing about them. Each backup of a chain has to be verified before they are combined.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1

start_postgres 17 summarize_wal=on
export PGPORT=5417
sql 17 -c "create table t as select g as id, repeat('x', 400) as name from generate_series(1, 20000) g" -c checkpoint
pg 17 pg_basebackup -D /home/full --checkpoint=fast
sql 17 -c "update t set name = 'new' where id = 5" -c checkpoint
pg 17 pg_basebackup -D /home/incremental --incremental=/home/full/backup_manifest --checkpoint=fast
file=$(sql 17 -c "select pg_relation_filepath('t')")
stop_postgres 17
printf 'DAMAGE' | dd of="$T/home/full/$file" bs=1 seek=$((8192 * 300 + 4000)) conv=notrunc status=none

ended() { # COMMAND...: exit code and words
    local status=0 said
    said=$(pg 17 "$@" 2>&1) || status=$?
    echo "exit $status${said:+$'\n'}$said"
}
expect "pg_verifybackup of the damaged full backup" "exit 1*checksum mismatch for file \"$file\"*" \
    "$(ended pg_verifybackup /home/full)"
expect "pg_combinebackup" "exit 0" "$(ended pg_combinebackup --output=/home/combined /home/full /home/incremental)"
expect "pg_verifybackup of the combined backup" "exit 0*backup successfully verified*" \
    "$(ended pg_verifybackup /home/combined)"
expect "Damaged places in the combined backup" 1 "$(grep -ac DAMAGE "$T/home/combined/$file")"
