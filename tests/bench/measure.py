#!/usr/bin/env python3
"""Measures one command: wall time, CPU by cgroup, peak memory and temporary files.

  measure.py run-in NAME COMMAND...   runs it, and what it leaves running, in the cgroup of that name
  measure.py remove-cgroups
"""
import os
import subprocess
import sys
import threading
import time

V1 = "/sys/fs/cgroup/cpuacct"
ROOT = V1 if os.path.isdir(V1) else "/sys/fs/cgroup"
NAMES = ("server", "gateway", "client")
TICK_SECONDS = 0.05


class Cgroup:
    """CPU accounting of a set of processes, version 1 (cpuacct) or 2."""

    def __init__(self, name):
        self.folder = f"{ROOT}/pg-backup-bench-{name}"
        os.makedirs(self.folder, exist_ok=True)

    def read(self, file):
        with open(f"{self.folder}/{file}", encoding="ascii") as f:
            return f.read()

    def enter(self):
        with open(f"{self.folder}/cgroup.procs", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))

    def cpu_seconds(self):
        if ROOT == V1:
            return int(self.read("cpuacct.usage")) / 1e9
        return int(self.read("cpu.stat").split()[1]) / 1e6

    def pids(self):
        return self.read("cgroup.procs").split()


def resident_bytes(pid):
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def command_name(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            return f.read().strip()
    except OSError:
        return ""


def disk_bytes(folder):
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(parent, file)).st_blocks * 512
            except OSError:
                pass
    return total


class Sampler(threading.Thread):
    """Peaks of what the client holds, looked at every 50 ms."""

    def __init__(self, client, tmp):
        super().__init__()
        self.client, self.tmp = client, tmp
        self.rss = self.own_rss = self.tmp_bytes = 0
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(TICK_SECONDS):
            sizes = [(resident_bytes(pid), command_name(pid)) for pid in self.client.pids()]
            self.rss = max(self.rss, sum(size for size, _ in sizes))
            self.own_rss = max([self.own_rss, *(size for size, name in sizes if name == "pg-backup")])
            self.tmp_bytes = max(self.tmp_bytes, disk_bytes(self.tmp))


def busy_seconds():
    with open("/proc/stat", encoding="ascii") as f:
        fields = [int(x) / os.sysconf("SC_CLK_TCK") for x in f.readline().split()[1:8]]
    return sum(fields[:3]) + sum(fields[5:7])


def wait_until_quiet(limit_seconds=20):
    """Until less than a fifth of a core is in use, or the time is over."""
    end = time.monotonic() + limit_seconds
    while time.monotonic() < end:
        before = busy_seconds()
        time.sleep(0.5)
        if busy_seconds() - before < 0.1:
            return


def measure(command, env, tmp, log):
    """Runs it with bash; returns a dict with `status` and what was measured."""
    groups = {name: Cgroup(name) for name in NAMES}
    sampler = Sampler(groups["client"], tmp)
    wait_until_quiet()
    before = {name: group.cpu_seconds() for name, group in groups.items()}
    busy, began = busy_seconds(), time.monotonic()
    process = subprocess.Popen(["bash", "-c", f"set -eo pipefail; {command}"], env=env, stdin=subprocess.DEVNULL,
                               stdout=log, stderr=log, preexec_fn=groups["client"].enter)
    sampler.start()
    status = process.wait()
    wall = time.monotonic() - began
    sampler.done.set()
    sampler.join()
    cpu = {name: group.cpu_seconds() - before[name] for name, group in groups.items()}
    return {"status": status, "wall": wall, "cpu": cpu["client"], "server_cpu": cpu["server"],
            "gateway_cpu": cpu["gateway"], "other_cpu": busy_seconds() - busy - sum(cpu.values()),
            "rss": sampler.rss, "own_rss": sampler.own_rss, "tmp": sampler.tmp_bytes}


def main(verb, *args):
    if verb == "run-in":
        Cgroup(args[0]).enter()
        os.execvp(args[1], args[1:])
    for name in NAMES:
        try:
            os.rmdir(f"{ROOT}/pg-backup-bench-{name}")
        except OSError:
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
