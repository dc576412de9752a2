# shellcheck shell=bash
# A key, and the one for whom it opens.
if [ ! -e "$BENCH_WORK/age.recipient" ]; then
    age-keygen -o "$BENCH_WORK/age.key" 2>/dev/null
    age-keygen -y "$BENCH_WORK/age.key" >"$BENCH_WORK/age.recipient"
fi
