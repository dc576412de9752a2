#!/usr/bin/env python3
"""Runs pgbench beside each receiver of WAL and prints the tables that docs/internals.md states. See wal.sh."""
import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import measure  # noqa: E402

WORK = os.environ["BENCH_WORK"]
MIB = 1 << 20
# The bytes that the server has flushed, and those that the receiver has confirmed, since 0/0.
POSITIONS = """select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0'), coalesce(
    (select pg_wal_lsn_diff(max(flush_lsn), '0/0') from pg_stat_replication where application_name = '{name}'), 0)"""


def psql(statement, database="postgres"):
    return subprocess.run(["psql", "-XAtqc", statement, database], check=True, capture_output=True,
                          text=True).stdout.strip()


def psql_as_server(*statements):
    """ALTER SYSTEM takes no transaction: one statement each."""
    for statement in statements:
        psql(statement)


class Watch(threading.Thread):
    """Notes positions and the client's memory, ten times a second, over one connection."""

    def __init__(self, name, client):
        super().__init__()
        self.client, self.samples, self.rss = client, [], []
        self.query = " ".join(POSITIONS.format(name=name).split()) + ";\n"
        self.psql = subprocess.Popen(["psql", "-XAtq", "-F", " ", "postgres"], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(0.1):
            self.look()
        self.psql.stdin.close()
        self.psql.wait()

    def look(self):
        self.psql.stdin.write(self.query)
        self.psql.stdin.flush()
        written, stored = self.psql.stdout.readline().split()
        self.samples.append((time.monotonic(), int(written), int(stored)))
        self.rss.append(sum(measure.resident_bytes(pid) for pid in self.client.pids()))

    def lags(self):
        """For each moment whose WAL was confirmed later: how many seconds later."""
        lags, at = [], 0
        for moment, written, _ in self.samples:
            while at < len(self.samples) and self.samples[at][2] < written:
                at += 1
            if at == len(self.samples):
                break
            lags.append(max(0.0, self.samples[at][0] - moment))
        return sorted(lags)


def start(command, env, client):
    log = open(f"{WORK}/receiver.log", "w", encoding="utf-8")  # noqa: SIM115
    return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                            preexec_fn=client.enter, cwd=WORK)


def wait_for(what, condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            with open(f"{WORK}/receiver.log", encoding="utf-8") as log:
                sys.exit(f"{what}: not after {seconds} s\n{log.read()[-2000:]}")
        time.sleep(0.2)


def is_streaming(name):
    return psql(f"select count(*) from pg_stat_replication where application_name = '{name}' "
                "and state = 'streaming'") != "0"


def recipient():
    """Of a key that nobody keeps."""
    key = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True).stdout
    return subprocess.run(["age-keygen", "-y"], input=key, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def ours(client, sync, encrypted=False):
    """The daemon, after its first base backup."""
    prefix = f"wal-{time.monotonic_ns()}"
    env = dict(os.environ, DB_HOST=os.environ["PGHOST"], DB_PORT=os.environ["PGPORT"], DB_USER=os.environ["PGUSER"],
               DB_PASSWORD=os.environ["PGPASSWORD"], S3_PREFIX=prefix, BACKUP_METHOD="physical",
               BACKUP_SCHEDULE="@weekly", HEALTH_SOCKET=prefix, WAL_SYNC="true" if sync else "false")
    if encrypted:
        env["BACKUP_AGE_RECIPIENTS"] = f"{recipient()},{recipient()}"
    daemon = start([os.environ["PG_BACKUP"], "serve"], env, client)

    def has_base():
        found = subprocess.run([os.environ["PG_BACKUP"], "list", "--json"], env=env, capture_output=True, text=True)
        return '"_cluster"' in found.stdout and is_streaming("pg_backup")

    try:
        wait_for("the first base backup", has_base)
        yield "pg_backup"
    finally:
        daemon.terminate()
        daemon.wait()
        psql("select pg_drop_replication_slot('pg_backup')")


@contextlib.contextmanager
def receivewal(client, *options):
    folder = f"{WORK}/received"
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    program = start(["pg_receivewal", "-D", folder, *options], dict(os.environ, PGAPPNAME="receivewal"), client)
    try:
        wait_for("pg_receivewal", lambda: is_streaming("receivewal"))
        yield "receivewal"
    finally:
        program.terminate()
        program.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def standby(_):
    """A standby on the same machine and disk."""
    folder, port = f"{WORK}/postgres/standby", str(int(os.environ["PGPORT"]) + 1)
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    subprocess.run([*as_postgres, "pg_basebackup", "-D", folder, "-R", "-c", "fast",
                    "-d", "application_name=standby"], check=True, cwd=WORK)
    server = subprocess.Popen([*as_postgres, "postgres", "-D", folder, "-p", port], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=WORK)
    try:
        wait_for("the standby", lambda: is_streaming("standby"))
        yield "standby"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def nobody(_):
    yield "nobody"


def pgbench(clients, seconds):
    out = subprocess.run(["pgbench", "-n", "-c", str(clients), "-j", "2", "-T", str(seconds), "bench"], check=True,
                         capture_output=True, text=True).stdout
    return float(re.search(r"tps = ([\d.]+)", out)[1])


def stream(title, receiver, args, *more):
    client = measure.Cgroup("client")
    with receiver(client, *more) as name:
        psql("checkpoint")
        watch = Watch(name, client)
        before, written = client.cpu_seconds(), int(psql("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"))
        watch.start()
        tps = pgbench(args.clients, args.seconds)
        gib = (int(psql("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")) - written) / 1024 / MIB
        cpu = client.cpu_seconds() - before
        time.sleep(13 if name == "pg_backup" else 1)  # the last samples wait for the interval
        watch.done.set()
        watch.join()
    lags = watch.lags()
    quarter = max(1, len(watch.rss) // 4)
    print(f"{title:28} | {tps:8.0f} | {gib:7.2f} | {cpu:8.1f} | {cpu / gib:8.2f} | "
          + (f"{lags[len(lags) // 2]:8.2f} | {lags[len(lags) * 99 // 100]:8.2f} | {lags[-1]:8.2f} | "
             if lags and name != "nobody" else "       - |        - |        - | ")
          + f"{max(watch.rss[:quarter]) / MIB:7.0f} | {max(watch.rss[-quarter:]) / MIB:7.0f}", flush=True)
    return cpu / gib


def commit(title, receiver, args, names, *more):
    client = measure.Cgroup("client")
    with receiver(client, *more):
        psql_as_server(f"alter system set synchronous_standby_names = '{names}'", "select pg_reload_conf()")
        time.sleep(2)
        try:
            found = [pgbench(clients, args.seconds // 2) for clients in (1, 8, 32)]
        finally:
            psql_as_server("alter system reset synchronous_standby_names", "select pg_reload_conf()")
            time.sleep(1)
    print(f"{title:28} | " + " | ".join(f"{tps:9.0f}" for tps in found), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--scale", type=int, default=50)
    parser.add_argument("--only", choices=["ours"])
    args = parser.parse_args()
    psql("create database bench")
    subprocess.run(["pgbench", "-i", "-q", "-s", str(args.scale), "bench"], check=True, stderr=subprocess.DEVNULL)
    print(f"{'receiver':28} | commits/s | WAL GiB | CPU s | CPU s/GiB | lag s p50 | p99 | most | RSS MiB, first and "
          "last quarter")
    if args.only:
        stream("pg-backup", ours, args, False)
        return
    stream("none", nobody, args)
    mine = stream("pg-backup", ours, args, False)
    plain = stream("pg_receivewal", receivewal, args)
    stream("pg_receivewal -Z gzip:1", receivewal, args, "-Z", "gzip:1")
    stream("pg_receivewal -Z lz4", receivewal, args, "-Z", "lz4")
    stream("pg-backup, again", ours, args, False)
    sealed = stream("pg-backup, encrypted", ours, args, False, True)
    print(f"pg-backup / pg_receivewal: cpu {mine / plain:.2f}; encrypted / not: {sealed / mine:.2f}")
    print(f"\n{'synchronous commit':28} | 1 client | 8 clients | 32 clients (commits/s)")
    commit("the server's disk only", nobody, args, "")
    commit("pg-backup, WAL_SYNC", ours, args, "pg_backup", True)
    commit("pg-backup, WAL_SYNC, encrypted", ours, args, "pg_backup", True, True)
    commit("standby on this machine", standby, args, "standby")


if __name__ == "__main__":
    main()
