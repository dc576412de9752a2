#!/usr/bin/env bash
# Software: age 1.1.1 of Debian 12 and 1.2.1 of Debian 13, keys of OpenSSH.
#
# One would guess: age encrypts to everyone in a file of recipients (-R), or fails. It fails for a typing error in
# the file, and for the same key given with -r.
#
# What happens: an SSH key of a kind that age cannot use (ECDSA, and hardware keys) is left out with a warning, and
# age exits with 0. What it wrote cannot be decrypted by that person. Only a file without any other key fails.
#
# Why it matters: `authorized_keys` of the administrators is a natural file of recipients. A warning of a nightly pipe
# is read by nobody, the other keys hide the loss, and it shows on the day on which that person is the
# one to restore. Count the lines that begin with "->" in a backup, or let each recipient decrypt one.
. "$(dirname "$0")/lib.sh"

ended() { # COMMAND...: exit code and words
    local status=0 said
    said=$(run "$@" 2>&1) || status=$?
    echo "exit $status${said:+$'\n'}$said"
}
keys() {
    local kind
    for kind in ed25519 ecdsa; do run ssh-keygen -q -t "$kind" -N '' -f "/home/$kind"; done
    cat "$T"/home/{ed25519,ecdsa}.pub >"$T/home/administrators"
    echo backup >"$T/home/plain"
}
# show VERSION
show() {
    expect "age" "*$1" "$(run age --version)"
    expect "age -R with two keys in the file" \
        'exit 0*warning:*ignoring unsupported SSH key of type "ecdsa-sha2-nistp256" at line 2' \
        "$(ended age -R /home/administrators -o /home/encrypted /home/plain)"
    expect "Recipients in the file" "-> ssh-ed25519*" "$(grep -a '^-> ' "$T/home/encrypted")"
    expect "Their number" 1 "$(grep -ac '^-> ' "$T/home/encrypted")"
    expect "Decrypted with one key" "exit 0*backup" "$(ended age -d -i /home/ed25519 /home/encrypted)"
    expect "Decrypted with the other" "exit 1*" "$(ended age -d -i /home/ecdsa /home/encrypted)"
    expect "age -r with the same key" "exit 1*unknown recipient type*" \
        "$(ended age -r "$(cat "$T/home/ecdsa.pub")" -o /home/other /home/plain)"
}
packages bookworm age=1.1.1-1+b3 openssh-client
keys
show 1.1.1
packages trixie age=1.2.1-1+b5
show 1.2.1
