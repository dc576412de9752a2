# shellcheck shell=bash
# Sourced by the *-up.sh and *-down.sh here: free ports, and processes known by pid and start time, so
# that only processes of our own are ever ended. W is the server's folder.

# A TCP port on loopback that nobody listens on, below the kernel's own range for clients.
free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# start NAME COMMAND...: in the background, in a session of its own, output to $W/log/NAME.out, and with no other
# descriptor of ours: a lock that our caller holds must not last as long as the server.
start() {
    local name=$1
    shift
    setsid "$@" >>"$W/log/$name.out" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    echo "$! $(process_stat $! | cut -d' ' -f2) $name" >>"$W/pids"
}

# Prints state and start time: fields 3 and 22 of /proc/PID/stat. Field 2, the name, may hold blanks.
process_stat() {
    local stat fields
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    read -ra fields <<<"${stat##*) }"
    echo "${fields[0]} ${fields[19]}"
}

# is_ours PID START_TIME: still that very process, and more than a zombie waiting to be reaped?
is_ours() {
    local state born
    read -r state born < <(process_stat "$1") || return 1
    [ "$born" = "$2" ] && [ "$state" != Z ]
}

is_running() { # NAME
    local pid born name
    while read -r pid born name; do
        [ "$name" != "$1" ] || ! is_ours "$pid" "$born" || return 0
    done <"$W/pids"
    return 1
}

# stop_all SIGNAL: the last started first; whoever has not gone after 10 s is killed.
stop_all() {
    local try left pid born
    [ -e "$W/pids" ] || return 0
    for try in $(seq 110); do
        left=
        while read -r pid born _; do
            is_ours "$pid" "$born" || continue
            left=1
            case $try in
                1) kill "-$1" "$pid" 2>/dev/null || true ;;
                100) kill -KILL "$pid" 2>/dev/null || true ;;
            esac
        done < <(tac "$W/pids")
        [ -n "$left" ] || break
        sleep 0.1
    done
    rm -f "$W/pids"
}

# open_workdir DIR: makes it, refuses one in use, and undoes a start that fails half-way.
open_workdir() {
    W=$(mkdir -p "$1/log" && cd "$1" && pwd -P)
    case $W in *[[:space:]]*) echo "the folder must have no blanks: $W" >&2; exit 2 ;; esac
    [ ! -e "$W/pids" ] || { echo "in use, or was not stopped: $W/pids" >&2; exit 1; }
    : >"$W/pids"
    trap 'abandon_start $?' EXIT
}

abandon_start() { # EXIT_CODE
    [ "$1" != 0 ] || return 0
    echo "$0: start failed" >&2
    tail -n 5 "$W"/log/* >&2 || true
    stop_all KILL
}

# close_workdir DIR SIGNAL: stops what was started there and removes the folder.
close_workdir() {
    W=$(cd "$1" && pwd -P) || exit 1
    [ -e "$W/pids" ] || { echo "nothing was started in $W" >&2; exit 1; }
    stop_all "$2"
    rm -rf "$W"
}
