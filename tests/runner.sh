# shellcheck shell=bash
# Sourced by the runners of cases: counts cases, prints each with what it said, and ends what runs when a signal comes.
# A runner defines clean_up, calls at_end once, and ends with [ "$failed" = 0 ]. Its last line counts: "N passed, M
# failed".
passed=0 failed=0 running=
declare -A beside=() # what start_beside started, by its name

# shellcheck disable=SC2317
end_runner() {
    local status=$?
    trap : INT TERM # timeout sends it twice: nothing is left half cleaned up
    stop "$running" "${beside[@]}"
    clean_up
    [ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1 # stopped half-way
    echo "$passed passed, $failed failed"
}

at_end() {
    trap end_runner EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# stop PID...: ends children that still run. An empty PID is none.
stop() {
    local process
    # shellcheck disable=SC2068
    for process in $@; do
        kill -TERM "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
}

# in_background COMMAND...: waits for it, but so that a signal to us is seen at once.
in_background() {
    "$@" </dev/null &
    await $!
}

# into FILE COMMAND...: the same with its output in a file. (What we ourselves say at a signal must not go there.)
into() {
    "${@:2}" >"$1" 2>&1 </dev/null &
    await $!
}

await() { # PID
    local status=0
    running=$1
    wait "$1" || status=$?
    running=
    return "$status"
}

# run_case NAME LOG COMMAND...: status 0 is a pass, 77 a skip for the reason in the last line, else a failure that is
# shown. Lines that begin with "note: " are shown in any case.
run_case() {
    local name=$1 log=$2 began=$SECONDS status=0
    into "$log" "${@:3}" || status=$?
    case $status in
        0)
            passed=$((passed + 1)) && echo "ok - $name ($((SECONDS - began)) s)"
            sed -n 's/^note: /    /p' "$log"
            ;;
        77) echo "skipped - $name: $(tail -n 1 "$log")" ;;
        *)
            failed=$((failed + 1))
            [ "$status" != 124 ] || echo "took too long" >>"$log"
            echo "not ok - $name ($((SECONDS - began)) s)"
            sed 's/^/    /' "$log"
            ;;
    esac
}

# run_wanted FOLDER SUBJECT[:CASE]...: the cases of each subject, a file in FOLDER, or the one that is named. The runner
# defines cases_of SUBJECT, which prints names, and run_one SUBJECT CASE.
run_wanted() {
    local folder=$1 wanted subject name found
    for wanted in "${@:2}"; do
        subject=${wanted%%:*} found=
        [ -e "$folder/$subject.sh" ] || { echo "there is no subject $subject" >&2; exit 2; }
        for name in $(cases_of "$subject"); do
            case $wanted in "$subject" | "$subject:$name") found=1 && run_one "$subject" "$name" ;; esac
        done
        [ -n "$found" ] || { echo "there is no case $wanted" >&2; exit 2; }
    done
}

# run_counted LOG COMMAND...: another runner, or ctest, whose cases count as ours. Shows what it says, except ctest's
# lines about tests that pass.
run_counted() {
    local log=$1 status=0 reader
    mkfifo "$log.pipe"
    tee "$log" <"$log.pipe" |
        grep --line-buffered -vE '^ *(Start +[0-9]+: |[0-9]+/[0-9]+ Test .* Passed )' &
    reader=$!
    into "$log.pipe" "${@:2}" || status=$?
    wait "$reader" || true
    rm "$log.pipe"
    count "$log" "$status"
}

# start_beside NAME LOG COMMAND...: another runner, together with what comes next. join NAME LOG waits for it, shows what
# it said, and counts its cases as ours.
start_beside() {
    "${@:3}" >"$2" 2>&1 </dev/null &
    beside[$1]=$!
}

join() {
    local status=0
    wait "${beside[$1]}" || status=$?
    unset "beside[$1]"
    cat "$2"
    count "$2" "$status"
}

# count LOG STATUS: adds up the line with which a runner ended: "N passed, M failed", or ctest's own.
count() {
    local good bad
    read -r good bad <<<"$(awk '/^[0-9]+ passed, [0-9]+ failed$/ { result = $1 " " $3 }
        /^[0-9]+% tests passed, / { result = $NF - $4 " " $4 }
        END { print result }' "$1")"
    passed=$((passed + ${good:-0})) failed=$((failed + ${bad:-0}))
    # It came to no result, or failed beside its cases.
    [ -n "$bad" ] && { [ "$2" = 0 ] || [ "$bad" != 0 ]; } || failed=$((failed + 1))
}
