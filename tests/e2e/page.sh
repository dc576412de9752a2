# shellcheck shell=bash
# The status page: `pg-prune page` and GET / of pg-prune, over HTTP and in headless Chromium.

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# NAME=VALUE...: pg-prune with its status port, when that answers
start_page() { start_at 127.0.0.1 "$@"; }
start_page_everywhere() { start_at "" "$@"; }
start_at() { # HOST NAME=VALUE...
    local host=$1
    shift
    port=$(free_port)
    with "STATUS_LISTEN=$host:$port" "HEALTH_SOCKET=$subject.$case_name.$$" "$@" -- start_program pg-prune serve
    wait_until 60 is_there
}
is_there() { get /nothing; }
stop_page() {
    kill -TERM "$pid"
    expect_end 0 10
}

# get ARGUMENT... PATH: the status in `status`, headers in $T/headers, body in $T/body
get() {
    # shellcheck disable=SC2034
    status=$(curl -s --noproxy '*' --max-time 30 -D "$T/headers" -o "$T/body" -w '%{http_code}' "${@:1:$#-1}" \
        "http://127.0.0.1:$port${*: -1}")
}
expect_status() { [ "$status" = "$1" ] || { cat "$T/headers" "$T/body"; fail "status $status instead of $1"; }; }
shows() { grep -qF -- "$1" "$T/body" || fail "the page does not show: $1"; }

look_at() { # URL
    ./browser.py "$1" "$T/pictures" || fail "the page is not as it should be"
}

prepare() {
    create_small_database app
    use_database app
    settings+=(S3_BACKUP_MAX_AGE=30d)
}

# Real backups, in either store: what the page says is what the other tools say.
real_backups() {
    prepare
    backup_now
    store_copy "app/$(field id)" "app/$(date -u -d '3 days ago' +%Y%m%dT%H%M%SZ)-00000001"
    expect 0 pg_backup hold "app/$(field id | tail -n 1)"
    expect 0 pg_prune page
    cp "$T/out" "$T/body"
    shows "<bdi>app</bdi>"
    shows "younger than 30d"
    shows ">held</b>"
    for id in $(field id); do shows "<code>$id</code>"; done
    [ ! -s "$T/err" ] || { cat "$T/err"; fail "it says more than the page"; }
    start_page
    get /
    expect_status 200
    shows "<bdi>app</bdi>"
    grep -qi '^content-type: text/html; charset=utf-8' "$T/headers" || fail "no HTML"
    grep -qi "^content-security-policy: default-src 'none'" "$T/headers" || fail "no policy"
    get --head /
    expect_status 200
    get --compressed /
    grep -qi '^content-encoding: gzip' "$T/headers" || fail "not compressed"
    shows "<bdi>app</bdi>"
    for path in /index.html //x /favicon.ico /metrics/; do
        get "$path"
        expect_status 404
    done
    get -X POST /
    expect_status 405
    stop_page
}
both_stores real_backups

# Groups of each kind and names that nobody expects, in a browser.
case_in_a_browser() {
    use_dir
    settings+=(S3_BACKUP_MAX_AGE=30d RETENTION_KEEP_MONTHLY=12 PRUNE_INTERVAL=1h)
    ./page_store.py "$folder" many
    find "$folder" -type f | sort >"$T/before"
    expect 0 pg_prune page
    cp "$T/out" "$T/page.html"
    look_at "file://$T/page.html"
    cp "$T/out" "$T/body"
    for text in '&lt;script&gt;alert(1)&lt;/script&gt;</bdi>' 'new?line?tab?[31m</bdi>' "never backed up" damaged \
        failing late frozen "Every moment from" "of the log is missing" "no rule keeps it" ">held</b>" "locked until" \
        "it does not permit connections" "newest of its month" "(Asia/Kathmandu, UTC+05:45)"; do
        shows "$text"
    done
    find "$folder" -type f | sort | cmp - "$T/before" || fail "the page changed the store"
    rm -rf "$folder"
    mkdir "$folder"
    expect 0 pg_prune page
    cp "$T/out" "$T/body"
    shows "There are no backups yet"
}

# Over HTTP as well, with the header of its policy and a password.
case_served_to_a_browser() {
    use_dir
    settings+=(S3_BACKUP_MAX_AGE=30d)
    ./page_store.py "$folder" many
    echo 'pass:word' >"$T/password"
    start_page STATUS_USER=anna "STATUS_PASSWORD_FILE=$T/password" RETENTION_DRY_RUN=true
    STATUS_LOGIN=anna:pass:word look_at "http://127.0.0.1:$port/"
    cp "$T/pictures/page.txt" "$T/body"
    shows "RETENTION_DRY_RUN is set: nothing is deleted."
    stop_page
}

case_passwords() {
    use_dir
    prepare
    backup_now
    echo secret >"$T/password"
    start_page STATUS_USER=anna "STATUS_PASSWORD_FILE=$T/password"
    for path in / /metrics /nothing; do
        get "$path"
        expect_status 401
        grep -qi '^www-authenticate: Basic realm="pg-prune"' "$T/headers" || fail "nobody is asked"
        get -u anna:wrong "$path"
        expect_status 401
    done
    get -u anna:secret /
    expect_status 200
    get -u anna:secret /metrics
    expect_status 200
    grep -qF secret "$T/daemon.log" && fail "the log has the password"
    # A new password is in force after the next run.
    echo other >"$T/password"
    kill -USR1 "$pid"
    is_known() { get -u anna:other / && [ "$status" = 200 ]; }
    wait_until 30 is_known
    get -u anna:secret /
    expect_status 401
    stop_page

    # A file that is not there: one sentence, and backups are pruned.
    start_page STATUS_USER=anna "STATUS_PASSWORD_FILE=$T/nothing"
    [ "$(grep -c 'nobody can read the status port until it can be read' "$T/daemon.log")" = 1 ] || fail "not told once"
    get -u anna: /
    expect_status 403
    get /metrics
    expect_status 403
    stop_page
}

case_bad_settings() {
    use_dir
    prepare
    expect 2 with STATUS_USER=anna -- pg_prune config --check
    says "STATUS_USER has no password: set STATUS_PASSWORD_FILE, too"
    expect 2 with STATUS_PASSWORD=x -- pg_prune config --check
    says "STATUS_PASSWORD belongs to nobody"
    expect 2 with STATUS_USER=a:b STATUS_PASSWORD=x -- pg_prune config --check
    says "STATUS_USER: a colon"
    expect 2 with STATUS_PUBLIC=maybe -- pg_prune config --check
    says "STATUS_PUBLIC: "
    expect 2 pg_prune page now
    expect 2 with S3_BACKUP_MAX_AGE= -- pg_prune page
    says "no retention rule is set"
    expect 1 with "BACKUP_DIR=$T/nothing" -- pg_prune page
    [ ! -s "$T/out" ] || fail "half a page"
    if [ -w /dev/full ]; then
        pg_prune page >/dev/full 2>"$T/err" && fail "a full disk is no success"
        grep -q "No space left" "$T/err" || fail "no reason"
    fi
}

# Without a password the page is for this machine alone, and so it is where another name leads here.
case_loopback() {
    use_dir
    prepare
    backup_now
    local own
    own=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m 1 -F .) || skip "this machine has no address but the loopback's"
    start_page_everywhere
    get /
    expect_status 200
    get -H "Host: rebound.example" /
    expect_status 403
    shows "the page is for this machine alone: set STATUS_USER and STATUS_PASSWORD_FILE, or STATUS_PUBLIC=true"
    get --connect-to "127.0.0.1:$port:$own:$port" /
    expect_status 403
    get --connect-to "127.0.0.1:$port:$own:$port" /metrics
    expect_status 200
    stop_page
    start_page_everywhere STATUS_PUBLIC=true
    get --connect-to "127.0.0.1:$port:$own:$port" -H "Host: rebound.example" /
    expect_status 200
    stop_page
}

# Reloads do not reach the store, many at once make one page, and a store that is gone is told above the last page.
case_reloads() {
    use_dir
    prepare
    backup_now
    start_page
    seq 300 | xargs -P 8 -I{} curl -s --noproxy '*' --max-time 30 -o /dev/null "http://127.0.0.1:$port/"
    get /
    expect_status 200
    local first
    first=$(grep -o 'As of <time datetime="[^"]*' "$T/body")
    backup_now
    get /
    [ "$(grep -o 'As of <time datetime="[^"]*' "$T/body")" = "$first" ] || fail "the store was read for a reload"
    mv "$folder" "$folder.gone"
    is_told() { get / && grep -q 'the store could not be read' "$T/body"; }
    wait_until 60 is_told
    shows "<bdi>app</bdi>"
    mv "$folder.gone" "$folder"
    is_back() { get / && ! grep -q 'the store could not be read' "$T/body"; }
    wait_until 60 is_back
    stop_page
}

# 200 groups of 100 backups: within a second, once the manifests were read.
case_large() {
    use_dir
    settings+=(S3_BACKUP_MAX_AGE=300d)
    ./page_store.py "$folder" large
    start_page
    # A page that takes long says so first, and asks to come again.
    is_made() { get --compressed / && [ "$status" = 200 ]; }
    wait_until 180 is_made
    [ "$(grep -c '<bdi>tenant_' "$T/body")" -ge 200 ] || fail "groups are missing"
    [ "$(grep -o '<tr><td>' "$T/body" | wc -l)" = 20000 ] || fail "backups are missing"
    echo "resident: $(awk '/VmRSS|VmHWM/ { printf "%s %d MB  ", $1, $2 / 1024 }' "/proc/$pid/status")"
    # When the page is no longer fresh the store is listed again.
    local took=0
    listed_again() { took=$(view) && awk -v took="$took" 'BEGIN { exit !(took > 0.05) }'; }
    view() { curl -s --noproxy '*' --compressed -o /dev/null -w '%{time_total}' "http://127.0.0.1:$port/"; }
    wait_until 60 listed_again
    echo "a page made anew: $took s; the same once more: $(view) s"
    stop_page
}
