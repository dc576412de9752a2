# shellcheck shell=bash
# What the tests of verifications have in common; no subject of its own.

verifications() { store_list | sed -n 's#^[0-9]* ##; /\/verified-/p'; }
expect_verified() { # WORDS of the end of its name
    [[ $(verifications | tail -n 1) =~ /verified-[0-9TZ]+-[0-9a-f]{8}-$1\.json$ ]] || fail "$1: $(verifications)"
}
expect_not_verified() { [ -z "$(verifications)" ] || fail "$(verifications)"; }

# PostgreSQL does not run as root, and neither does what starts it.
use_scratch() {
    as_user=()
    # A Unix socket has a short path.
    [ -n "${scratch:-}" ] || { scratch=$(mktemp -d /tmp/verify.XXXXXX) && cleanups+=("rm -rf $scratch"); }
    if [ "$(id -u)" = 0 ]; then
        as_user=(setpriv --reuid=postgres --regid=postgres --init-groups)
        chown postgres "$scratch"
        [ "$store" != dir ] || chown -R postgres "$folder"
    fi
    settings+=("VERIFY_DIR=$scratch")
}
verify_restored() { (become "${as_user[@]}" "$BIN/pg-backup" verify --restore "$@"); }
scratch_is_empty() { [ -z "$(ls -A "$scratch")" ]; }
no_scratch_server() { ! pgrep -f "$scratch/pg-backup-verify" >"$T/pids"; }
expect_nothing_behind() {
    wait_until 10 no_scratch_server
    scratch_is_empty || fail "left behind: $(ls -A "$scratch")"
}
