# shellcheck shell=bash
# Sourced by the runners of shell cases: counts cases, prints each with what it said, and ends what runs when a signal
# comes. A runner defines clean_up, calls at_end once, and ends with [ "$failed" = 0 ]. Its last line counts: "N passed,
# M failed".
passed=0 failed=0 running=

# shellcheck disable=SC2317
end_runner() {
    trap - INT TERM
    if [ -n "$running" ]; then
        kill -TERM "$running" 2>/dev/null || true
        wait "$running" 2>/dev/null || true
    fi
    clean_up
    echo "$passed passed, $failed failed"
}

at_end() {
    trap end_runner EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# in_background COMMAND...: waits for it, but so that a signal to us is seen at once.
in_background() {
    local status=0
    "$@" </dev/null &
    running=$!
    wait "$running" || status=$?
    running=
    return "$status"
}

# run_case NAME LOG COMMAND...: status 0 is a pass, 77 a skip for the reason in the last line, else a failure that is
# shown. Lines that begin with "note: " are shown in any case.
run_case() {
    local name=$1 log=$2 began=$SECONDS status=0
    in_background "${@:3}" >"$log" 2>&1 || status=$?
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
