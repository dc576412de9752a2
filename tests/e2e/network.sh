# shellcheck shell=bash
# What lies between a program and its bucket: outages, proxies, IPv6, old TLS; and what the debug log says of it.

# relay ARGUMENTS...: starts servers/relay.py; its port in `relay_port`
relay() { # MODE FIRST LAST...
    local file=$T/relay.${#background[@]}
    "$servers/relay.py" "$1" "$2" "$file" "${@:3}" 2>>"$T/relay.log" &
    background+=("$!")
    wait_until 10 test -s "$file"
    relay_port=$(cat "$file")
}

gateway_port() { echo "${S3_ENDPOINT##*:}"; }

# The store goes away in the middle of a backup, for longer than many requests would wait.
case_short_outage() {
    use_s3
    create_large_database app 48
    use_database app
    relay forward 127.0.0.1 "$(gateway_port)" "$T/away"
    settings+=("S3_ENDPOINT=http://127.0.0.1:$relay_port" S3_RETRY_TIME=2m S3_MAX_RATE=8MB S3_PART_SIZE=5MiB)
    start_program pg-backup now
    wait_until 60 upload_began
    touch "$T/away"
    wait_until 30 grep -q 'trying again' "$T/daemon.log"
    sleep 8
    ! is_gone "$pid" || fail "gave up: $(cat "$T/daemon.log")"
    rm "$T/away"
    expect_end 0 120
    [ "$(manifests | wc -l)" = 1 ] || fail "$(store_list)"
    expect_complete
    settings+=("S3_ENDPOINT=$S3_ENDPOINT")
    create_database copy
    expect 0 pg_backup restore --database app --target-database copy
    expect_same_database app copy
}

# A longer one ends the run, as S3_RETRY_TIME says, and leaves nothing.
case_outage_beyond_patience() {
    use_s3
    create_large_database app 48
    use_database app
    relay forward 127.0.0.1 "$(gateway_port)" "$T/away"
    settings+=("S3_ENDPOINT=http://127.0.0.1:$relay_port" S3_RETRY_TIME=3s S3_MAX_RATE=8MB S3_PART_SIZE=5MiB)
    start_program pg-backup now
    wait_until 60 upload_began
    touch "$T/away"
    expect_end 1 60
    grep -q 'gave up after' "$T/daemon.log" || fail "$(cat "$T/daemon.log")"
    [ -z "$(manifests)" ] || fail "$(store_list)"
}

use_proxy() { # STATUS [NO_PROXY]
    use_s3
    settings+=("S3_ENDPOINT=$S3_TLS_ENDPOINT" "S3_CA_FILE=$S3_CA_FILE" S3_RETRY_TIME=2s)
    : >"$T/proxy.log"
    relay proxy "$1" "$T/proxy.log"
    settings+=("HTTPS_PROXY=http://127.0.0.1:$relay_port" "NO_PROXY=${2:-}")
}

case_proxy() {
    use_proxy 200
    expect 0 pg_backup list
    grep -qx "CONNECT ${S3_TLS_ENDPOINT#https://} HTTP/1.1" "$T/proxy.log" || fail "$(cat "$T/proxy.log")"
}

case_no_proxy() {
    use_proxy 200 localhost,127.0.0.1
    expect 0 pg_backup list
    [ ! -s "$T/proxy.log" ] || fail "$(cat "$T/proxy.log")"
}

case_proxy_that_refuses() {
    use_proxy 407
    expect 1 pg_backup list
    says "the proxy refuses the connection to ${S3_TLS_ENDPOINT#https://}"
    says HTTPS_PROXY
    says_not 'trying again'
}

case_proxy_that_is_away() {
    use_proxy 200
    settings+=(HTTPS_PROXY=http://127.0.0.1:1)
    expect 1 pg_backup list
    says 'cannot connect'
    says HTTPS_PROXY
}

case_ipv6() {
    grep -q . /proc/net/if_inet6 2>/dev/null || skip "this machine has no IPv6"
    use_s3
    relay forward ::1 "$(gateway_port)" "$T/away"
    settings+=("S3_ENDPOINT=http://[::1]:$relay_port")
    create_small_database app
    use_database app
    backup_now
    expect 0 pg_backup list
    says app
}

case_old_tls() {
    use_s3
    relay old-tls "$S3_CA_FILE" "${S3_CA_FILE%.crt}.key"
    settings+=("S3_ENDPOINT=https://127.0.0.1:$relay_port" "S3_CA_FILE=$S3_CA_FILE" S3_RETRY_TIME=2s)
    expect 1 pg_backup list
    says 'TLS 1.2'
    says_not 'trying again'
}

# Nothing of a secret or signature in any line of a whole life, at the most talkative level.
case_debug_log_without_secrets() {
    use_s3
    create_small_database app
    use_database app
    settings+=(LOG_LEVEL=debug S3_BACKUP_MAX_AGE=1s)
    local log=$T/everything program
    for program in "pg_backup now" "pg_backup list" "pg_backup restore --database app --target-database copy --create" \
        "pg_backup now" "pg_prune now"; do
        # shellcheck disable=SC2086  # words
        expect 0 $program
        cat "$T/out" "$T/err" >>"$log"
        next_second
    done
    for line in 'PUT s3://' 'HEAD s3://' 'GET s3://' 'DELETE s3://' 'reply=200' 'attempt=1' 'request='; do
        grep -qF -- "$line" "$log" || fail "the debug log lacks $line"
    done
    for secret in "$S3_SECRET_KEY" "$PGPASSWORD" Signature= AWS4-HMAC x-amz-security-token Authorization; do
        ! grep -iF -- "$secret" "$log" || fail "the log holds $secret"
    done
    # Nor when everything is refused.
    settings+=(S3_SECRET_KEY=wrong-but-still-a-secret)
    expect 1 pg_backup list
    says SignatureDoesNotMatch
    says_not wrong-but-still-a-secret
    says_not Signature=
}

# silent_port ADDRESS PORT: listens there and answers nobody, not even the first packet of a connection
silent_port() {
    python3 - "$1" "$2" "$T/silent" <<'PY' &
import socket, sys, time
address, port, ready = sys.argv[1], int(sys.argv[2]), sys.argv[3]
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((address, port))
listener.listen(0)
waiting = []
for _ in range(8):  # fill the queue: what comes then is dropped
    waiting.append(socket.socket())
    waiting[-1].setblocking(False)
    waiting[-1].connect_ex((address, port))
open(ready, "w").close()
time.sleep(300)
PY
    background+=("$!")
    wait_until 10 test -e "$T/silent"
}

# A standby that is away without a word is first in the list.
case_a_host_that_does_not_answer_is_left() {
    use_dir
    create_small_database app
    use_database app
    silent_port 127.0.0.2 "$PGPORT"
    settings+=("DB_HOST=127.0.0.2,$PGHOST")
    local began=$SECONDS
    backup_now
    [ $((SECONDS - began)) -le 45 ] || fail "took $((SECONDS - began)) s"
    expect_complete
    settings+=("DB_HOST=nowhere.invalid,$PGHOST")
    began=$SECONDS
    next_second
    backup_now
    [ $((SECONDS - began)) -le 10 ] || fail "took $((SECONDS - began)) s"
    settings+=("DB_HOST=127.0.0.2,127.0.0.2")
    expect 1 pg_backup now
    says "no answer from 127.0.0.2 (127.0.0.2) port $PGPORT within 10 s"
    says "check DB_HOST and DB_PORT, and firewalls on the way"
}

# getaddrinfo() cannot be interrupted; a daemon has 10 seconds to stop.
case_a_stop_while_a_name_is_looked_up() {
    unshare -m true 2>/dev/null || skip "needs a mount namespace"
    use_dir
    local server=127.$((RANDOM % 250 + 1)).$((RANDOM % 250)).3 # a name server's port is the same everywhere
    printf 'nameserver %s\noptions timeout:13 attempts:2\n' "$server" >"$T/resolv.conf"
    python3 - "$T/question" "$server" <<'PY' &
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[2], 53))
open(sys.argv[1] + ".ready", "w").close()
while True:
    server.recv(512)
    open(sys.argv[1], "w").close()
PY
    background+=("$!")
    wait_until 10 test -e "$T/question.ready"
    settings+=(DB=app DB_USER=app DB_HOST=db.example.org)
    : >"$T/daemon.log"
    become unshare -m sh -c "mount --bind $T/resolv.conf /etc/resolv.conf && exec $BIN/pg-backup serve" \
        >"$T/daemon.log" 2>&1 </dev/null &
    pid=$!
    background+=("$pid")
    wait_until 10 test -e "$T/question"
    kill -TERM "$pid"
    expect_end 0 10
}
