#!/usr/bin/env python3
"""page_store.py FOLDER many|large: fills a directory store for tests of the status page, relative to the present.
many: a group for each state, and names that nobody expects. large: 200 groups of 100 backups."""
import json
import os
import pathlib
import sys
import time

HOUR, DAY = 3600, 86400
SERVER = "7123456789012345678"
SEGMENT = 16 * 1024 * 1024
SUM = "a" * 64
HOSTILE = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "a&b;'c'", "new\nline\ttab\x1b[31m",
           "\u202eright to left", "x" * 63, "Größe 中文 🐘"]
NOW = int(time.time())


def basic(at):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))


def iso(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def encode(group):
    if group in ("_globals", "_cluster"):
        return group
    kept = "".join(chr(b) if chr(b).isalnum() and b < 128 or chr(b) in "-._" else f"={b:02X}" for b in group.encode())
    return f"={ord(kept[0]):02X}{kept[1:]}" if kept[0] in "_." else kept


class Store:
    def __init__(self, root):
        self.root = pathlib.Path(root)

    def write(self, key, at, content=b"", size=None):
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
            if size is not None:
                file.truncate(size)  # a hole: no disk is filled
        os.utime(path, (at, at))

    def backup(self, group, at, size=1000, **more):
        """Stores a backup as pg-backup does. `more`: id, groups, due, left_out, stored (of `size` bytes), locked,
        manifest, hold."""
        backup_id = more.get("id") or f"{basic(at)}-{abs(hash((group, at))) % 2**32:08x}"
        folder = f"{encode(group)}/{backup_id}"
        cluster = group == "_cluster"
        name = {"_globals": "globals", "_cluster": "base"}.get(group, encode(group))
        kind = {"_globals": "globals", "_cluster": "cluster"}.get(group, "dump")
        data = f"{name}.{ {'globals': 'sql', 'cluster': 'tar', 'dump': 'dump'}[kind]}.zst"
        took = 30 + size // 50_000_000
        self.write(f"{folder}/{data}", at + took, size=more.get("stored", size))
        manifest = {
            "format": 2, "group": group, "kind": kind, "id": backup_id, "started": iso(at), "finished": iso(at + took),
            "tool": "pg-backup 0.2.0", "server_version": 170006, "client_version": 170006, "system_identifier": SERVER,
            "groups": more.get("groups", [group]),
            "streams": [{"name": name, "format": {"globals": "plain", "cluster": "tar", "dump": "custom"}[kind],
                         "compression": "zstd", "uncompressed_bytes": size * 4,
                         "objects": [{"name": data, "bytes": size, "sha256": SUM}]}],
            "private": {"warnings": [], "uncompressed_sha256": {name: SUM}}}
        if kind == "dump":
            manifest["dump"] = {"tables": 12, "options": []}
            manifest["private"]["database"] = {"encoding": "UTF8", "locale_provider": "c", "collate": "C",
                                               "ctype": "C", "locale": "", "settings": []}
        if cluster:
            del manifest["client_version"]
            start = more["segment"] * SEGMENT
            manifest["cluster"] = {"start": f"0/{start + 40:X}", "end": f"0/{start + 256:X}", "timeline": 1,
                                   "segment_bytes": SEGMENT, "from_standby": False}
            manifest["private"]["tablespaces"] = []
        if "due" in more:
            manifest["next_due"] = iso(more["due"])
        if "left_out" in more:
            manifest["left_out"] = [{"database": name, "reason": why} for name, why in more["left_out"]]
        if "locked" in more:
            manifest["locked_until"] = iso(more["locked"])
        if more.get("hold"):
            self.write(f"{folder}/hold", at + took, b"held\n")
        if more.get("manifest", True):
            self.write(f"{folder}/manifest.json", at + took + 1, json.dumps(manifest, indent=2).encode() + b"\n")
        return folder

    def daily(self, group, count, size, newest=2 * HOUR, **more):
        for i in range(count):
            at = NOW - newest - i * DAY
            self.backup(group, at, size(i), due=at + DAY, **more)

    def segment(self, number, at):
        self.write(f"_cluster/wal/{SERVER}/00000001/00000001{number // 256:08X}{number % 256:08X}.zst", at, b"wal")


def fill_many(store):
    mib = 1024 * 1024
    run = f"{basic(NOW - 2 * HOUR)}-00c0ffee"
    groups = ["app", "crm", "shop", "_globals"]
    for group, size in (("app", lambda i: (900 - 7 * i) * mib), ("_globals", lambda i: 4000)):
        store.daily(group, 24, size, newest=2 * HOUR + DAY)
        store.backup(group, NOW - 2 * HOUR, size(0), id=run, groups=groups, due=NOW + 22 * HOUR,
                     left_out=[("old_reports", "it does not permit connections")])
        for month in range(1, 5):
            at = NOW - 26 * DAY - month * 30 * DAY
            store.backup(group, at, size(20), due=at + DAY)
    for age in (57, 58):  # in a month of which a newer one is kept
        store.backup("app", NOW - age * DAY, 700 * mib, due=NOW - (age - 1) * DAY)
    store.backup("app", NOW - 200 * DAY, 500 * mib, hold=True, due=NOW - 199 * DAY)
    store.daily("crm", 9, lambda i: 120 * mib, newest=2 * HOUR + DAY)  # missed by the newest run
    store.daily("stalled", 12, lambda i: (50 + i % 3) * mib, newest=4 * DAY)
    store.daily("broken", 14, lambda i: 80 * mib)
    store.backup("broken", NOW - 20 * DAY, 80 * mib, stored=40 * mib, due=NOW - 19 * DAY)
    store.daily("shrunk", 30, lambda i: (8 if i == 0 else 300) * mib)
    for age in (40, 41, 42):
        store.backup("shrunk", NOW - age * DAY, 300 * mib, due=NOW - (age - 1) * DAY)
    store.daily("locked", 5, lambda i: 2 * mib, locked=NOW + 30 * DAY)
    store.backup("half", NOW - 5 * HOUR, 70 * mib, manifest=False)
    for name in HOSTILE:
        store.backup(name, NOW - 3 * HOUR, 5 * mib, due=NOW + 21 * HOUR)
        store.backup(name, NOW - 27 * HOUR, 4 * mib, due=NOW - 3 * HOUR)
    for days, segment in ((12, 1), (6, 30), (1, 80)):
        at = NOW - days * DAY
        store.backup("_cluster", at, 2000 * mib, segment=segment, due=at + (6 * DAY if days > 6 else 8 * DAY))
    for number in range(1, 100):
        if number not in (20, 21, 22):  # a gap
            store.segment(number, NOW - int((100 - number) * 2.9 * HOUR))
    for number, (group, bad) in enumerate((("hostile", b"{"), ("hostile", b"[" * 500_000))):
        folder = store.backup(group, NOW - (number + 2) * DAY, 1000)
        store.write(f"{folder}/manifest.json", NOW - (number + 2) * DAY + 40, bad)
    store.backup("hostile", NOW - HOUR, 1000, due=NOW + 23 * HOUR)


def fill_large(store):
    groups = [f"tenant_{i:03}" for i in range(200)]
    for i in range(100):
        at = NOW - 2 * HOUR - i * DAY
        run = f"{basic(at)}-{i:08x}"
        for group in groups:
            store.backup(group, at, 1000 + i, id=run, groups=groups, due=at + DAY)


{"many": fill_many, "large": fill_large}[sys.argv[2]](Store(sys.argv[1]))
