#!/usr/bin/env python3
"""Runs the contestants in turn and prints what each took, and the ratios that docs/internals.md states. See bench.sh."""
import argparse
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.environ["SERVERS"]]
import measure  # noqa: E402
import s3  # noqa: E402

WORK = os.environ["BENCH_WORK"]
GATEWAY_LOG = f"{WORK}/ceph-rgw/log/client.rgw.log"  # one "beast:" line per request
RESTORE_DB = "bench_restore"
MIB = 1 << 20
COLUMNS = ("wall", "cpu", "rss", "own_rss", "tmp", "stored", "objects", "requests", "server_cpu", "gateway_cpu",
           "other_cpu")
ROW_COUNTS = """select md5(string_agg(name || n, ',' order by name)) from (
    select relname as name, (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I', relname),
        false, true, '')))[1]::text as n
    from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
    union all
    select 'indexes', count(*)::text from pg_index join pg_class c on c.oid = indrelid
    where relnamespace = 'public'::regnamespace) counts"""


def script(name, kind):
    path = f"{HERE}/contestants/{name}-{kind}.sh"
    return path if os.path.exists(path) else None


def is_base(name):
    """Whether it is a base backup of the whole server, restored into a folder."""
    return name.startswith("base-")


def psql(statement, database):
    return subprocess.run(["psql", "-XAtqc", statement, database], check=True, capture_output=True,
                          text=True).stdout.strip()


def requests_since(offset):
    with open(GATEWAY_LOG, "rb") as log:
        log.seek(offset)
        return len(re.findall(rb'beast: .*?"[A-Z]+ /', log.read()))


# Debian's aws, whatever else is in PATH.
AWS = 'aws() { /usr/bin/python3 /usr/bin/aws --endpoint-url "$S3_ENDPOINT" "$@"; }; '


def run_one(name, kind):
    tmp = f"{WORK}/tmp"
    shutil.rmtree(tmp, ignore_errors=True)
    os.mkdir(tmp)
    env = dict(os.environ, TMPDIR=tmp, S3_PREFIX=f"bench/{name}", RESTORE_DB=RESTORE_DB)
    if kind == "backup":
        s3.remove(env["S3_PREFIX"] + "/")
        if script(name, "prepare"):
            subprocess.run(["bash", "-c", AWS + ". " + script(name, "prepare")], env=env, check=True)
    else:
        psql(f"drop database if exists {RESTORE_DB} with (force)", "postgres")
        psql(f"create database {RESTORE_DB}", "postgres")
    psql("checkpoint", "postgres")
    offset = os.path.getsize(GATEWAY_LOG)
    with open(f"{WORK}/{name}-{kind}.log", "w", encoding="utf-8") as log:
        row = measure.measure(AWS + ". " + script(name, kind), env, tmp, log)
    row.update(requests=requests_since(offset), stored=0, objects=0)
    if kind == "backup":
        sizes = [size for _, size in s3.list_objects(env["S3_PREFIX"] + "/")]
        row.update(stored=sum(sizes), objects=len(sizes))
    elif row["status"] == 0 and not is_base(name) and psql(ROW_COUNTS, RESTORE_DB) != psql(ROW_COUNTS, os.environ["PGDATABASE"]):
        row["status"] = "other rows than the original"
    if row["status"] != 0:
        with open(f"{WORK}/{name}-{kind}.log", encoding="utf-8") as log:
            print(f"# {kind} {name} failed ({row['status']}): {log.read()[-2000:]}", flush=True)
        return None
    print(f"# {kind} {name}: {row['wall']:.1f} s, client cpu {row['cpu']:.1f} s, other cpu {row['other_cpu']:.1f} s",
          flush=True)
    return row


def turns(names, runs):
    """Alternating: forwards, backwards, forwards from the third on, ..."""
    for i in range(runs):
        start = i % len(names)
        yield from (names[start:] + names[:start]) if i % 2 == 0 else names[::-1]


def medians_of(rows):
    return {name: {c: statistics.median(row[c] for row in found) for c in found[0]}
            for name, found in rows.items() if found}


def run_all(names, kind, runs):
    rows = {name: [] for name in names}
    for name in turns(names, runs):
        row = run_one(name, kind)
        if row:
            rows[name].append({c: row[c] for c in COLUMNS})
    return medians_of(rows)


def print_table(kind, medians):
    print(f"\n{kind:14} |  wall s | client cpu s | peak RSS MiB (pg-backup) | tmp MiB | stored MiB | requests "
          "| server cpu | gateway cpu | other cpu")
    print("---------------|--------:|-------------:|-------------------------:|--------:|-----------:|---------:"
          "|-----------:|------------:|----------:")
    for name, m in sorted(medians.items(), key=lambda item: (item[0].startswith("limit"), item[1]["wall"])):
        rss = f"{m['rss'] / MIB:.0f}" + (f" ({m['own_rss'] / MIB:.0f})" if m["own_rss"] else "")
        print(f"{name:14} | {m['wall']:7.1f} | {m['cpu']:12.1f} | {rss:>24} | "
              f"{m['tmp'] / MIB:7.0f} | {m['stored'] / MIB:10.0f} | {m['requests']:8.0f} | {m['server_cpu']:10.1f} | "
              f"{m['gateway_cpu']:11.1f} | {m['other_cpu']:9.1f}")


def print_ratios(kind, medians):
    for name, bases in (("ours", ("zstd-aws", "fc-aws")), ("ours-telling", ("ours",)),
                        ("base-ours", ("base-pgbackrest", "base-pg_basebackup"))):
        for base in bases:
            if name not in medians or base not in medians:
                continue
            ours, theirs = medians[name], medians[base]
            ratios = [f"{c} {ours[c] / theirs[c]:.3f}" for c in ("wall", "cpu", "stored") if theirs[c]]
            print(f"{name} / {base} ({kind}): " + ", ".join(ratios))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-restore", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    everyone = sorted(os.path.basename(f)[:-len("-backup.sh")] for f in glob.glob(f"{HERE}/contestants/*-backup.sh"))
    names = args.names or [name for name in everyone if not is_base(name)]
    subprocess.run("cat $PGDATA/base/*/* >/dev/null", shell=True, check=True)  # into the page cache
    for kind in ("backup",) if args.no_restore else ("backup", "restore"):
        able = [name for name in names if script(name, kind)]
        medians = run_all(able, kind, args.runs)
        print_table(kind, medians)
        print_ratios(kind, medians)


if __name__ == "__main__":
    main()
