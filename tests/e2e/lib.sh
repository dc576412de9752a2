# shellcheck shell=bash
# What every end-to-end case has at hand. The programs run with a clean environment that holds `settings`
# and nothing else; stores and databases are looked at through other people's tools.

servers=$(cd ../servers && pwd -P)

# ---- one case ------------------------------------------------------------------------------------------

# T: folder of the case. settings: what the programs are told, NAME=VALUE, the last one counts.
begin_case() { # SUBJECT CASE
    subject=$1 case_name=$2
    T=$WORK/$subject.$case_name
    mkdir "$T"
    settings=()
    background=()
    cleanups=()
    use_server "$WORK/ceph-rgw"
    use_server "$WORK/postgres"
    export PGDATABASE=postgres LC_ALL=C.UTF-8
}

use_server() { # FOLDER of a server: S3_* or PG* name it from now on
    set -a
    # shellcheck source=/dev/null
    . "$1/env"
    set +a
}

end_case() {
    local status=$? pid cleanup
    trap - EXIT TERM INT
    for pid in "${background[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait
    use_server "$WORK/postgres"
    for cleanup in "drop_all_databases" "${cleanups[@]}"; do eval "$cleanup" || status=1; done
    # LeakSanitizer says that of a thread that ends while it looks: no finding.
    ! cat "$T"/sanitizer.* 2>/dev/null | grep -v 'Unable to get registers from thread' || status=1
    if [ "$status" != 77 ] && [ "$status" != 0 ] && [ -s "$T/err" ]; then
        echo "-- last stderr:" && tail -n 30 "$T/err"
    fi
    [ -n "${E2E_KEEP:-}" ] || rm -rf "$T"
    exit "$status"
}

fail() { echo "$*"; exit 1; }

skip() { echo "$*"; exit 77; }

# wait_until SECONDS COMMAND...: polls; fails when the command still fails after that time.
wait_until() {
    local end=$((SECONDS + $1)) pause=0
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "still not after the time given: $*"
        [ "$pause" = 5 ] || pause=$((pause + 1)) # to look costs time as well
        sleep "0.$pause"
    done
}

# defines case_NAME_s3 and case_NAME_dir, which call NAME with the store set up
both_stores() {
    eval "case_$1_s3() { use_s3; $1; }; case_$1_dir() { use_dir; $1; }"
}

# ---- the programs --------------------------------------------------------------------------------------

use_s3() {
    store=s3 prefix=$subject/$case_name
    settings+=("S3_ENDPOINT=$S3_ENDPOINT" "S3_BUCKET=$S3_BUCKET" "S3_ACCESS_KEY=$S3_ACCESS_KEY"
        "S3_SECRET_KEY=$S3_SECRET_KEY" "S3_PREFIX=$prefix" S3_RETRY_TIME=20s)
}

use_dir() {
    store=dir folder=$T/backups
    mkdir -p "$folder"
    settings+=("BACKUP_DIR=$folder" BACKUP_DIR_ON_ROOT=allow) # the tests may run in a container
}

use_database() { # NAME
    settings+=("DB_HOST=$PGHOST" "DB_PORT=$PGPORT" "DB=$1" "DB_USER=$PGUSER" "DB_PASSWORD=$PGPASSWORD")
}

# become COMMAND...: with the environment that a container would give, and no more. `become ... &` makes $!
# the program itself.
become() {
    exec env -i "PATH=$PATH" "HOME=$T" LC_ALL=C.UTF-8 TZ=Asia/Kathmandu \
        "ASAN_OPTIONS=exitcode=99:log_path=$T/sanitizer" "UBSAN_OPTIONS=print_stacktrace=1" \
        BACKUP_DIR_ON_ROOT=allow "${settings[@]}" "$@"
}

pg_backup() { (become "$BIN/pg-backup" "$@"); }
pg_prune() { (become "$BIN/pg-prune" "$@"); }

# older IMAGE/PATH ARGUMENT...: a command of an older system, as deploy/older puts it into the image
older() { (become env "PATH=$BIN:$PATH" "$servers/../../deploy/older/$1" "${@:2}"); }

setting() { printf '%s\n' "${settings[@]}" | sed -n "s/^$1=//p" | tail -n 1; } # NAME: its value

# From here on `later COMMAND...` runs two hours from now, by the clocks of the program and of its store.
use_later() {
    local library file=$T/later-s3.${#background[@]}
    library=$(compgen -G '/usr/lib/*/faketime/libfaketime.so.1') || fail "needs the package libfaketime"
    ! grep -q __asan_init <<<"$(nm -D "$BIN/pg-prune")" || skip "ASan and this library do not go together"
    later_settings=("LD_PRELOAD=$library" FAKETIME=+2h DONT_FAKE_MONOTONIC=1)
    [ -n "$(setting S3_ENDPOINT)" ] || return 0
    "$servers/later-s3.py" "$file" 7200 "$(setting S3_ACCESS_KEY):$(setting S3_SECRET_KEY)" 2>"$T/later-s3.log" &
    background+=("$!")
    wait_until 10 test -s "$file"
    later_settings+=("S3_ENDPOINT=http://127.0.0.1:$(cat "$file")" S3_ADDRESSING=path)
}
later() { with "${later_settings[@]}" -- "$@"; }

# with NAME=VALUE... -- COMMAND...: with these settings, too
with() {
    local before=("${settings[@]}") status=0
    while [ "$1" != -- ]; do settings+=("$1") && shift; done
    "${@:2}" || status=$?
    settings=("${before[@]}")
    return "$status"
}

# start_program PROGRAM ARGUMENTS...: in the background; its pid in `pid`, what it says in $T/daemon.log
start_program() {
    : >"$T/daemon.log" # now, so that nobody takes the last one's words for its own
    become "$BIN/$1" "${@:2}" >"$T/daemon.log" 2>&1 </dev/null &
    pid=$!
    background+=("$pid")
}

# A web service that is told of runs: its folder is $T/receiver, its URL `receiver`.
start_receiver() {
    mkdir -p "$T/receiver"
    "$servers/receiver.py" "$T/receiver" >"$T/receiver.log" 2>&1 &
    background+=("$!")
    wait_until 10 test -s "$T/receiver/port"
    # shellcheck disable=SC2034
    receiver=http://127.0.0.1:$(cat "$T/receiver/port")
}
answers() { echo "$*" >"$T/receiver/answers"; } # WORD...: how it answers, see receiver.py
requests() { cat "$T/receiver/requests" 2>/dev/null || true; }
paths() { requests | jq -r '"\(.method) \(.path)"'; } # of the requests, a line each

# documented_block PAGE TEXT: the whole `sh` block of that page of docs/ that holds a line with TEXT.
documented_block() {
    awk -v text="$2" '
        /^```/ { if (inside && found) print block; inside = !inside && $0 == "```sh"; block = ""; found = 0; next }
        inside { block = block $0 "\n"; if (index($0, text)) found = 1 }' "$servers/../../docs/$1"
}

# expect STATUS COMMAND...: runs it with stdout in $T/out and stderr in $T/err.
expect() {
    local wanted=$1 status=0
    shift
    "$@" >"$T/out" 2>"$T/err" </dev/null || status=$?
    [ "$status" = "$wanted" ] && return
    echo "exit $status instead of $wanted: $*"
    echo "-- stdout:" && tail -n 30 "$T/out"
    exit 1 # end_case shows stderr
}

# expect_end STATUS SECONDS: the started program ends within that time and with that status.
expect_end() {
    local status=0
    wait_until "$2" is_gone "$pid"
    wait "$pid" || status=$?
    [ "$status" = "$1" ] || { tail -n 30 "$T/daemon.log"; fail "exit $status instead of $1"; }
}

is_gone() { # PID: ended, perhaps not yet waited for
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    [[ ${stat##*) } = Z* ]]
}

# says TEXT / says_not TEXT: in what the last program of expect printed, on stdout or stderr.
# A text in quotes is found within the field of a log line, too, where its quotes are escaped.
says() { grep -qF -e "$1" -e "${1//\"/\\\"}" "$T/out" "$T/err" || { cat "$T/out" "$T/err"; fail "does not say: $1"; }; }
says_not() { ! cat "$T/out" "$T/err" | grep -F -e "$1" -e "${1//\"/\\\"}" || fail "must not say: $1"; }

backup_now() { expect 0 pg_backup now; }

# Ids sort by their second: the next backup will be the newer one.
next_second() {
    local second
    second=$(date +%s)
    while [ "$(date +%s)" = "$second" ]; do sleep 0.05; done
}

# field NAME [GROUP]: of each backup that `list --json` names, in the order printed
field() { pg_backup list --json | jq -r --arg g "${2:-}" "select(.id and (\$g == \"\" or .group == \$g)) | .$1"; }

# on_terminal ANSWERS COMMAND...: answers each prompt as it comes: what ends in "] ", or as the expression PROMPT has it.
# What was shown is in $T/screen.
on_terminal() {
    local answers=$1
    shift
    python3 - "$T/screen" "$answers" "$@" <<'PY'
import os, pty, re, sys
screen, answers, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
prompt = re.compile(os.environ.pop("PROMPT", r"\] ").encode() + rb"\Z")
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
shown, answered = b"", 0
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    shown += data
    if answers and prompt.search(shown, answered):
        answered = len(shown)
        os.write(terminal, answers.pop(0).encode() + b"\n")
open(screen, "wb").write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PY
}

# Stands in for pg_dump: a shell script that has the real one at hand as `real_pg_dump ARGUMENTS`.
pg_dump_is() { # SCRIPT
    mkdir -p "$T/bin"
    ln -sf "$PG_BIN"/* "$T/bin"
    rm "$T/bin/pg_dump"
    cat >"$T/bin/pg_dump" <<SCRIPT
#!/usr/bin/env bash
real_pg_dump() { "$PG_BIN/pg_dump" "\$@"; }
case "\$*" in --version | -V) real_pg_dump --version; exit ;; esac
echo \$\$ >"$T/pg_dump.pid"
$1
SCRIPT
    chmod +x "$T/bin/pg_dump"
    settings+=("PG_BINDIR=$T/bin")
}

# ---- the store, without the code under test --------------------------------------------------------------

s3() { # VERB ARGUMENT...: s3.py, which runs already
    local word fields=()
    for word in "$@"; do fields+=(--data-urlencode "word=$word"); done
    for word in ENDPOINT BUCKET ACCESS_KEY SECRET_KEY REGION CA_FILE; do
        word=S3_$word && fields+=(--data-urlencode "$word=${!word:-}")
    done
    [ "$1" != put ] || { cat >"$T/stdin" && fields+=(--data-urlencode "stdin=$T/stdin"); }
    curl -sf --noproxy '*' "${fields[@]}" "http://127.0.0.1:$(cat "$WORK/s3.port")/" || {
        tail -n 1 "$WORK/s3.log" >&2
        return 1
    }
}

# Everything that is there, keys relative to the prefix or folder: "SIZE KEY", sorted by key.
store_list() {
    case $store in
        s3) s3 ls "$prefix/" | sed "s# $prefix/# #" ;;
        dir) find "$folder" ! -type d -printf '%s %P\n' | sort -k 2 ;;
    esac
}

# Objects of backups: without what a directory store adds for people.
store_objects() { store_list | grep -vE '/(latest|SHA256SUMS)$' || true; }

store_get() {
    case $store in
        s3) s3 get "$prefix/$1" ;;
        dir) cat "$folder/$1" ;;
    esac
}

store_put() { # KEY... < bytes
    local key
    case $store in
        s3) s3 put "${@/#/$prefix/}" ;;
        dir)
            cat >"$T/put"
            for key in "$@"; do mkdir -p "$(dirname "$folder/$key")" && cp "$T/put" "$folder/$key"; done
            ;;
    esac
}

store_remove() {
    case $store in
        s3) s3 rm "$prefix/$1" ;;
        dir) rm "$folder/$1" ;;
    esac
}

# store_copy FOLDER FOLDER...: a backup again under other ids, which its manifest then says
store_copy() {
    local source=$1 target
    shift
    case $store in
        s3) s3 copy-folder "$prefix/$source" "${@/#/$prefix/}" ;;
        dir)
            for target in "$@"; do
                rm -rf "${folder:?}/$target"
                cp -r "$folder/$source" "$folder/$target"
                [ ! -e "$folder/$target/manifest.json" ] ||
                    sed -i "s/${source##*/}/${target##*/}/" "$folder/$target/manifest.json"
            done
            ;;
    esac
}

manifests() { store_list | sed -n 's#^[0-9]* \(.*/manifest\.json\)$#\1#p'; }

uploads() { [ "$store" != s3 ] || s3 uploads "$prefix/"; }
upload_began() { [ -n "$(uploads)" ]; }

# on STORE COMMAND...: looks at that one, s3 or dir, where both are set up
on() {
    local store=$1
    shift
    "$@"
}

# Nothing was left: no object, no temporary file, no multipart upload.
nothing_left() { [ -z "$(store_list)$(uploads)" ]; }
expect_nothing_left() { nothing_left || { store_list; uploads; fail "the failed run left something"; }; }

# Invariant 1, on the bare store: whatever has a manifest has every object, of that size and content.
expect_complete() {
    local bare manifest name bytes sha256
    case $store in
        s3)
            bare=$T/bare
            rm -rf "$bare" && mkdir "$bare"
            s3 download "$prefix/" "$bare"
            ;;
        dir) bare=$folder ;;
    esac
    find "$bare" -name manifest.json >"$T/manifests"
    while read -r manifest; do
        jq -r '.streams[].objects[] | "\(.name) \(.bytes) \(.sha256)"' "$manifest" >"$T/objects"
        [ -s "$T/objects" ] || fail "$manifest names no object"
        while read -r name bytes sha256; do
            name=${manifest%/manifest.json}/$name
            [ -f "$name" ] || fail "a manifest names an object that is not there: $name"
            [ "$(stat -c %s "$name")" = "$bytes" ] || fail "$name: other size than its manifest says"
            [ "$(sha256sum <"$name" | cut -d' ' -f1)" = "$sha256" ] ||
                fail "$name: other content than its manifest says"
        done <"$T/objects"
    done <"$T/manifests"
}

# ---- databases -----------------------------------------------------------------------------------------

psql_() { "$PG_BIN/psql" -XAtq -v ON_ERROR_STOP=1 "$@"; }

# sql DATABASE STATEMENT, or sql DATABASE < statements. The name is never read as a connection string.
sql() {
    if [ $# = 2 ]; then PGDATABASE=$1 psql_ -c "$2"; else PGDATABASE=$1 psql_; fi
}

quoted() { printf '"%s"' "${1//\"/\"\"}"; } # an identifier

server_major() { sql postgres "select current_setting('server_version_num')::int / 10000"; }

create_database() { # NAME [OPTIONS]
    sql postgres "create database $(quoted "$1") ${2:-}"
}

# In the background, for longer than a case takes.
lock_table_item() { # DATABASE
    PGDATABASE=$1 "$PG_BIN/psql" -Xqc "begin; lock table item; select pg_sleep(60)" >/dev/null 2>&1 &
    background+=($!)
    wait_until 10 item_is_locked "$1"
}
item_is_locked() { [ "$(sql "$1" "select count(*) from pg_locks where mode = 'AccessExclusiveLock'")" != 0 ]; }

drop_database() { sql postgres "drop database if exists $(quoted "$1") with (force)"; }

drop_all_databases() {
    sql postgres <<'SQL'
select format('drop database %I with (force)', datname) from pg_database
where not datistemplate and datname <> 'postgres' \gexec
SQL
}

drop_roles() { # NAME...
    local name
    for name in "$@"; do
        sql postgres "drop role if exists \"$name\""
    done
}

# A few rows: enough to tell one database from another.
create_small_database() { # NAME [ROWS]
    create_database "$1"
    sql "$1" "create table item (id int primary key, name text, made timestamptz);
        insert into item select i, md5(i::text), '2026-01-01'::timestamptz + i * interval '1 hour'
        from generate_series(1, ${2:-1000}) i"
}

# MEGABYTES that hardly compress, so that dump and upload take their time.
create_large_database() { # NAME MEGABYTES
    create_database "$1"
    sql "$1" "create table chunk (id int primary key, data bytea);
        alter table chunk alter data set storage external;
        insert into chunk select i, (select string_agg(decode(md5(i || ':' || j), 'hex'), '')
            from generate_series(1, 1024) j) from generate_series(1, $2 * 32) i"
}

# The database as plain SQL, without the keys that differ from dump to dump.
dump_text() { # DATABASE
    PGDATABASE=$1 "$PG_BIN/pg_dump" | LC_ALL=C grep -avE '^\\(un)?restrict '
}

expect_same_database() { # DATABASE DATABASE
    dump_text "$1" >"$T/one.sql"
    dump_text "$2" >"$T/other.sql"
    cmp -s "$T/one.sql" "$T/other.sql" || { diff "$T/one.sql" "$T/other.sql" | head -n 20; fail "$1 and $2 differ"; }
}
