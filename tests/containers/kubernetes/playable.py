#!/usr/bin/env python3
"""playable.py KIND/NAME POD RENDERED [--namespace-user ID] [--env NAME=VALUE]... [--args ARG...]: one workload and the
Secrets, as `podman kube play` takes it. A CronJob becomes the Job that it would create; an account is left out.
Where podman is not Kubernetes: it knows no fsGroup, which becomes a supplemental group here and that of the files in
run.sh; and envFrom is stronger than env, so that all is put into env. --namespace-user is what OpenShift adds where
the manifest names none. --env and --args change the container, for what a test wants otherwise."""
import argparse
import sys

import yaml

from check import Manifests, environment, load, pod_of

parser = argparse.ArgumentParser()
parser.add_argument("workload")
parser.add_argument("pod")
parser.add_argument("files", nargs="+")
parser.add_argument("--namespace-user", type=int)
parser.add_argument("--env", action="append", default=[])
parser.add_argument("--args", nargs=argparse.REMAINDER)
options = parser.parse_args()

manifests = Manifests(load(options.files), "", {})
secrets = [document for _, document in manifests.of_kind("Secret")]
workload = manifests.get(*options.workload.split("/"))
if workload is None:
    sys.exit(f"there is no {options.workload}")
if workload["kind"] == "CronJob":
    workload = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": workload["spec"]["jobTemplate"]["spec"]}
workload["metadata"] = {"name": options.pod}

spec = pod_of(workload)["spec"]
spec.pop("serviceAccountName")
security = spec["securityContext"]
if options.namespace_user:
    security = {"runAsUser": options.namespace_user, "runAsGroup": 0, "fsGroup": options.namespace_user, **security}
security["supplementalGroups"] = [security.pop("fsGroup")]
spec["securityContext"] = security
container = spec["containers"][0]
container["args"] = options.args or container["args"]
settings = environment(manifests, container)
settings.update(assignment.split("=", 1) for assignment in options.env)
container["env"] = [{"name": name, "value": value} for name, value in settings.items()]
container.pop("envFrom")
yaml.safe_dump_all([*secrets, workload], sys.stdout)
