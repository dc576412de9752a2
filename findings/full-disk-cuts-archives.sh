#!/usr/bin/env bash
# Software: pg_dump and pg_restore of PostgreSQL 15.20, 17.12 and 18.6 (19rc1 behaves the same).
#
# One would guess: pg_dump exits with 0 only when the whole archive is on disk. The manual asks for nothing
# but its exit code, and it even calls fsync on the file.
#
# What happens: with --format=custom and --format=tar nobody looks whether the last buffer of the data
# (up to 4 KiB) could be written. When the disk becomes full just there, the archive is cut, pg_dump says
# nothing and exits with 0. With --file, the plain and the directory format report it.
# pg_restore --list is content with the archive, since the table of contents is at its head; the restore
# of a custom archive ends with "end of file" and without the rows of its last table.
#
# Why it matters: full disks are the most common failure of backups, and this one leaves a file of nearly
# the right size. A check has to read the archive to its end, with `pg_restore --file=/dev/null`.
. "$(dirname "$0")/lib.sh"
packages bookworm postgresql-15=15.20-0+deb12u1
packages trixie postgresql-17=17.12-0+deb13u1
packages forky postgresql-18=18.6-3

mkdir "$T/small"
for major in 15 17 18; do
    start_postgres "$major"
    export PGPORT=$((5400 + major))
    sql "$major" -c "create table t as select g, md5(g::text) from generate_series(1, 9000) g"
    for format in custom tar plain; do
        pg "$major" pg_dump --format="$format" --file=/home/whole
        whole=$(stat -c %s "$T/home/whole")
        # A file system of whole pages that has room for all but the end of the archive.
        # shellcheck disable=SC2017 # Rounding down is meant.
        mount -t tmpfs -o "size=$(((whole - 1) / 4096 * 4))k,mode=1777" tmpfs "$T/small"
        status=0
        said=$(pg "$major" pg_dump --format="$format" --file=/small/dump 2>&1) || status=$?
        got=$(stat -c %s "$T/small/dump")
        wanted="exit 0, said ''"
        [ "$format" != plain ] || wanted="exit 1, said '*No space left on device*'"
        expect "$major: pg_dump --format=$format, $got of $whole bytes fit" "$wanted" "exit $status, said '$said'"
        if [ "$format" = custom ]; then
            expect "$major: pg_restore --list" 0 "$(pg "$major" pg_restore --list /small/dump >/dev/null && echo $?)"
            expect "$major: pg_restore" "*could not read from input file: end of file*" \
                "$(pg "$major" pg_restore --file=/dev/null /small/dump 2>&1 || true)"
        fi
        umount "$T/small"
    done
    stop_postgres "$major"
done
