# shellcheck shell=bash
# The service that is told of runs; bench.sh ends it.
if [ ! -e "$BENCH_WORK/receiver/port" ]; then
    mkdir -p "$BENCH_WORK/receiver"
    setsid "$SERVERS/receiver.py" "$BENCH_WORK/receiver" >/dev/null 2>&1 &
    echo $! >"$BENCH_WORK/receiver/pid"
    until [ -s "$BENCH_WORK/receiver/port" ]; do sleep 0.1; done
fi
