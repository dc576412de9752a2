#!/usr/bin/env bash
# Software: pg_basebackup, pg_verifybackup and the server of PostgreSQL 17.12; rclone 1.60.1.
#
# One would guess: pg_verifybackup succeeds only for a backup that is complete, and a server makes missing
# empty directories itself, as it does for pg_wal/archive_status.
#
# What happens: the manifest lists files, not directories. A base backup that went through a tool without
# a notion of empty directories (a copy to and from S3, `rclone copy` even between two local directories)
# is "successfully verified". The server makes some of the missing directories, but not all: it refuses to
# start without pg_notify, pg_tblspc, pg_replslot or pg_twophase, one after the other, and without the
# directories in pg_logical it ends at its first checkpoint, after recovery.
#
# Why it matters: the backup looks proven, and the missing piece shows when it is needed. A tar keeps the
# directories; for a directory on S3 they have to be made again.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1 rclone=1.60.1+dfsg-4

start_postgres 17
export PGPORT=5417
pg 17 pg_basebackup -D /home/backup --checkpoint=fast
stop_postgres 17
run rclone --config= copy /home/backup /home/copy 2>/dev/null
run chmod 700 /home/copy

lost=$(comm -23 <(cd "$T/home/backup" && find . -type d | sort) <(cd "$T/home/copy" && find . -type d | sort))
expect "Directories that rclone copy left out" "*./pg_notify*" "$lost"
expect "pg_verifybackup of the copy" "backup successfully verified" "$(pg 17 pg_verifybackup /home/copy 2>&1)"

start_copy() { # starts a copy of the copy, since a failed start leaves traces, and prints how that ended
    run rm -rf /home/copy.log /home/try
    run cp -a /home/copy /home/try
    if pg 17 pg_ctl -D /home/try -l /home/copy.log -w start >/dev/null 2>&1; then
        echo "started"
        pg 17 pg_ctl -D /home/try -m fast -w stop >/dev/null
    else
        grep -oE 'FATAL: .*' "$T/home/copy.log" | head -n 1
    fi
}
needed=
while seen=$(start_copy) && [[ $seen == *'could not open directory "'* ]]; do
    missing=$(cut -d '"' -f 2 <<<"$seen")
    needed+="$missing "
    expect "Start of the copy" "FATAL:  could not open directory \"pg_*\": No such file or directory" "$seen"
    run mkdir -m 700 "/home/copy/$missing"
done
expect "Directories that the server wanted" "pg_notify pg_replslot pg_twophase pg_tblspc " "$needed"
expect "Start with all of these there" "FATAL:  checkpoint request failed*" "$seen"
expect "What the log says before" '*could not open directory "pg_logical/*' "$(grep -m 1 'pg_logical' "$T/home/copy.log")"
for directory in $lost; do run mkdir -p -m 700 "/home/copy/$directory"; done
expect "Start with every directory made again" started "$(start_copy)"
