#!/usr/bin/env python3
"""playable.py KIND/NAME POD SECRETS RENDERED [--env NAME=VALUE]... [--args ARG...]: one workload and the
Secrets, as `podman kube play` takes it. A CronJob becomes the Job that it would create; an
account is left out. Where podman is not Kubernetes: it knows no fsGroup, so that everyone may read the secrets'
files; and envFrom is stronger than env, so that all is put into env. --env and --args change the container, for
what a test wants otherwise."""
import argparse
import sys

import yaml

from check import Manifests, environment, load, pod_of

parser = argparse.ArgumentParser()
parser.add_argument("workload")
parser.add_argument("pod")
parser.add_argument("files", nargs="+")
parser.add_argument("--env", action="append", default=[])
parser.add_argument("--args", nargs=argparse.REMAINDER)
options = parser.parse_args()

manifests = Manifests(load(options.files), "")
secrets = [document for _, document in manifests.of_kind("Secret")]
workload = manifests.get(*options.workload.split("/"))
if workload is None:
    sys.exit(f"there is no {options.workload}")
if workload["kind"] == "CronJob":
    workload = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": workload["spec"]["jobTemplate"]["spec"]}
workload["metadata"] = {"name": options.pod}

spec = pod_of(workload)["spec"]
spec.pop("serviceAccountName")
for volume in spec["volumes"]:
    volume["secret"]["defaultMode"] = 0o444
container = spec["containers"][0]
container["args"] = options.args or container["args"]
settings = environment(manifests, container)
settings.update(assignment.split("=", 1) for assignment in options.env)
container["env"] = [{"name": name, "value": value} for name, value in settings.items()]
container.pop("envFrom")
yaml.safe_dump_all([*secrets, workload], sys.stdout)
