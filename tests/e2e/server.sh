# shellcheck shell=bash
# A whole server: many databases in a run, roles and tablespaces, and what fails for itself alone.

use_server_as() { # ROLE PASSWORD: without a database
    settings+=("DB_HOST=$PGHOST" "DB_PORT=$PGPORT" "DB_USER=$1" "DB_PASSWORD=$2")
}

all_databases() {
    use_server_as "$PGUSER" "$PGPASSWORD"
    settings+=(DATABASES=all)
}

groups() { field group | sort -u | xargs -d '\n'; }

whole_server() {
    all_databases
    local i
    for i in $(seq -w 1 23); do create_small_database "db$i" 3; done
    create_small_database "my, db"
    create_small_database test_scratch
    create_small_database rdsadmin
    create_database closed "allow_connections false"
    create_database template "is_template true"
    cleanups=("sql postgres 'alter database template is_template false' && drop_database template && drop_all_databases"
        "${cleanups[@]}")
    settings+=("EXCLUDE_DATABASES=test_* postgres")
    backup_now
    says "result=success backups=25 failed=0"
    says "left out as the provider's own databases=rdsadmin"
    [ "$(field group | grep -c '^db[0-9]*$')" = 23 ] || fail "$(field group)"
    [ "$(field group | sort | grep -v '^db' | xargs -d '\n')" = "_globals my, db" ] || fail "$(field group)"
    [ "$(field id | sort -u | wc -l)" = 1 ] || fail "the backups of one run have several ids"
    expect_complete
    # One that is new is found by the next run.
    create_small_database newcomer
    next_second
    backup_now
    [ "$(field group newcomer)" = newcomer ] || fail "the new database was not found"
    [ "$(manifests | wc -l)" = 51 ] || fail "$(manifests)"
    expect 0 pg_backup restore --database "my, db" --target-database copy --create
    expect_same_database "my, db" copy
}
both_stores whole_server

# A table locked exclusively, a view that its owner may not read any more, a role without rights.
case_broken_databases_fail_alone() {
    use_dir
    create_small_database fine
    create_small_database locked
    create_small_database no_rights
    create_small_database corrupt
    sql corrupt "create view v as select * from item; set allow_system_table_mods = on;
        delete from pg_rewrite where ev_class = 'v'::regclass"
    sql postgres "create role keeper login password 'geheim'"
    cleanups+=("drop_roles keeper")
    sql postgres "grant pg_read_all_data to keeper"
    sql no_rights "alter table item enable row level security"
    use_server_as keeper geheim
    sql postgres "revoke connect on database fine from public"
    expect 1 env "${settings[@]}" DATABASES=all "EXCLUDE_DATABASES=[!f]*" "$BIN/pg-backup" now
    says "a database is left out database=fine reason=\"the role may not connect to it"
    says "no database is left to back up"
    sql postgres "grant connect on database fine to public"
    settings+=("DATABASES=corrupt fine, locked, no_rights missing" LOCK_TIMEOUT=2s)
    lock_table_item locked
    expect 1 pg_backup now
    says "4 of 5 backups failed: corrupt, locked, no_rights, missing"
    says 'backup of locked: pg_dump exited with 1'
    says 'row-level security'
    says 'database "missing" does not exist'
    [ "$(groups)" = fine ] || fail "$(groups)"
    expect_complete
    [ "$(store_objects | wc -l)" = 2 ] || fail "something was left: $(store_list)"
    expect 1 env "${settings[@]}" DATABASES=locked "$BIN/pg-backup" now
    says_not "of 1 backups"
}

# remember_days GROUP FROM TO: the newest backup again, as of each day from FROM to TO days ago, counted from `today`, so
# that the groups of a day have the id of one run.
remember_days() {
    local id copy day folder_of_day
    stamp() { date -u -d "@$((today - $1 * 86400))" "+$2"; }
    id=$(field id "$1" | tail -n 1)
    for ((day = $3; day >= $2; --day)); do
        copy=$(stamp "$day" %Y%m%dT%H%M%SZ)-$(printf %08x "$day")
        folder_of_day=$folder/$1/$copy
        cp -r "$folder/$1/$id" "$folder_of_day"
        jq --arg id "$copy" --arg started "$(stamp "$day" %FT%TZ)" --arg due "$(stamp $((day - 1)) %FT%TZ)" \
            '.id = $id | .started = $started | .finished = $started | .next_due = $due' \
            "$folder/$1/$id/manifest.json" >"$folder_of_day/manifest.json"
        rm -f "$folder_of_day/SHA256SUMS"
    done
}

unmark_templates() {
    sql postgres <<'SQL'
select format('alter database %I is_template false', datname) from pg_database
where datistemplate and datname not in ('template0', 'template1') \gexec
SQL
}

# A database that cannot be backed up any more is there still: the run says so, and its backups stay.
case_no_database_is_lost_silently() {
    use_dir
    local name how
    for name in shop crm blog old plain_template; do create_small_database $name 3; done
    sql postgres "alter database plain_template is_template true"
    cleanups+=(unmark_templates drop_all_databases "drop_roles keeper")
    sql postgres "create role keeper login password 'geheim' bypassrls in role pg_read_all_data"
    use_server_as keeper geheim
    settings+=(DATABASES=all EXCLUDE_DATABASES=postgres BACKUP_GLOBALS=false BACKUP_INTERVAL=1d)
    backup_now
    says "a database is left out database=plain_template reason=\"it is a template"
    local today
    today=$(date +%s)
    for name in shop crm blog old; do
        remember_days $name 6 12
        rm -r "${folder:?}/$name/$(field id $name | tail -n 1)/"
    done
    # The runs of the last days had blog excluded, and old is dropped.
    drop_database old
    settings+=("EXCLUDE_DATABASES=postgres blog" S3_BACKUP_MAX_AGE=8d)
    cp -r "$folder" "$T/history"
    for how in "revoke connect on database crm from public" "alter database crm allow_connections false" \
        "alter database crm is_template true"; do
        rm -r "$folder" && cp -r "$T/history" "$folder"
        sql postgres "$how"
        expect 1 pg_backup now
        says "1 of 2 backups failed: crm"
        says "there are older ones, but it is left out now"
        says "EXCLUDE_DATABASES"
        jq -e '.left_out | map(.database) == ["crm", "plain_template"]' "$folder"/shop/*/manifest.json >"$T/left_out"
        grep -q true "$T/left_out" || fail "the manifest does not say it"
        # A run by hand for another database says nothing about this one.
        next_second
        expect 0 env "${settings[@]}" DATABASES= DB=shop EXCLUDE_DATABASES= "$BIN/pg-backup" now
        expect 3 pg_prune now
        says "nothing of crm was touched: backups have stalled"
        says "as the database is left out: "
        [ "$(field id crm | wc -l)" = 7 ] || fail "crm lost backups: $(field id crm)"
        # What is excluded, and what was dropped, is retired: the rules hold.
        [ "$(field id blog | wc -l)" = 2 ] || fail "blog: $(field id blog)"
        [ "$(field id old | wc -l)" = 2 ] || fail "old: $(field id old)"
        sql postgres "grant connect on database crm to public; alter database crm allow_connections true is_template false"
    done
    # The daemon fails for it alone: it makes no backup of the others anew with each try.
    sql postgres "revoke connect on database crm from public"
    local before
    before=$(manifests | wc -l)
    start_program pg-backup serve
    failed() { grep -q "it is left out now.*failures=1" "$T/daemon.log"; }
    wait_until 30 failed
    [ "$(manifests | wc -l)" = "$before" ] || fail "the others were made again"
    kill -TERM "$pid"
    expect_end 0 10
    sql postgres "grant connect on database crm to public"
    next_second
    expect 0 pg_backup now
}

# The daemon repeats what failed, and only that, under a new id; a restart knows it from the store.
case_only_the_failed_ones_are_repeated() {
    use_dir
    create_small_database one
    create_small_database two
    all_databases
    settings+=(BACKUP_INTERVAL=1h EXCLUDE_DATABASES=postgres)
    pg_dump_is 'if [ ! -e "'"$T"'/fixed" ]; then case "$*" in *dbname=*two*) echo broken >&2; exit 1 ;; esac; fi
        real_pg_dump "$@"'
    start_program pg-backup serve
    failed() { grep -q "1 of 3 backups failed: two" "$T/daemon.log"; }
    wait_until 30 failed
    [ "$(groups)" = "_globals one" ] || fail "$(groups)"
    kill -TERM "$pid"
    expect_end 0 10
    touch "$T/fixed"
    start_program pg-backup serve
    has_two() { [ "$(groups)" = "_globals one two" ]; }
    wait_until 30 has_two
    next() { grep -q "next backup" "$T/daemon.log"; }
    wait_until 10 next
    kill -TERM "$pid"
    expect_end 0 10
    [ "$(manifests | wc -l)" = 3 ] || fail "more than the failed one was repeated: $(manifests)"
    [ "$(field id | sort -u | wc -l)" = 2 ] || fail "the repeated one has the old id"
    # Each manifest names all that its run was for.
    jq -r '.groups | sort | join(" ")' "$folder"/two/2*/manifest.json >"$T/two"
    [ "$(cat "$T/two")" = "_globals one two" ] || fail "$(cat "$T/two")"
}

case_lists_and_what_is_wrong_with_them() {
    use_dir
    create_small_database app
    create_small_database other
    use_server_as "$PGUSER" "$PGPASSWORD"
    expect 2 pg_backup now
    says "nothing says which database to back up"
    settings+=("DB_NAME=app other")
    backup_now
    [ "$(groups)" = "app other" ] || fail "$(groups)"
    settings+=("EXCLUDE_DATABASES=*")
    expect 1 pg_backup now
    says "no database is left to back up"
    settings+=(DB=app)
    expect 2 pg_backup now
    says "keep one"
    create_database _globals
    settings+=(DB= DB_NAME= DATABASES=all EXCLUDE_DATABASES=)
    next_second
    backup_now
    says "a database cannot be backed up: its name is reserved"
    settings+=("DATABASES=app,_globals")
    expect 1 pg_backup now
    says "EXCLUDE_DATABASES"
    settings+=("DATABASES=,")
    expect 2 pg_backup now
    says "DATABASES: ',' names nothing"
    settings+=(DATABASES=all)
    settings+=(EXCLUDE_DATABASES=_globals)
    backup_now
}

prepare_globals() {
    mkdir "$T/space"
    chown "$(stat -c %u:%g "$WORK/postgres/data")" "$T/space"
    chmod 755 "$T"
    cleanups+=("sql postgres 'drop tablespace if exists space'" "drop_roles app_user app_group 'odd \"\" role'")
    sql postgres <<SQL
create role app_group;
create role app_user login password 'erstes' connection limit 7 in role app_group;
create role "odd "" role" valid until '2040-01-01';
alter role app_user set search_path to app, "x y";
comment on role app_user is 'it''s; a role';
create tablespace space owner app_user location '$T/space';
SQL
    create_small_database app
    all_databases
}

roles() {
    sql postgres "select rolname, rolcanlogin, rolconnlimit, rolpassword, rolvaliduntil, rolconfig,
        (select array_agg(r.rolname) from pg_auth_members m join pg_roles r on r.oid = m.roleid where m.member = a.oid),
        shobj_description(oid, 'pg_authid') from pg_authid a
        left join lateral (select setconfig from pg_db_role_setting where setrole = a.oid and setdatabase = 0) s(rolconfig) on true
        where rolname ~ '^app_|^odd' order by 1"
}

globals() {
    prepare_globals
    backup_now
    roles >"$T/roles"
    # One is gone, one is there with another password and a right too many.
    sql postgres 'drop tablespace space'
    sql postgres 'drop role "odd "" role"'
    sql postgres "alter role app_user password 'anderes' createdb connection limit 1"
    rm -r "$T/space"
    expect 0 pg_backup restore --globals --yes
    says "left out what=\"TABLESPACE space"
    says_not SCRAM
    roles | cmp - "$T/roles" || { roles; fail "the roles are not as they were"; }
    PGUSER=app_user PGPASSWORD=erstes psql_ -d app -c "select 1" || fail "the password is not as it was"
    [ "$(sql postgres "select rolcreatedb from pg_roles where rolname = 'app_user'")" = f ] || fail "the right stayed"
    # Once more, with all of them there; and by hand.
    expect 0 pg_backup restore --database _globals --yes
    expect 0 pg_backup restore --globals --output "$T/globals.sql"
    grep -q '^CREATE ROLE app_group;' "$T/globals.sql" || fail "no SQL"
    local id
    id=$(field id _globals)
    store_get "_globals/$id/globals.sql.zst" | zstd -dc | cmp - "$T/globals.sql"
    # Held, released and pruned like any other.
    expect 0 pg_backup hold "_globals/$id"
    settings+=(RETENTION_KEEP_LAST=1)
    expect 0 pg_prune release "_globals/$id"
    next_second
    backup_now
    expect 0 pg_prune now
    [ "$(field id _globals | wc -l)" = 1 ] || fail "not pruned"
    expect_complete
}
both_stores globals

case_globals_without_rights() {
    use_dir
    prepare_globals
    sql postgres "create role keeper login password 'geheim'"
    cleanups+=("drop_roles keeper")
    sql app "grant select on all tables in schema public to keeper"
    use_server_as keeper geheim
    settings+=(EXCLUDE_DATABASES=postgres)
    backup_now
    says "without the passwords of roles"
    jq -e '.private.warnings | any(test("without the passwords"))' "$folder"/_globals/2*/manifest.json >/dev/null ||
        fail "the manifest does not say it"
    ! grep -q SCRAM <<<"$(zstd -dc "$folder"/_globals/2*/globals.sql.zst)" || fail "passwords"
    # Who may not make roles is told so, once for each, and a stop is none in the middle.
    sql postgres "drop role app_group"
    expect 1 pg_backup restore --globals --yes
    says "statements failed, the others were executed"
    says "CREATEROLE"
    expect 2 pg_backup restore --globals --yes --create
    says "belong to the whole server"
    settings+=(BACKUP_GLOBALS=false)
    next_second
    backup_now
    [ "$(field id _globals | wc -l)" = 1 ] || fail "globals although told not to"
}

# A bucket that is away costs its patience once, not once for each database.
case_a_target_that_is_away_is_left_out() {
    use_dir
    use_s3
    local name
    for name in one two three; do create_small_database "$name" 3; done
    all_databases
    settings+=(S3_RETRY_TIME=3s S3_ENDPOINT=http://127.0.0.1:1 EXCLUDE_DATABASES=postgres)
    local began=$SECONDS
    expect 1 pg_backup now
    says "4 of 4 backups failed: one, three, two, _globals"
    [ "$(grep -c 'not tried where the store did not answer' "$T/err")" = 2 ] || fail "$(cat "$T/err")"
    [ $((SECONDS - began)) -lt 20 ] || fail "each had its own patience"
    [ "$(find "$folder" -name manifest.json -not -path '*/latest/*' | wc -l)" = 4 ] || fail "the directory has not got all"
}

# As a CronJob starts it again after a failure: what was made stays made.
case_now_makes_what_is_due() {
    use_dir
    create_small_database app 10
    use_database app
    expect 2 pg_backup now --if-due
    says "--if-due needs BACKUP_SCHEDULE"
    settings+=(DB= "DATABASES=app later" "BACKUP_SCHEDULE=@every 24h")
    expect 2 pg_backup now --if-due
    # Due an hour ago, and again in 23.
    settings+=(TZ=UTC "BACKUP_SCHEDULE=0 $(date -u -d '1 hour ago' +%-H) * * *")
    expect 1 pg_backup now --if-due
    says 'database "later" does not exist'
    expect 1 pg_backup now --if-due
    [ "$(manifests | wc -l)" = 1 ] || fail "app was backed up again: $(manifests)"
    create_small_database later 10
    expect 0 pg_backup now --if-due
    [ "$(manifests | cut -d/ -f1 | sort | xargs)" = "app later" ] || fail "$(manifests)"
    expect 0 pg_backup now --if-due
    says "no backup is due"
    [ "$(manifests | wc -l)" = 2 ] || fail "$(manifests)"
    expect 0 pg_backup now
    [ "$(manifests | wc -l)" = 4 ] || fail "now by itself is for everything: $(manifests)"
}

# A failover in the night.
case_now_waits_for_postgresql() {
    use_dir
    create_small_database app 10
    use_database app
    "$servers/relay.py" forward "$PGHOST" "$T/port" "$PGPORT" "$T/away" 2>"$T/relay.log" &
    background+=("$!")
    wait_until 10 test -s "$T/port"
    touch "$T/away"
    settings+=(DB_HOST=127.0.0.1 "DB_PORT=$(cat "$T/port")" DB_RETRY_TIME=2s)
    expect 1 pg_backup now
    says "cannot connect to PostgreSQL"
    settings+=(DB_RETRY_TIME=2m)
    start_program pg-backup now
    wait_until 20 grep -qF "retried_for=1" "$T/daemon.log"
    rm "$T/away"
    expect_end 0 30
    [ "$(manifests | wc -l)" = 1 ] || fail "$(cat "$T/daemon.log")"
    # What does not pass by itself is not waited for.
    settings+=(DB_PASSWORD=wrong)
    local begun=$SECONDS
    expect 1 pg_backup now
    says "check DB_USER and DB_PASSWORD"
    [ $((SECONDS - begun)) -lt 20 ] || fail "it waited"
}
