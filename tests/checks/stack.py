#!/usr/bin/env python3
"""stack.py [ROOT]: compose.yaml passes on what the .env of an older system says, and no interval that nobody has set.

What Compose makes of it, tests/containers/cases/older_systems.sh tells, where an engine can run.
"""
import json
import pathlib
import sys

import yaml

STORE = "S3_ENDPOINT S3_BUCKET S3_BACKUP_BUCKET S3_ACCESS_KEY S3_SECRET_KEY S3_REGION BACKUP_DIR DB_BACKUP_DIR "
PLACE = "DB_BACKUP_PREFIX ADOPT_LAYOUTS TZ "
TOLD = {
    "postgres": "POSTGRES_DB POSTGRES_USER POSTGRES_PASSWORD",
    "s3": "S3_BUCKET S3_ACCESS_KEY S3_SECRET_KEY",
    "backup": STORE + PLACE + "POSTGRES_DB DB_NAME BACKUP_SCHEDULE DB_BACKUP_INTERVAL BACKUP_FORMAT BACKUP_COMPRESSION "
              "PG_DUMP_EXTRA_ARGS MAX_BACKUP_AGE_SECONDS PUSHGATEWAY_URL METRICS_JOB METRICS_INSTANCE",
    "prune": STORE + PLACE + "CLEANUP_SCHEDULE BACKUP_KEEP_DAYS BACKUP_KEEP_MIN_COUNT BACKUPS_TO_RETAIN DB_BACKUP_MAX_N "
             "S3_BACKUP_MAX_AGE RETENTION_KEEP_LAST RETENTION_MIN_BACKUPS RETENTION_DRY_RUN",
    "restore": STORE + PLACE + "POSTGRES_DB POSTGRES_USER POSTGRES_PASSWORD",
}
INTERVALS = {"backup": "BACKUP_INTERVAL", "prune": "PRUNE_INTERVAL"}


def problems(services):
    for service, names in TOLD.items():
        environment = services[service]["environment"]
        for name in names.split():
            if environment.get(name, "") is not None and "${" + name not in json.dumps(environment):
                yield f"{service} is not told {name}"
    for service, name in INTERVALS.items():
        if services[service]["environment"].get(name) != "${" + name + ":-}":
            yield f"{service}: {name} must be what .env says, and nothing otherwise"
    if "POSTGRES_VERSION" not in services["postgres"]["image"]:
        yield "postgres: the image is not that of POSTGRES_VERSION"
    if "garage" not in services["s3"]["networks"]["store"]["aliases"]:
        yield "s3 is not called garage"


def main(root):
    services = yaml.safe_load((root / "compose.yaml").read_text(encoding="utf-8"))["services"]
    found = list(problems(services))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "../..")))
