#!/usr/bin/env bash
# Software: pg_dump and pg_restore of PostgreSQL 15.20 and 17.12.
#
# One would guess: a data file of a directory archive that ends early, for its copy was interrupted or the disk
# was full, is an error for pg_restore, as a custom archive that was cut is ("end of file").
#
# What happens: no size is stored in the table of contents, and the end of the file is the end of the table.
# Without compression, and with zstd and lz4 (both since 16), pg_restore stores the rows up to the cut and
# exits with 0. The last row can be half a row, when the cut is in a text column at its end. Large objects
# become shorter in the same way. Only gzip, the default, is noticed.
#
# Why it matters: the directory format is the one for parallel dumps, so the one of large databases, which are
# copied for hours and are no longer compressed with gzip. Sizes or checksums of the files have to be kept
# beside them, or the rows be counted after the restore.
. "$(dirname "$0")/lib.sh"
packages bookworm postgresql-15=15.20-0+deb12u1
packages trixie postgresql-17=17.12-0+deb13u1

# restore_cut MAJOR METHOD: dumps, cuts each data file to its half, restores; prints exit code, words, counts.
restore_cut() {
    local major=$1 file status=0 said
    pg "$major" pg_dump --format=directory --jobs=2 "--compress=$2" --file=/home/archive
    for file in "$T"/home/archive/*.dat*; do
        [[ $file == */toc.dat* ]] || truncate -s $(($(stat -c %s "$file") / 2)) "$file"
    done
    sql "$major" -c 'drop database if exists restored' -c 'create database restored' 2>/dev/null
    said=$(pg "$major" pg_restore --jobs=2 --dbname=restored /home/archive 2>&1) || status=$?
    rm -r "$T/home/archive"
    echo "exit $status${said:+$'\n'}$said"
    [ "$status" != 0 ] || counts "$major" restored
}
# counts MAJOR DATABASE: rows, bytes of the large object, letters in the last row
counts() {
    sql "$1" -d "$2" -F ' ' -c 'select count(*), length(lo_get(4711)),
        (select length(note) from t order by id desc limit 1) from t'
}
for major in 15 17; do
    start_postgres "$major"
    export PGPORT=$((5400 + major))
    sql "$major" -o /dev/null \
        -c "create table t as select g id, repeat(md5(g::text), 5) note from generate_series(1, 20000) g" \
        -c "select lo_from_bytea(4711, decode(string_agg(md5(g::text), ''), 'hex')) from generate_series(1, 40000) g"
    expect "PostgreSQL $major: rows, bytes of a large object, letters in the last row" "20000 640000 160" \
        "$(counts "$major" postgres)"
    case $major in 15) methods=0 gzip=6 ;; *) methods="none zstd lz4" gzip=gzip ;; esac
    for method in $methods; do
        expect "Restore of half files, --compress=$method" $'exit 0\n[1-9][0-9]* [1-9][0-9]* *' \
            "$(restore_cut "$major" "$method")"
    done
    expect "Restore of half files, --compress=$gzip" "exit 1*could not close data file*" \
        "$(restore_cut "$major" "$gzip")"
    stop_postgres "$major"
done
