# shellcheck shell=bash
# Plain SQL into psql, which runs commands from its input and commits what has arrived when that ends.

plain_backup() { # DATABASE
    use_database "$1"
    settings+=(BACKUP_FORMAT=plain)
    backup_now
}

relations() { sql "$1" "select count(*) from pg_class where relnamespace = 'public'::regnamespace"; }

# adopt_sql < SQL: as an older system would have left it
adopted=app/app_20240115T120000Z.sql.gz
adopt_sql() { gzip | store_put "$adopted"; }

restore_adopted() { # STATUS OPTION...
    settings+=(ADOPT_LAYOUTS=all)
    expect "$1" pg_backup restore --id "$adopted" --target-database copy "${@:2}"
}

sessions_of() { sql postgres "select count(*) from pg_stat_activity where datname = '$1'"; }
has_no_session() { [ "$(sessions_of "$1")" = 0 ]; }
has_rows_coming() { [ "$(sql postgres "select count(*) from pg_stat_progress_copy where datname = 'copy' and tuples_processed > $1")" != 0 ]; }

# Nothing that ends psql's input may commit: nobody is left to say that the backup was whole.
case_killed_restore_leaves_nothing() {
    use_dir
    create_large_database app 60
    # Each row takes a while, so that the moments below are not over before anybody looks.
    sql app "alter table chunk add constraint slow check (pg_sleep(0.002)::text is not null)"
    plain_backup app
    create_database copy
    local rows victim
    for rows in -1 10 400 1200; do
        become "$BIN/pg-backup" restore --target-database copy >"$T/out" 2>"$T/err" </dev/null &
        victim=$!
        wait_until 60 has_rows_coming "$rows"
        kill -STOP "$victim"
        # The password is out of reach for whatever psql may start.
        if [ "$rows" = 400 ]; then
            local psql
            psql=$(pgrep -P "$victim" psql)
            [ -z "$(cat "/proc/$psql/fd/3")" ] || fail "psql's children could read the password"
        fi
        kill -KILL "$victim"
        wait "$victim" 2>/dev/null || true
        wait_until 30 has_no_session copy
        [ "$(relations copy)" = 0 ] || fail "a restore that was killed at $rows rows left $(relations copy) relations"
    done
    expect 0 pg_backup restore --target-database copy
    expect_same_database app copy
}

# A line of the dump that stands for a command of psql that does harm.
case_sql_cannot_leave_the_restriction() {
    use_dir
    create_small_database app 10
    use_database app
    create_database copy
    PGDATABASE=app "$PG_BIN/pg_dump" --restrict-key=known >"$T/sql"
    grep -q '^.restrict known$' "$T/sql" || fail "pg_dump does not restrict psql"
    adopt_sql <"$T/sql"
    restore_adopted 0
    expect_same_database app copy
    drop_database copy
    create_database copy
    local option
    for option in --yes --no-single-transaction; do
        sed 's/^COPY public.item/\\unrestrict known\n\\echo OUT\n\\restrict known\n&/' "$T/sql" | adopt_sql
        restore_adopted 3 "$option"
        says 'holds \unrestrict'
        says_not OUT
        [ "$(relations copy)" = 0 ] || fail "half a restore"
        sed 's/^.restrict known$/&\n\\unrestrict known/' "$T/sql" | adopt_sql
        restore_adopted 3 "$option"
        says 'holds \unrestrict'
    done
    # Any other command is psql's to refuse.
    sed 's/^COPY public.item/\\echo OUT\n&/' "$T/sql" | adopt_sql
    restore_adopted 1
    says "backslash commands are restricted"
    says_not OUT
    [ "$(relations copy)" = 0 ] || fail "half a restore"
    # The letters in rows are data.
    sql app "insert into item values (0, E'C:\\\\unrestrict \\\\restrict')"
    plain_backup app
    expect 0 pg_backup restore --id latest --target-database copy
    expect_same_database app copy
}

# only_with FOLDER ARGUMENTS...: pg-backup where no other client programs are installed than those there, which
# find this machine's in $T/real
only_with() {
    local folder=$1
    shift
    mkdir -p "$T/real"
    (
        # shellcheck disable=SC2016
        become PG_BINDIR="$folder" unshare --mount bash -c 'mount --bind "$1" "$2" &&
            mount -t tmpfs none /usr/lib/postgresql && shift 2 && exec "$@"' - \
            "$PG_BIN" "$T/real" "$BIN/pg-backup" "$@"
    )
}

may_hide_clients() { unshare --mount mount -t tmpfs none /usr/lib/postgresql 2>/dev/null || skip "only root may mount"; }

# program FOLDER/NAME VERSION SCRIPT: says that version, and else runs the script
program() {
    local name
    name=$(basename "$1")
    mkdir -p "$(dirname "$1")"
    cat >"$1" <<SCRIPT
#!/usr/bin/env bash
set -o pipefail
[ "\$*" != --version ] || { echo "$name (PostgreSQL) $2"; exit; }
$3
SCRIPT
    chmod +x "$1"
}

case_psql_that_cannot_be_restricted() {
    use_dir
    may_hide_clients
    create_small_database app 10
    plain_backup app
    local old new
    case $(server_major) in
        15) old=15.13 new=15.14 ;;
        16) old=16.9 new=16.10 ;;
        17) old=17.5 new=17.6 ;;
        *) skip "every psql of this version can be restricted" ;;
    esac
    program "$T/old/psql" "$old" "exec $T/real/psql \"\$@\""
    expect 1 only_with "$T/old" restore --target-database copy --create
    says "psql $old does not know \\restrict"
    says "install psql $new or later"
    [ "$(sql postgres "select count(*) from pg_database where datname = 'copy'")" = 0 ] || fail "it began"
}

# The dump's own COMMIT would make half a restore: at least it must not pass for a whole one.
case_sql_that_ends_the_transaction() {
    use_dir
    create_small_database app 10
    use_database app
    PGDATABASE=app "$PG_BIN/pg_dump" >"$T/sql"
    local statement
    for statement in 'COMMIT;' 'ROLLBACK;' 'COMMIT; BEGIN;' 'ROLLBACK; BEGIN; SAVEPOINT x;'; do
        sed "s/^COPY public.item/$statement\n&/" "$T/sql" | adopt_sql
        restore_adopted 1 --create
        says_not "restored copy"
        ! sql postgres "select datname from pg_database" | grep -x copy || fail "the made database is still there"
    done
    create_database copy
    sed "s/^COPY public.item/COMMIT;\n&/" "$T/sql" | adopt_sql
    restore_adopted 1
    says "the SQL itself ended the transaction of the restore"
}

# SQL that ends within a statement swallows our COMMIT.
case_sql_without_an_end() {
    use_dir
    create_small_database app 10
    use_database app
    create_database copy
    local end
    for end in 'create table t (t text); copy t from stdin;' "select 'x" 'select $x$' 'select 1 /*'; do
        PGDATABASE=app "$PG_BIN/pg_dump" --restrict-key=w | sed "s#^-- PostgreSQL database dump complete#$end\n--\n&#" |
            adopt_sql
        restore_adopted 1
        says_not "restored copy"
        [ "$(relations copy)" = 0 ] || fail "half a restore"
    done
}

case_words_that_only_look_like_a_database() {
    use_dir
    create_small_database app 10
    sql app "create function a_first() returns text language sql as \$\$ select '
CREATE DATABASE other;
DROP DATABASE app;
' \$\$"
    plain_backup app
    expect 0 pg_backup restore --target-database copy --create
    expect_same_database app copy
}

# What the restore would refuse is no good backup.
case_backup_that_no_restore_would_take() {
    use_dir
    create_small_database app 10
    sql app "comment on table item is E'\\\\unrestrict x'"
    use_database app
    settings+=(BACKUP_FORMAT=plain)
    expect 1 pg_backup now
    says 'could not restore this backup: the SQL holds \unrestrict'
    says BACKUP_FORMAT=custom
    expect_nothing_left
    settings+=(BACKUP_FORMAT=custom)
    backup_now
    expect 0 pg_backup restore --target-database copy --create
    expect_same_database app copy
}

# A newer pg_dump writes a setting that its own server does not know. This machine's programs stand in for those
# of PostgreSQL 17: they say its name, and add the setting to SQL; a connection would fail at it.
case_backup_of_a_newer_client() {
    [ "$(server_major)" -lt 17 ] || skip "this server knows what a newer client sets"
    use_dir
    may_hide_clients
    create_small_database app 1000
    sql app "select lo_from_bytea(4711, 'a large object'); create function f() returns text language sql as
        \$\$ select '
SET transaction_timeout = 0;
' \$\$" >/dev/null
    use_database app
    local setting='0,/^SET lock_timeout = 0;$/s//&\nSET transaction_timeout = 0;/'
    program "$T/17/pg_dump" 17.12 "case \"\$*\" in
        *--format=plain*) $T/real/pg_dump \"\$@\" | sed '$setting' ;;
        *) exec $T/real/pg_dump \"\$@\" ;;
    esac"
    program "$T/17/pg_restore" 17.12 "case \"\$*\" in
        *--file=-*) $T/real/pg_restore \"\$@\" | sed '$setting' ;;
        *--list*) exec $T/real/pg_restore \"\$@\" ;;
        *) echo 'ERROR:  unrecognized configuration parameter \"transaction_timeout\"' >&2; exit 1 ;;
    esac"
    program "$T/17/psql" 17.12 "exec $T/real/psql \"\$@\""
    local format
    for format in custom plain; do
        [ "$format" = custom ] || sql app 'select lo_unlink(4711)' >/dev/null
        settings+=("BACKUP_FORMAT=$format")
        next_second
        expect 0 only_with "$T/17" now
        says "made by pg_dump 17.12 of a PostgreSQL"
        expect 0 only_with "$T/17" restore --target-database copy --create
        expect_same_database app copy
        [ "$format" = plain ] || expect 0 only_with "$T/17" restore --target-database copy --clean --yes
        expect_same_database app copy
        drop_database copy
    done
    # In one transaction, and killed: nothing.
    sql app 'alter table item add check (id < 5000) not valid; alter table item add check (f() is null) not valid'
    settings+=(BACKUP_FORMAT=custom)
    next_second
    expect 0 only_with "$T/17" now
    create_database copy
    sql copy "create function f() returns text language sql as 'select null'"
    expect 1 only_with "$T/17" restore --target-database copy
    says 'function "f" already exists'
    [ "$(relations copy)" = 0 ] || fail "half a restore"
}
