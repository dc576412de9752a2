# shellcheck shell=bash
# With everything that tells of runs: metrics pushed and in a file, a ping and a notification.
receiver=http://127.0.0.1:$(cat "$BENCH_WORK/receiver/port")
PUSHGATEWAY_URL=$receiver PING_URL=$receiver/ping NOTIFY_URL=$receiver/notify NOTIFY_ON=always \
    METRICS_TEXTFILE=$BENCH_WORK/backup.prom "$PG_BACKUP" now
