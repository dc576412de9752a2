# shellcheck shell=bash
# What the programs are as processes: their descriptors, signals and children, and what becomes of all of these
# when they are killed.

manifests_are() { [ "$(manifests | wc -l)" = "$1" ]; }
log_says() { grep -qF -- "$1" "$T/daemon.log"; }

stop_daemon() {
    kill -TERM "$pid"
    expect_end 0 10
}

# expect_without FD STATUS COMMAND...: with that descriptor closed
expect_without() {
    local fd=$1
    shift
    expect "$1" closed "$fd" "${@:2}"
}
closed() {
    case $1 in
        0) "${@:2}" <&- ;;
        1) "${@:2}" >&- ;;
        2) "${@:2}" 2>&- ;;
    esac
}

# What is written to stderr must never get into a backup whose file or socket got its number.
closed_descriptors() {
    create_small_database app 20000
    use_database app
    settings+=(S3_BACKUP_MAX_AGE=30d)
    local fd
    for fd in 0 1 2; do
        expect_without "$fd" 0 pg_backup now
        next_second
        expect_without "$fd" 0 pg_backup now --log-format json
        next_second
    done
    expect_complete
    manifests_are 6 || fail "not six backups"
    for fd in 0 2; do
        expect_without "$fd" 0 pg_backup list
        [ "$(grep -c '^app' "$T/out")" = 6 ] || fail "list is short"
        expect_without "$fd" 0 pg_prune plan
        says "dry run"
        create_database "copy$fd"
        expect_without "$fd" 0 pg_backup restore --database app --target-database "copy$fd"
        expect_same_database app "copy$fd"
        expect_without "$fd" 0 pg_backup restore --database app --output "$T/dump$fd"
        "$PG_BIN/pg_restore" --list "$T/dump$fd" >/dev/null
    done
    # Here stdout is what was asked for.
    expect_without 1 1 pg_backup list
    says "cannot write the output: Bad file descriptor"
    expect_without 1 1 pg_prune plan
    says "Bad file descriptor"
    expect_without 1 1 pg_backup restore --database app --output -
    says "Bad file descriptor"
    expect_without 1 1 pg_backup config
    expect_without 2 2 pg_backup now --no-such-option
}
both_stores closed_descriptors

to_full_stderr() { "$@" 2>/dev/full; }
to_full_stdout() { "$@" >/dev/full; }

case_output_that_cannot_be_written() {
    use_dir
    create_small_database app
    use_database app
    settings+=(S3_BACKUP_MAX_AGE=30d)
    expect 0 to_full_stderr pg_backup now
    create_database copy
    expect 0 to_full_stderr pg_backup restore --database app --target-database copy
    expect_same_database app copy
    expect 0 to_full_stderr pg_backup list
    expect 0 to_full_stderr pg_prune now
    expect 2 to_full_stderr pg_backup now --no-such-option
    local verb
    for verb in list config schedule --help --version; do
        expect 1 to_full_stdout pg_backup "$verb"
        says "cannot write the output: No space left on device"
    done
    expect 1 to_full_stdout pg_prune plan
    says "cannot write the output: No space left on device"
    expect 1 to_full_stdout pg_prune now
    says "nothing was deleted: cannot write the output"
}

# on_closing_terminal COMMAND...: whose stderr is a terminal that goes away once progress is shown, as under nohup
on_closing_terminal() {
    python3 - "$@" <<'PY'
import os, pty, signal, subprocess, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
master, slave = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stderr=slave, stdin=subprocess.DEVNULL)
os.close(slave)
shown = b""
while b"\r" + b"app: " not in shown:
    shown += os.read(master, 65536)
os.close(master)
status = child.wait()
sys.exit(status if status >= 0 else 128 - status)
PY
}

case_terminal_that_is_closed() {
    use_dir
    create_small_database app
    use_database app
    pg_dump_is 'sleep 2; real_pg_dump "$@"'
    local program=(env -i "PATH=$PATH" "${settings[@]}" "$BIN/pg-backup")
    expect 0 on_closing_terminal "${program[@]}" now
    expect_complete
    create_database copy
    expect 0 pg_backup restore --database app --target-database copy
    expect_same_database app copy
}

# ---- children ------------------------------------------------------------------------------------------

dump_waits() { [ "$(sql postgres "select count(*) from pg_stat_activity where application_name = 'pg_dump' and wait_event_type = 'Lock'")" = 1 ]; }
no_dump_session() { [ "$(sql postgres "select count(*) from pg_stat_activity where application_name = 'pg_dump'")" = 0 ]; }
dump_is_gone() { is_gone "$(cat "$T/pg_dump.pid")"; }

# However we end, pg_dump ends: also while it waits in a queue for a lock, where it writes nothing.
case_killed_while_pg_dump_waits() {
    use_dir
    create_small_database app
    use_database app
    # shellcheck disable=SC2016
    pg_dump_is 'exec "'"$PG_BIN"'/pg_dump" "$@"'
    lock_table_item app
    local holder=${background[-1]}
    start_program pg-backup now
    wait_until 20 dump_waits
    kill -KILL "$pid"
    wait_until 2 dump_is_gone
    # The server notices that the client has gone when it next looks: once it has the lock.
    kill "$holder"
    sql postgres "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()" >/dev/null
    wait_until 10 no_dump_session
    wait "$pid" 2>/dev/null || true
    ! manifests_are 1 || fail "a killed run has made a backup"
}

# A child has the descriptors that are meant for it, whatever connections there are, and no secret in its environment.
descriptors_of_children() {
    create_small_database app
    use_database app
    pg_dump_is 'ls -l /proc/self/fd >'"$T"'/fds; env >'"$T"'/env; real_pg_dump "$@"'
    rm "$T/bin/pg_restore"
    cat >"$T/bin/pg_restore" <<SCRIPT
#!/usr/bin/env bash
case "\$*" in --version | -V) "$PG_BIN/pg_restore" --version; exit ;; esac
ls -l /proc/self/fd >"$T/restore_fds"
exec "$PG_BIN/pg_restore" "\$@"
SCRIPT
    chmod +x "$T/bin/pg_restore"
    settings+=("POSTGRES_PASSWORD=$PGPASSWORD" DATABASE_URL=postgres://u:hidden-url@h/d AWS_SECRET_ACCESS_KEY=hidden-aws)
    backup_now
    expect 0 pg_backup restore --database app --target-database copy --create
    local list numbers
    for list in fds restore_fds; do
        # ls has one more for the directory that it reads.
        numbers=$(sed -n '\#/proc/[0-9]*/fd$#d; s/.* \([0-9]*\) -> .*/\1/p' "$T/$list" | sort -n | tr '\n' ' ')
        [ "$numbers" = "0 1 2 3 " ] || { cat "$T/$list"; fail "a child has the descriptors $numbers"; }
        grep -q '3 -> /memfd:passfile' "$T/$list" || fail "descriptor 3 is not the passfile"
    done
    ! grep -E "^(S3_(ACCESS|SECRET)_KEY|AWS_|DB_PASSWORD|POSTGRES_PASSWORD|DATABASE_URL|PGPASSWORD)" "$T/env" || fail "a child sees secrets"
    ! grep -F "$PGPASSWORD" "$T/env" || fail "a child sees the password"
}
both_stores descriptors_of_children

# What psql itself starts, before the restricted mode that a dump is read in, has no password.
case_children_of_psql() {
    use_dir
    create_small_database app
    use_database app
    settings+=(BACKUP_FORMAT=plain)
    backup_now
    mkdir "$T/bin"
    ln -s "$PG_BIN"/* "$T/bin"
    rm "$T/bin/psql"
    cat >"$T/look" <<SCRIPT
#!/bin/sh
{ cat "\$PGPASSFILE" /proc/\$PPID/fd/3; env; echo looked; } >"$T/seen" 2>/dev/null
SCRIPT
    cat >"$T/bin/psql" <<SCRIPT
#!/usr/bin/env bash
case "\$*" in --version | -V) exec "$PG_BIN/psql" --version ;; esac
sed -u '0,/restrict/s#^[\\\\]restrict.*#\\\\! $T/look\n&#' | "$PG_BIN/psql" "\$@"
SCRIPT
    chmod +x "$T/bin/psql" "$T/look"
    settings+=("PG_BINDIR=$T/bin")
    create_database copy
    expect 0 pg_backup restore --database app --target-database copy
    expect_same_database app copy
    grep -q looked "$T/seen" || fail "nothing was started"
    ! grep -F "$PGPASSWORD" "$T/seen" || fail "what psql starts can read the password"
}

core_limit() { awk '/^Max core file size/ { print $5 }' "/proc/$1/limits"; }

case_no_core_dumps() {
    use_dir
    create_small_database app
    use_database app
    pg_dump_is 'cp /proc/$$/limits '"$T"'/limits; real_pg_dump "$@"'
    ulimit -c unlimited
    start_program pg-backup serve
    wait_until 20 manifests_are 1
    [ "$(core_limit "$pid")" -le 1 ] || fail "the daemon may dump its memory"
    grep -qE '^Max core file size +[01] ' "$T/limits" || fail "pg_dump may dump its memory"
    kill -ABRT "$pid"
    local status=0
    wait "$pid" 2>"$T/err" || status=$?
    [ "$status" = 134 ] || fail "it ended with $status"
    [ -z "$(find . "$T" -maxdepth 1 -name 'core*')" ] || fail "there is a core dump"
}

# ---- signals -------------------------------------------------------------------------------------------

case_signals() {
    use_dir
    create_small_database app
    use_database app
    local signal
    for signal in TERM INT HUP; do
        rm -rf "${folder:?}"/*
        start_program pg-backup serve
        wait_until 20 manifests_are 1
        kill -USR2 "$pid"
        kill "-$signal" "$pid"
        expect_end 0 10
    done
}

case_nohup() {
    use_dir
    create_small_database app
    use_database app
    trap '' HUP
    start_program pg-backup serve
    trap - HUP
    wait_until 20 manifests_are 1
    kill -HUP "$pid"
    sleep 1
    kill -USR1 "$pid"
    wait_until 20 manifests_are 2
    stop_daemon
}

# ---- secrets that change ---------------------------------------------------------------------------------

succeeded_again() { [ "$(manifests | wc -l)" -gt "$1" ]; }

case_rotated_password() {
    use_dir
    create_small_database app
    use_database app
    sql postgres "create role rotating superuser login password 'first'"
    cleanups+=("sql postgres 'drop role rotating'")
    printf 'first\n' >"$T/password"
    printf 'rotating\n' >"$T/user"
    settings+=(DB_PASSWORD= DB_USER= "DB_PASSWORD_FILE=$T/password" "DB_USER_FILE=$T/user")
    start_program pg-backup serve
    wait_until 20 manifests_are 1
    sql postgres "alter role rotating password 'second'"
    kill -USR1 "$pid"
    wait_until 20 log_says "password authentication failed"
    : >"$T/password" # in the midst of being replaced
    kill -USR1 "$pid"
    wait_until 20 log_says "DB_PASSWORD: the previous value is kept"
    printf 'second\n' >"$T/password"
    kill -USR1 "$pid"
    wait_until 20 manifests_are 2
    stop_daemon
    ! grep -E 'first|second$' "$T/daemon.log" || fail "a password is in the log"
}

case_rotated_url() {
    use_dir
    create_small_database app
    sql postgres "create role rotating superuser login password 'first'"
    cleanups+=("sql postgres 'drop role rotating'")
    local at
    at="host=$(jq -rn --arg h "$PGHOST" '$h | @uri')&port=$PGPORT"
    printf 'postgres://rotating:first@/app?%s\n' "$at" >"$T/url"
    settings+=("DATABASE_URL_FILE=$T/url")
    start_program pg-backup serve
    wait_until 20 manifests_are 1
    sql postgres "alter role rotating password 'second'"
    printf 'postgres://rotating:second@/app?%s\n' "$at" >"$T/url"
    sleep 1
    kill -USR1 "$pid"
    wait_until 20 manifests_are 2
    stop_daemon
}

case_rotated_keys() {
    use_s3
    create_small_database app
    use_database app
    printf '%s\n' "$S3_SECRET_KEY" >"$T/key"
    settings+=(S3_SECRET_KEY= "S3_SECRET_KEY_FILE=$T/key")
    start_program pg-backup serve
    wait_until 20 manifests_are 1
    printf 'another\n' >"$T/key"
    sleep 1
    kill -USR1 "$pid"
    wait_until 20 log_says SignatureDoesNotMatch
    printf '%s\n' "$S3_SECRET_KEY" >"$T/key"
    sleep 1
    kill -USR1 "$pid"
    wait_until 20 manifests_are 2
    stop_daemon
    ! log_says "$S3_SECRET_KEY" || fail "the key is in the log"
}

# ---- isolation -----------------------------------------------------------------------------------------

as_nobody() { (become setpriv --reuid=65534 --regid=65534 --clear-groups "$@"); }

# A directory of another user stops one database in one of two targets, and nothing else.
case_directory_of_another_user() {
    [ "$(id -u)" = 0 ] || skip "only root can make a directory of another user"
    use_s3
    use_dir
    create_small_database app
    create_small_database other
    use_database app
    settings+=(DB= "DATABASES=app other" S3_BACKUP_MAX_AGE=30d)
    chmod 711 "$T"
    mkdir "$folder/app"
    chown -R 65534:65534 "$folder"
    chown 0:0 "$folder/app"
    chmod 700 "$folder/app"
    expect 1 as_nobody "$BIN/pg-backup" now
    says "Permission denied"
    says "1 of 2 backups failed: app"
    [ "$(on dir manifests | grep -c '^other/')" = 1 ] || fail "the other database has no backup in the directory"
    [ "$(on s3 manifests | wc -l)" = 2 ] || fail "not both databases have one in the bucket"
    expect 1 as_nobody "$BIN/pg-backup" list
    says "Permission denied"
    grep -q '^other ' "$T/out" || fail "what can be read is not listed"
    settings+=(RETENTION_KEEP_LAST=1 S3_BACKUP_MAX_AGE=)
    expect 1 as_nobody "$BIN/pg-backup" now
    expect 1 as_nobody "$BIN/pg-prune" now
    says "Permission denied"
    [ "$(on dir manifests | grep -c '^other/')" = 1 ] || fail "what can be read was not pruned"
}
