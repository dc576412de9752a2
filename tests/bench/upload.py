#!/usr/bin/env python3
"""Uploads one file with each tool in turn and prints what each took. See upload.sh."""
import argparse
import os
import subprocess
import sys

from compare import AWS, MIB, WORK, measure, medians_of, requests_since, s3, turns, GATEWAY_LOG

FILE = f"{WORK}/ready"
PREFIX = "upload/"
COLUMNS = ("wall", "cpu", "gateway_cpu", "rss", "requests")
# One process per connection; each file is a piece of the whole.
CURL = ('put() { curl -sSf --aws-sigv4 "aws:amz:$S3_REGION:s3" --user "$S3_ACCESS_KEY:$S3_SECRET_KEY" '
        '-H "x-amz-content-sha256: SUM" -T "$1" "$S3_ENDPOINT/$S3_BUCKET/upload/${1##*/}"; }; '
        'for piece in "$FILE".piece*; do put "$piece" & pids+=($!); done; '
        'for pid in "${pids[@]}"; do wait "$pid"; done')
TOOLS = {
    "ours": '"$BENCH_UPLOAD" "$FILE" object',
    "aws": AWS + 'aws s3 cp --no-progress "$FILE" "s3://$S3_BUCKET/upload/object"',
    "rclone": 'rclone copyto "$FILE" ":s3:$S3_BUCKET/upload/object"',
    "curl-sum": CURL.replace("SUM", '$(openssl dgst -sha256 -r "$1" | cut -d " " -f 1)'),
    "curl": CURL.replace("SUM", "UNSIGNED-PAYLOAD"),
}


def environment(connections):
    """What makes every tool use so many connections, and parts of 16 MiB."""
    aws = f"{WORK}/aws-config"
    with open(aws, "w", encoding="ascii") as config:
        config.write(f"[default]\ns3 =\n  max_concurrent_requests = {connections}\n"
                     "  multipart_chunksize = 16MB\n  multipart_threshold = 16MB\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env.update(FILE=FILE, TMPDIR=WORK, HOME=WORK)
    env.update(S3_PREFIX=PREFIX, S3_UPLOAD_CONCURRENCY=str(connections))
    env.update(AWS_ACCESS_KEY_ID=env["S3_ACCESS_KEY"], AWS_SECRET_ACCESS_KEY=env["S3_SECRET_KEY"],
               AWS_DEFAULT_REGION=env["S3_REGION"], AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE=aws)
    env.update(RCLONE_CONFIG="/dev/null", RCLONE_S3_PROVIDER="Ceph", RCLONE_S3_ENDPOINT=env["S3_ENDPOINT"],
               RCLONE_S3_ACCESS_KEY_ID=env["S3_ACCESS_KEY"], RCLONE_S3_SECRET_ACCESS_KEY=env["S3_SECRET_KEY"],
               RCLONE_S3_UPLOAD_CONCURRENCY=str(connections), RCLONE_S3_CHUNK_SIZE="16Mi",
               RCLONE_S3_UPLOAD_CUTOFF="16Mi", RCLONE_S3_NO_CHECK_BUCKET="true")
    return env


def split(connections):
    """Pieces for curl, made before anything is timed."""
    subprocess.run(["bash", "-c", f'rm -f "$0".piece*; split -n {connections} "$0" "$0".piece', FILE], check=True)


def run_one(tool, env):
    s3.remove(PREFIX)
    offset = os.path.getsize(GATEWAY_LOG)
    with open(f"{WORK}/{tool}.log", "w", encoding="utf-8") as log:
        row = measure.measure(TOOLS[tool], env, f"{WORK}/tmp", log)
    row["requests"] = requests_since(offset)
    stored = sum(size for _, size in s3.list_objects(PREFIX))
    if row["status"] != 0 or stored != os.path.getsize(FILE):
        with open(f"{WORK}/{tool}.log", encoding="utf-8") as log:
            print(f"# {tool} failed ({row['status']}, {stored} bytes stored): {log.read()[-2000:]}", flush=True)
        return None
    return {c: row[c] for c in COLUMNS}


def print_rows(connections, medians):
    size = os.path.getsize(FILE)
    for tool, m in medians.items():
        print(f"{connections:11} | {tool:8} | {m['wall']:6.2f} | {size / MIB / m['wall']:6.0f} | "
              f"{m['cpu'] * 1024 * MIB / size:9.2f} | {m['gateway_cpu'] * 1024 * MIB / size:11.2f} | "
              f"{m['rss'] / MIB:7.0f} | {m['requests']:8.0f}", flush=True)


def print_ratios(connections, medians):
    ours = medians["ours"]
    others = [(tool, m) for tool, m in medians.items() if tool != "ours"]
    throughput = ", ".join(f"{m['wall'] / ours['wall']:.2f} of {tool}'s" for tool, m in others)
    cpu = ", ".join(f"{ours['cpu'] / m['cpu']:.2f} of {tool}'s" for tool, m in others)
    print(f"{connections} connections: throughput {throughput}; CPU {cpu}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 2, 4, 8])
    args = parser.parse_args()
    all_medians = {}
    failed = False
    print("connections | tool     | wall s |  MiB/s | cpu s/GiB | gateway cpu | RSS MiB | requests")
    print("-----------:|----------|-------:|-------:|----------:|------------:|--------:|---------:")
    for connections in args.connections:
        env = environment(connections)
        split(connections)
        rows = {tool: [] for tool in TOOLS}
        for tool in turns(list(TOOLS), args.runs):
            row = run_one(tool, env)
            if row:
                rows[tool].append(row)
            failed = failed or (tool == "ours" and row is None)
        all_medians[connections] = medians_of(rows)
        print_rows(connections, all_medians[connections])
    for connections, medians in all_medians.items():
        if "ours" in medians:
            print_ratios(connections, medians)
    parts = -(-os.path.getsize(FILE) // (16 * MIB))
    print(f"{parts} parts of 16 MiB: ours sends one request for each, and create, complete and HEAD")
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
