# shellcheck shell=bash
# Encrypted before it leaves: what is stored, who can read it, and what happens where age, a key or a file is not
# what it should be. The keys are given to what reads, and never to what makes backups.

# From here on backups are encrypted for two: $T/first.key and $T/second.key open them.
use_age() {
    local name
    for name in first second other; do
        age-keygen -o "$T/$name.key" 2>/dev/null
        age-keygen -y "$T/$name.key" >"$T/$name.recipient"
    done
    for_recipients "$(cat "$T/first.recipient"),$(cat "$T/second.recipient")"
}
for_recipients() { settings+=("BACKUP_AGE_RECIPIENTS=$1"); }
opened_by() { with "BACKUP_AGE_IDENTITY_FILE=$T/$1.key" -- "${@:2}"; } # KEY COMMAND...

exists() { [ "$(sql postgres "select count(*) from pg_database where datname = '$1'")" = 1 ]; }
file_of() { store_list | sed -n "s#^[0-9]* \($1/.*$2\)\$#\1#p"; } # GROUP SUFFIX: keys

# A stand-in for age: a shell script that has the real one at hand as `real_age ARGUMENTS`.
age_is() { # SCRIPT
    mkdir -p "$T/stand_in"
    cat >"$T/stand_in/age" <<SCRIPT
#!/usr/bin/env bash
real_age() { "$(type -P age)" "\$@"; }
case "\$*" in --version) real_age --version; exit ;; esac
$1
SCRIPT
    chmod +x "$T/stand_in/age"
    PATH=$T/stand_in:$PATH
}

each_form() {
    create_small_database app 5000
    use_database app
    use_age
    local form suffix copy=0
    while read -r suffix form; do
        # shellcheck disable=SC2086
        with $form -- backup_now
        id=$(field id | sort | tail -n 1)
        [ -n "$(file_of "app/$id" "app$suffix")" ] || { store_list; fail "no app$suffix"; }
        expect_complete
        # Without a key, and with the wrong one.
        expect 1 pg_backup restore --target-database copy --create
        says "$(cut -c 1-8 "$T/first.recipient")"
        expect 1 opened_by other pg_backup restore --target-database copy --create
        says "none of the identities opens it"
        ! exists copy || fail "the target was touched"
        # With each of the right ones.
        copy=$((copy + 1))
        expect 0 opened_by "$([ $((copy % 2)) = 0 ] && echo first || echo second)" \
            pg_backup restore --target-database copy --create
        expect_same_database app copy
        drop_database copy
        expect 0 pg_backup verify --stored
        expect 1 pg_backup verify --archive
        expect 0 opened_by first pg_backup verify --archive
        next_second
    done <<'FORMS'
.dump.zst.age BACKUP_FORMAT=custom
.sql.zst.age BACKUP_FORMAT=plain
.dump.gz.age BACKUP_COMPRESSION=gzip
.dump.age BACKUP_COMPRESSION=none
.sql.age BACKUP_COMPRESSION=none BACKUP_FORMAT=plain
.dump.age BACKUP_COMPRESSION=native
FORMS
}
both_stores each_form

case_every_way_of_a_restore() {
    use_dir
    create_small_database app
    sql app "create table other (n int); insert into other values (7)"
    cleanups+=("drop_roles of_the_backup")
    sql postgres "create role of_the_backup"
    use_database app
    use_age
    settings+=(BACKUP_GLOBALS=true)
    backup_now
    says "backups are encrypted"
    says "recipients=2"
    [ -n "$(file_of _globals globals.sql.zst.age)" ] || fail "the roles are not encrypted"
    drop_roles of_the_backup
    expect 1 pg_backup restore --globals --yes
    expect 0 opened_by first pg_backup restore --globals --yes
    [ "$(sql postgres "select count(*) from pg_roles where rolname = 'of_the_backup'")" = 1 ] || fail "no role"
    # A part, and what there is.
    expect 1 pg_backup restore --list-contents
    expect 0 opened_by first pg_backup restore --list-contents
    says other
    expect 0 opened_by first pg_backup restore --target-database part --create --table other
    [ "$(sql part "select n from other")" = 7 ] || fail "no part"
    # In place of what is there, only by who can open it.
    sql app "drop table other"
    expect 1 opened_by other pg_backup restore --replace --yes
    [ -z "$(sql app "select to_regclass('other')")" ] || fail "the database was replaced"
    expect 0 opened_by first pg_backup restore --replace --yes
    [ "$(sql app "select n from other")" = 7 ] || fail "the database was not replaced"
    expect 0 opened_by first pg_backup restore --target-database jobs --create --jobs 2
    expect_same_database app jobs
    # All of a run.
    expect 1 pg_backup restore --all --replace --yes
    expect 0 opened_by first pg_backup restore --all --replace --yes
    expect_same_database app jobs
    # The file alone, and one that somebody else encrypted.
    cp "$folder/$(file_of app .dump.zst.age)" "$T/a.file"
    PGDATABASE=app "$PG_BIN/pg_dump" | gzip | age -r "$(cat "$T/first.recipient")" >"$T/b.file"
    for name in a b; do
        expect 1 pg_backup restore --input "$T/$name.file" --target-database copy --create
        says "there is no key to open it"
        ! exists copy || fail "the target was touched"
        expect 0 opened_by first pg_backup restore --input "$T/$name.file" --target-database copy --create
        expect_same_database app copy
        drop_database copy
    done
    expect 0 opened_by first pg_backup restore --output "$T/app.dump"
    "$PG_BIN/pg_restore" -l "$T/app.dump" >"$T/list"
}

# Switching it on and off leaves older backups as they are; so does a backup of an older system.
case_beside_others() {
    use_dir
    create_small_database app
    use_database app
    settings+=(ADOPT_LAYOUTS=all)
    PGDATABASE=app "$PG_BIN/pg_dump" -Fc | store_put app/app_20240115T120000Z.dump
    backup_now
    next_second
    use_age
    backup_now
    next_second
    with BACKUP_AGE_RECIPIENTS= -- backup_now
    expect 0 pg_backup list
    [ "$(grep -c 'encrypted for' "$T/out")" = 1 ] || { cat "$T/out"; fail "not one is encrypted"; }
    local id left=0
    for id in $(field id); do
        expect 0 opened_by first pg_backup restore --id "$id" --target-database copy --create
        expect_same_database app copy
        drop_database copy
        left=$((left + 1))
    done
    [ "$left" = 4 ] || fail "$left backups"
    expect 0 pg_backup restore --target-database copy --create # the newest is not encrypted
    settings+=(RETENTION_KEEP_LAST=1)
    expect 0 pg_prune now
    [ "$(manifests | wc -l)" = 1 ] || fail "pg-prune kept more than one"
}

case_pieces_and_two_destinations() {
    use_dir
    use_s3
    create_large_database app 24
    use_database app
    use_age
    settings+=(S3_PART_SIZE=5MiB S3_MAX_PARTS=2)
    backup_now
    local key
    key=$(on s3 file_of app .dump.zst.age)
    [ -n "$(on s3 file_of app .dump.zst.age.0001)" ] || { on s3 store_list; fail "there are no pieces"; }
    [ "$(for one in $(on s3 file_of app '.dump.zst.age[.0-9]*'); do on s3 store_get "$one"; done | sha256sum)" = \
        "$(on dir store_get "$key" | sha256sum)" ] || fail "the bytes differ"
    for target in s3 dir; do
        expect 0 opened_by second pg_backup restore --from "$target" --target-database copy --create
        expect_same_database app copy
        drop_database copy
    done
    expect 0 opened_by first pg_backup verify --archive
}

case_age_that_is_missing_or_fails() {
    use_dir
    create_small_database app 20000
    use_database app
    use_age
    mkdir "$T/no_age"
    expect 2 with "PATH=$T/no_age" -- pg_backup now
    says "install the package age"
    expect_nothing_left
    expect 0 with "PATH=$T/no_age" BACKUP_AGE_RECIPIENTS= "PG_BINDIR=$PG_BIN" -- pg_backup now
    rm -r "${folder:?}"/*
    local script
    # shellcheck disable=SC2016
    for script in 'real_age "$@" | head -c 3000; kill -9 $$' \
        'real_age "$@" | { head -c 30000; cat >/dev/null; }; exit 0' \
        'head -c 2000 | real_age "$@"; exit 0' 'real_age "$@"; exit 1' 'exec sleep 0' \
        'real_age "$@" <<<""; cat >/dev/null; exit 0'; do
        age_is "[ \"\${1:-}\" = --encrypt ] || exec $(type -P age) \"\$@\"
            [ -e $T/tried ] || { touch $T/tried; exec $(type -P age) \"\$@\"; } # the trial at start
            $script"
        rm -f "$T/tried"
        expect 1 pg_backup now
        expect_nothing_left
        PATH=${PATH#*:}
    done
    backup_now
    # shellcheck disable=SC2016
    for script in 'real_age "$@" | head -c 3000; kill -9 $$' 'real_age "$@" | head -c 3000; exit 0' \
        'head -c 2000 | real_age "$@"; exit 0' 'exec sleep 0'; do
        age_is "$script"
        expect 1 opened_by first pg_backup restore --target-database copy --create
        PATH=${PATH#*:}
        ! exists copy || fail "the target was touched: $script"
    done
}

case_keys_of_every_kind() {
    use_dir
    create_small_database app
    use_database app
    use_age
    ssh-keygen -q -t ed25519 -N '' -C 'someone, somewhere' -f "$T/ssh.key"
    ssh-keygen -q -t ed25519 -N secret -f "$T/locked.key"
    printf '# who may read\n\n%s\n%s\n' "$(cat "$T/first.recipient")" "$(cat "$T/ssh.key.pub")" >"$T/recipients"
    settings+=(BACKUP_AGE_RECIPIENTS= "BACKUP_AGE_RECIPIENTS_FILE=$T/recipients")
    backup_now
    says "recipients=2"
    expect 1 opened_by second pg_backup restore --target-database copy --create
    expect 0 opened_by ssh pg_backup restore --target-database copy --create
    expect_same_database app copy
    drop_database copy
    # Several files, and several keys in one.
    cat "$T/other.key" "$T/second.key" >"$T/many.key"
    expect 1 opened_by many pg_backup restore --target-database copy --create
    expect 0 with "BACKUP_AGE_IDENTITY_FILE=$T/many.key,$T/ssh.key" -- pg_backup restore --target-database copy --create
    drop_database copy
    cat "$T/first.key" >>"$T/many.key"
    expect 0 opened_by many pg_backup restore --target-database copy --create
    drop_database copy
    # Files that are no keys.
    expect 2 opened_by locked pg_backup restore --target-database copy --create
    says "ssh-keygen -p"
    expect 2 opened_by nothing pg_backup restore --target-database copy --create
    says "cannot open $T/nothing.key"
    cp "$T/first.recipient" "$T/public.key"
    expect 2 opened_by public pg_backup restore --target-database copy --create
    says "holds recipients"
    # A passphrase: asked for once, on a terminal, and nowhere else.
    terminal_of_age age -p -o "$T/protected.key" "$T/first.key"
    expect 2 opened_by protected pg_backup restore --target-database copy --create
    says "there is no terminal"
    opened_by protected terminal_of_age pg_backup restore --target-database copy --create --yes ||
        { cat "$T/screen"; fail "not opened on the terminal"; }
    expect_same_database app copy
    [ "$(grep -c 'Enter passphrase' "$T/screen")" = 1 ] || { cat "$T/screen"; fail "asked more than once"; }
    drop_database copy
    ! grep -rq AGE-SECRET-KEY "$folder" || fail "a key was stored"
}

# COMMAND...: on a terminal, where the passphrase is typed whenever one is asked for
terminal_of_age() {
    (become_command "$@" >"$T/command.sh")
    PROMPT='(Enter|Confirm) passphrase[^:]*: ' on_terminal "correct horse,correct horse" bash "$T/command.sh"
}
# COMMAND...: as a line of a script, with the environment of the programs
become_command() {
    [ "$1" != pg_backup ] || set -- "$BIN/pg-backup" "${@:2}"
    printf 'exec env -i %q ' "PATH=$PATH" "HOME=$T" LC_ALL=C.UTF-8 TERM=xterm BACKUP_DIR_ON_ROOT=allow "${settings[@]}" "$@" |
        sed 's/exec env -i / /2g'
}

case_recipients_that_are_refused() {
    use_dir
    create_small_database app
    use_database app
    use_age
    local secret file
    secret=$(grep AGE-SECRET "$T/first.key")
    ssh-keygen -q -t ed25519 -N '' -f "$T/ssh.key"
    for value in "$secret" "${secret,,}" "$(cat "$T/first.recipient") $secret" "# $secret"; do
        expect 2 with "BACKUP_AGE_RECIPIENTS=$value" -- pg_backup now
        says "THIS IS A SECRET KEY"
        says_not "${secret:15:30}"
        says_not "${secret,,}"
        expect 2 with "BACKUP_AGE_RECIPIENTS=$value" -- pg_backup config
        says_not "${secret:15:30}"
        expect 2 with "BACKUP_AGE_RECIPIENTS=" -- pg_backup now --backup-age-recipients "$value"
        says_not "${secret:15:30}"
    done
    for file in first.key ssh.key; do
        expect 2 with BACKUP_AGE_RECIPIENTS= "BACKUP_AGE_RECIPIENTS_FILE=$T/$file" -- pg_backup now
        says "THIS IS A SECRET KEY"
        says_not "${secret:15:30}"
        says_not "$(sed -n 2p "$T/ssh.key")"
    done
    expect 2 with "BACKUP_AGE_IDENTITY_FILE=$secret" -- pg_backup list
    says "THIS IS A SECRET KEY"
    says_not "${secret:15:30}"
    # What age refuses, in its words.
    for value in age1nonsense "$(cat "$T/first.recipient"),/etc/passwd" "ssh-ed25519 AAAA"; do
        expect 2 with "BACKUP_AGE_RECIPIENTS=$value" -- pg_backup now
        says "age cannot encrypt"
    done
    expect 2 with "BACKUP_AGE_RECIPIENTS=ssh-ed25519 AAAA $(cat "$T/first.recipient")" -- pg_backup now
    says "on a line of its own"
    printf '# nobody\n' >"$T/nobody"
    expect 2 with BACKUP_AGE_RECIPIENTS= "BACKUP_AGE_RECIPIENTS_FILE=$T/nobody" -- pg_backup now
    says "names no recipient"
    expect_nothing_left
    expect 0 with "BACKUP_AGE_RECIPIENTS=$(cat "$T/first.recipient")" -- pg_backup now
    says "without its key, no backup can be read"
    # A daemon has no key for what it is to verify.
    expect 2 with VERIFY_SCHEDULE=@daily -- pg_backup config
    says VERIFY_DEPTH=stored
    expect 0 with VERIFY_SCHEDULE=@daily VERIFY_DEPTH=stored -- pg_backup config --check
}

case_check_tells() {
    use_dir
    create_small_database app
    use_database app
    use_age
    backup_now
    expect 0 pg_backup check
    says "encrypts for 2"
    expect 0 opened_by first pg_backup check
    says "they open the newest backup"
    expect 3 opened_by other pg_backup check
    says "none of the identities opens it"
    expect 1 opened_by other pg_backup verify
    says "none of the identities opens it"
    expect 3 with "BACKUP_AGE_RECIPIENTS=$(cat "$T/first.recipient")" -- pg_backup check
    says "without its key, no backup can be read"
    expect 3 with BACKUP_AGE_RECIPIENTS=age1nonsense -- pg_backup check
    says "age cannot encrypt"
}

# The runbook: a new key, and older backups for it.
case_rotation() {
    use_dir
    create_small_database app
    use_database app
    use_age
    cp "$T/first.recipient" "$T/recipients"
    cat "$T/second.recipient" >>"$T/recipients"
    settings+=(BACKUP_AGE_RECIPIENTS= "BACKUP_AGE_RECIPIENTS_FILE=$T/recipients" BACKUP_INTERVAL=1h)
    start_program pg-backup serve
    wait_until 30 eval '[ "$(manifests | wc -l)" = 1 ]'
    cat "$T/other.recipient" "$T/second.recipient" >"$T/new" && mv "$T/new" "$T/recipients"
    next_second
    kill -USR1 "$pid"
    wait_until 30 eval '[ "$(manifests | wc -l)" = 2 ]'
    next_second
    cp "$T/first.key" "$T/new" && mv "$T/new" "$T/recipients" # by mistake
    kill -USR1 "$pid"
    wait_until 30 eval '[ "$(manifests | wc -l)" = 3 ]'
    grep -q "the previous recipients are kept" "$T/daemon.log" || fail "it does not say that it keeps them"
    ! grep -q AGE-SECRET "$T/daemon.log" || fail "the key is in the log"
    cat "$T/other.recipient" "$T/second.recipient" >"$T/recipients"
    kill "$pid"
    expect_end 0 10
    local ids
    mapfile -t ids < <(field id)
    expect 0 opened_by first pg_backup restore --id "${ids[0]}" --target-database a --create
    expect 1 opened_by first pg_backup restore --id "${ids[1]}" --target-database b --create
    expect 0 opened_by other pg_backup restore --id "${ids[1]}" --target-database b --create
    expect 0 opened_by other pg_backup restore --id "${ids[2]}" --target-database c --create
    expect 0 pg_backup list
    [ "$(grep -c "$(tail -c 9 "$T/other.recipient")" "$T/out")" = 2 ] || { cat "$T/out"; fail "list does not tell"; }
    # By hand, from the documentation: for the new key, without a tool of ours.
    id=${ids[0]}
    mkdir "$T/hand"
    cd "$T/hand" || fail "no folder"
    printf '%s\n' "$(cat "$T/other.recipient")" "$(cat "$T/second.recipient")" >recipients.txt
    cp "$T/first.key" key.txt
    by_hand 'age -R recipients.txt'
    cp "$T/other.key" "$T/hand.key"
    expect 0 opened_by hand pg_backup restore --input "$T/hand/app.dump.zst.age" --target-database d --create
    expect_same_database app d
}

by_hand() { # TEXT: runs the block of the documentation that holds it, with the names of this case
    local block
    block=$(documented_block encryption.md "$1")
    [ -n "$block" ] || fail "no block of the documentation has: $1"
    block=$(sed "s#s3://backups/#s3://${S3_BUCKET:-}/${prefix:-}/#g; s#/backups/#$folder/#; s#20261120T031500Z-9f3a1c2b#$id#g" <<<"$block")
    echo "$block"
    PATH=$T/bin:$PG_BIN:$PATH bash -euo pipefail -c "$block" >"$T/out" 2>"$T/err" || { cat "$T/out"; fail "it failed"; }
}

case_restore_by_hand() {
    use_s3
    folder=
    mkdir "$T/bin"
    cat >"$T/bin/aws" <<SH
#!/bin/sh
export AWS_ACCESS_KEY_ID='$S3_ACCESS_KEY' AWS_SECRET_ACCESS_KEY='$S3_SECRET_KEY' AWS_DEFAULT_REGION='$S3_REGION'
exec /usr/bin/aws --endpoint-url '$S3_ENDPOINT' "\$@"
SH
    chmod +x "$T/bin/aws"
    create_small_database app
    use_database app
    use_age
    backup_now
    id=$(field id)
    create_database app_copy
    cd "$T" || fail "no folder"
    cp first.key key.txt
    by_hand 'age -d -i ../key.txt'
    expect_same_database app app_copy
    age -d -i key.txt <<<"$(store_get "$(file_of app .dump.zst.age)" | head -c 300)" >"$T/cut" 2>/dev/null && fail "a cut file opens"
    return 0
}

# Whoever has everything of the container that makes backups, its environment, its files and its credentials, and
# all that is stored, has none of what was backed up.
case_the_attacker() {
    use_dir
    use_s3
    create_database marked
    cleanups+=("drop_roles marker_role")
    sql postgres "create role marker_role password 'marker_password'"
    sql marked "create schema marker_schema; create table marker_schema.marker_table (marker_column text);
        insert into marker_schema.marker_table select 'marker_row ' || i from generate_series(1, 1000) i;
        alter database marked set application_name = 'marker_setting';
        comment on database marked is 'marker_comment'; grant connect on database marked to marker_role;
        alter role marker_role in database marked set work_mem = '64MB';
        create table marker_left_out (n int)"
    use_database marked
    use_age
    settings+=(BACKUP_GLOBALS=true EXCLUDE_TABLES=marker_left_out S3_LATEST=true)
    mkdir "$T/seen"
    local form
    for form in custom:zstd plain:gzip plain:none custom:native; do
        with "BACKUP_FORMAT=${form%:*}" "BACKUP_COMPRESSION=${form#*:}" -- backup_now
        next_second
    done
    expect 0 opened_by first pg_backup verify --archive
    rm "$T"/*.key # they were never there
    s3 download "$prefix/" "$T/seen"
    cp -r "$folder" "$T/seen/directory"
    [ "$(find "$T/seen" -name '*.age' | wc -l)" -ge 16 ] || fail "too little is there to look at"
    local file found=0
    while read -r file; do
        for tool in cat "zstd -dqc" "gzip -dqc" "age -d" "$PG_BIN/pg_restore -f -"; do
            $tool "$file" >"$T/read" 2>/dev/null || true
            if grep -aiE -m 3 'marker_|md5[0-9a-f]{32}|SCRAM-SHA' "$T/read"; then
                echo "$tool $file"
                found=1
            fi
        done
    done < <(find "$T/seen" -type f)
    [ "$found" = 0 ] || fail "something can be read"
    # Nor by the program itself.
    for verb in "list --json" list "show marked/$(field id marked | head -n 1)"; do
        # shellcheck disable=SC2086
        expect 0 pg_backup $verb
        says_not marker_
    done
    expect 1 pg_backup restore --output "$T/out.dump"
    [ ! -s "$T/out.dump" ] || fail "something was written"
    # The test would find it: without encryption it is there.
    settings+=(BACKUP_AGE_RECIPIENTS=)
    backup_now
    zstd -dqc "$(find "$folder" -name '*.dump.zst')" >"$T/read"
    grep -aq marker_table "$T/read" || fail "the test finds nothing"
}

# A base backup and its WAL.
case_a_whole_server() {
    # shellcheck source=SCRIPTDIR/physical_lib.sh
    . ./physical_lib.sh
    use_dir
    chmod 777 "$T"
    start_cluster encrypted
    create_rows
    sql postgres "create table marker_table (t text); insert into marker_table select 'marker_row ' || i from generate_series(1, 1000) i"
    use_age
    add_rows 5
    backup_now
    id=$(field id)
    [ -n "$(file_of "_cluster/$id" base.tar.zst.age)" ] || { store_list; fail "the base backup is not encrypted"; }
    [ -n "$(file_of "_cluster/$id" backup_manifest.zst.age)" ] || fail "its list is not encrypted"
    while read -r file; do
        { cat "$file"; zstd -dqc "$file" 2>/dev/null || true; } >"$T/read"
        ! grep -aq marker_row "$T/read" || fail "$file can be read"
    done < <(find "$folder" -type f)
    expect 1 pg_backup restore --cluster --target-dir "$T/closed"
    expect 1 opened_by other pg_backup restore --cluster --target-dir "$T/closed"
    says "none of the identities opens it"
    [ -z "$(ls -A "$T/closed" 2>/dev/null)" ] || fail "the target was touched"
    expect 0 opened_by first pg_backup restore --cluster --target-dir "$T/opened"
    start_restored opened
    expect_rows opened 5
    expect 0 opened_by first pg_backup verify
}
