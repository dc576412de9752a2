#!/usr/bin/env bash
# Software: pg_dump and pg_restore of PostgreSQL 17.12 and 18.6.
#
# One would guess: a damaged byte in a compressed archive is found when the archive is read. The zstd and gzip
# commands add a checksum unless they are told not to, and pg_restore reports "incorrect data check" for the
# default, gzip.
#
# What happens: pg_dump does not ask the libraries of zstd and lz4 for a checksum. Most flipped bits go through:
# pg_restore gives other data and exits with 0, from custom and from directory archives. Only where the bit
# made the compressed stream invalid it ends with an error.
#
# Why it matters: zstd is what everybody moves to since 16, for speed, and loses the only check that an archive
# had. "pg_restore to /dev/null" no longer proves anything; a checksum has to be made beside the archive.
. "$(dirname "$0")/lib.sh"
packages trixie postgresql-17=17.12-0+deb13u1
packages forky postgresql-18=18.6-3

# flip_bit FILE POSITION
flip_bit() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # The format is the octal form of the byte.
    printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# count_silent MAJOR FORMAT METHOD: of 10 damages, how many pg_restore does not report though the data differ.
count_silent() {
    local major=$1 file size silent=0 step
    pg "$major" pg_dump "--format=$2" "--compress=$3" --file=/home/archive
    read_archive "$major" good
    file=$T/home/archive
    [ "$2" = custom ] || file=$(find "$file" -name '[0-9]*.dat*')
    size=$(stat -c %s "$file")
    cp "$file" "$W/whole"
    for step in $(seq 10); do
        flip_bit "$file" $((size * (step + 1) / 12))
        ! read_archive "$major" damaged || cmp -s "$T/home/good" "$T/home/damaged" || silent=$((silent + 1))
        cp "$W/whole" "$file"
    done
    rm -r "$T/home/archive"
    echo "$silent"
}
# read_archive MAJOR NAME: reads all of the archive and writes its rows as text.
read_archive() { pg "$1" pg_restore --data-only --restrict-key=x "--file=/home/$2" /home/archive 2>/dev/null; }

for major in 17 18; do
    start_postgres "$major"
    export PGPORT=$((5400 + major))
    sql "$major" -c "create table t as select g as id, md5(g::text) as note from generate_series(1, 10000) g"
    for format in custom directory; do
        expect "PostgreSQL $major, $format, gzip: damages of 10 that go unnoticed" 0 \
            "$(count_silent "$major" "$format" gzip)"
        for method in zstd lz4; do
            expect "PostgreSQL $major, $format, $method: damages of 10 that go unnoticed" "@([5-9]|10)" \
                "$(count_silent "$major" "$format" "$method")"
        done
    done
    stop_postgres "$major"
done
