#!/usr/bin/env bash
# Software: pgBackRest 2.55.1.
#
# One would guess: a repository at an address, such as https://192.0.2.7:9000, works with pgBackRest when the
# server's certificate names that address (subjectAltName IP), as with every other client of S3.
#
# What happens: pgBackRest refuses the certificate, and says that it cannot find the "hostname" in it. It
# compares names only. With a name in place of the address the same certificate is accepted.
#
# Why it matters: MinIO, Ceph and their like are often reached by an address. Where only the address resolves,
# what remains is repo1-storage-verify-tls=n, which gives up the check altogether.
. "$(dirname "$0")/lib.sh"
packages trixie pgbackrest=2.55.1-1 openssl curl

run openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=store -keyout /home/key \
    -out /home/certificate -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
port=$((20000 + RANDOM % 12000))
run openssl s_server -accept "127.0.0.1:$port" -cert /home/certificate -key /home/key -www -quiet >"$W/server.log" 2>&1 &
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.2; done

# list HOST: asks for the files of the repository there. The server is none of S3: what matters comes before.
list() {
    run env PGBACKREST_REPO1_TYPE=s3 PGBACKREST_REPO1_PATH=/r PGBACKREST_REPO1_S3_BUCKET=b PGBACKREST_REPO1_S3_REGION=us-east-1 \
        PGBACKREST_REPO1_S3_ENDPOINT="$1" PGBACKREST_REPO1_STORAGE_PORT="$port" PGBACKREST_REPO1_S3_URI_STYLE=path \
        PGBACKREST_REPO1_S3_KEY=k PGBACKREST_REPO1_S3_KEY_SECRET=s PGBACKREST_REPO1_STORAGE_CA_FILE=/home/certificate \
        PGBACKREST_IO_TIMEOUT=3 PGBACKREST_LOG_LEVEL_FILE=off pgbackrest repo-ls 2>&1 || echo "exit $?"
}
expect "curl, by the address" "200" "$(run curl -s -o /dev/null -w '%{http_code}' --cacert /home/certificate "https://127.0.0.1:$port/")"
expect "pgBackRest, by the address" "*unable to find hostname '127.0.0.1' in certificate*exit 95" "$(list 127.0.0.1)"
named=$(list localhost)
[[ $named != *"in certificate"* ]] || { echo "CHANGED: refused by its name, too: $named" >&2; exit 1; }
expect "pgBackRest, by a name, gets as far as the reply" "*" "${named%%$'\n'*}"
