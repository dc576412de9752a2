#!/usr/bin/env python3
"""check.py [--openshift] CONFIGURATION FILE...: checks rendered manifests of ours, all files together as one namespace;
with --openshift as restricted-v2 takes them. Prints every problem; exit 1 if there is one. api_fields.py knows the API; here are the rules that only a server
would check, such as references between objects, and those that we set ourselves."""
import re
import sys
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

import api_fields
from settings import PROXIES, daily_minute, is_at_a_clock_change, is_cron, settings_of

USER = 10001
USER_OF_POSTGRES = 999  # of the image: a restored data directory belongs to it
USER_FIELDS = ["runAsUser", "runAsGroup", "fsGroup"]
HASH = re.compile(r"-[a-z0-9]{10}$")
UNDISTURBED = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
POD_IDENTITY = [{"ipBlock": {"cidr": "169.254.170.23/32"}}, {"ipBlock": {"cidr": "fd00:ec2::23/128"}}]
STATUS_PORT = 9480  # of pg-backup
HOUR, DAY = 3600, 86400
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


class Manifests:
    """All documents, by kind and name; collects problems. `users`: what the pods say of their user and groups."""

    def __init__(self, documents, readme, users):
        self.problems = []
        self.readme = readme
        self.users = users
        self.objects = {}
        for document in documents:
            where = f"{document.get('kind')}/{name_of(document)}"
            if where in self.objects:
                self.problems.append(f"{where}: is there twice")
            self.objects[where] = document

    def expect(self, condition, where, what):
        if not condition:
            self.problems.append(f"{where}: {what}")

    def of_kind(self, kind):
        return [(where, value) for where, value in self.objects.items() if where.startswith(kind + "/")]

    def get(self, kind, name):
        return self.objects.get(f"{kind}/{name}")

    def keys(self, kind, name):
        value = self.get(kind, name) or {}
        return {**value.get("data", {}), **value.get("stringData", {})}


def name_of(document):
    metadata = document.get("metadata") or {}
    return metadata.get("name") or metadata.get("generateName", "").rstrip("-")


def pod_of(document):
    spec = document["spec"]
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]


def program_of(container):
    """pg-backup or pg-prune: the image says which settings are known."""
    return container["image"].rsplit("/", 1)[-1].split(":")[0]


def environment(manifests, container):
    """As the container will see it: ConfigMaps first, then what is set by name."""
    result = {}
    for source in container.get("envFrom", []):
        result.update(manifests.keys("ConfigMap", source.get("configMapRef", {}).get("name")))
    result.update({variable["name"]: variable.get("value") for variable in container.get("env", [])})
    return result


def check_names(m):
    for where, document in m.objects.items():
        m.expect(NAME.fullmatch(name_of(document)), where, "is no name")
        for labels in [document["metadata"].get("labels", {})]:
            m.expect(all(LABEL.fullmatch(value) for value in labels.values()), where, "has a bad label")


def check_pod(m, where, template):
    spec, labels = template["spec"], template["metadata"]["labels"]
    m.expect(m.get("ServiceAccount", spec.get("serviceAccountName")), where, "its ServiceAccount is missing")
    m.expect(spec.get("automountServiceAccountToken") is False, where, "mounts a token")
    m.expect(spec.get("enableServiceLinks") is False, where, "gets variables of Services")
    check_restricted(m, where, spec)
    if program_of(spec["containers"][0]) == "pg-backup":
        annotations = template["metadata"].get("annotations", {})
        m.expect(UNDISTURBED.items() <= annotations.items(), where, "an autoscaler may evict it")
    for container in spec["containers"]:
        check_settings(m, where, container)
        check_files(m, where, spec, container)
        check_secrets_apart(m, where, spec, container)
    selecting = [policy for _, policy in m.of_kind("NetworkPolicy") if is_selected(policy, labels)]
    m.expect(len(selecting) == 1, where, f"{len(selecting)} NetworkPolicies select it")
    for policy in selecting:
        check_policy(m, f"{where}: NetworkPolicy", policy["spec"], spec["containers"][0])


def check_restricted(m, where, spec):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and more."""
    for field in ["hostNetwork", "hostPID", "hostIPC"]:
        m.expect(not spec.get(field), where, f"{field} is not restricted")
    allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
    for volume in spec.get("volumes", []):
        m.expect(set(volume) - {"name"} <= allowed, where, f"volume {volume['name']} is not restricted")
    pod = spec.get("securityContext", {})
    writes_files = any("--cluster" in container.get("args", []) for container in spec["containers"])
    users = {field: USER_OF_POSTGRES for field in m.users} if writes_files and any(m.users.values()) else m.users
    for field, value in {"runAsNonRoot": True, **users}.items():
        m.expect(pod.get(field) == value, where, f"securityContext.{field} must be {value}")
    m.expect(pod.get("seccompProfile", {}).get("type") == "RuntimeDefault", where, "no seccomp profile")
    for container in spec["containers"] + spec.get("initContainers", []):
        own, name = container.get("securityContext", {}), container["name"]
        m.expect(own.get("allowPrivilegeEscalation") is False, where, f"{name} may escalate privileges")
        m.expect(own.get("readOnlyRootFilesystem") is True, where, f"{name} may write its root")
        m.expect(own.get("capabilities") == {"drop": ["ALL"]}, where, f"{name} has capabilities")
        weaker = {"privileged", "procMount", "runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile"}
        m.expect(not weaker & set(own), where, f"{name} overrides the pod's securityContext")
        resources = container.get("resources", {})
        m.expect({"cpu", "memory"} <= set(resources.get("requests", {})), where, f"{name} requests nothing")
        m.expect("memory" in resources.get("limits", {}), where, f"{name} has no memory limit")
        tag = container["image"].rsplit("/", 1)[-1].partition(":")[2]
        m.expect(tag not in ("", "latest"), where, f"{name}: image {container['image']} is not pinned")


def check_settings(m, where, container):
    for source in container.get("envFrom", []):
        name = source.get("configMapRef", {}).get("name")
        m.expect(m.get("ConfigMap", name), where, f"ConfigMap {name} is missing")
        m.expect(HASH.search(str(name)), where, f"a change of ConfigMap {name} would not be noticed: it has no hash")
    known = settings_of(m.readme, program_of(container)) | PROXIES
    names = environment(m, container)
    for name in names:
        plain = name.removesuffix("_FILE") if name not in known else name
        m.expect(plain in known, where, f"{program_of(container)} has no setting {name}")
        m.expect(plain == name or plain not in names, where, f"both {name} and {plain} are set")
    for field in ["name", "args"]:
        m.expect(container.get(field), where, f"a container without {field}")


def check_files(m, where, spec, container):
    """Secrets that are mounted exist, unless they are optional; a NAME_FILE names a key of one."""
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    files = set()
    for mount in container.get("volumeMounts", []):
        m.expect(mount["name"] in volumes, where, f"volume {mount['name']} is missing")
        secret = volumes.get(mount["name"], {}).get("secret")
        if secret is None or secret.get("optional"):
            continue
        name = secret["secretName"]
        m.expect(m.get("Secret", name), where, f"Secret {name} is missing")
        m.expect(secret.get("defaultMode") == 0o440, where, f"Secret {name} must have the mode 0440")
        items = secret.get("items", [{"key": key, "path": key} for key in m.keys("Secret", name)])
        for item in items:
            m.expect(item["key"] in m.keys("Secret", name), where, f"Secret {name} has no key {item['key']}")
            files.add(f"{mount['mountPath']}/{item['path']}")
    for name, value in environment(m, container).items():
        if name.endswith("_FILE") and (value or "").startswith("/run/secrets"):
            m.expect(value in files, where, f"{name}: nothing is mounted as {value}")


def check_secrets_apart(m, where, spec, container):
    """pg-prune sees nothing of the database, and the programs share no Secret."""
    if program_of(container) != "pg-prune":
        return
    names = [n for n in environment(m, container) if re.match(r"DB(_|$)|PG", n)]
    m.expect(not names, where, f"pg-prune gets {', '.join(names)}")
    for volume in spec.get("volumes", []):
        secret = volume.get("secret", {}).get("secretName")
        m.expect("DB_PASSWORD" not in m.keys("Secret", secret), where, f"pg-prune sees the database's Secret {secret}")


def is_selected(policy, labels):
    selector = policy["spec"]["podSelector"].get("matchLabels", {})
    return selector and selector.items() <= labels.items()


def check_policy(m, where, policy, container):
    m.expect(set(policy.get("policyTypes", [])) == {"Ingress", "Egress"}, where, "must rule both directions")
    rules = policy.get("egress", [])
    m.expect(all(rule.get("ports") for rule in rules), where, "lets everything out")
    settings = environment(m, container)
    check_status_port(m, where, policy, container)
    # DNS: the pods of OpenShift's listen on 5353.
    wanted = {("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353), ("TCP", store_port(settings))}
    if program_of(container) == "pg-backup":
        wanted.add(("TCP", int(settings.get("DB_PORT", 5432))))
    found = ports_of([rule for rule in rules if "to" not in rule])
    m.expect(found == wanted, where, f"opens {sorted(found, key=str)}, not {sorted(wanted, key=str)}")
    agents = [rule for rule in rules if "to" in rule]
    m.expect(all(rule["to"] == POD_IDENTITY and ports_of([rule]) == {("TCP", 80)} for rule in agents), where,
             "opens more than the agent of Pod Identity")
    has_keys = "S3_ACCESS_KEY_FILE" in settings
    m.expect(bool(agents) != has_keys, where, "the agent of Pod Identity is for pods without keys, and for all of them")


def check_status_port(m, where, policy, container):
    """Who may connect is let in to the port that the program listens on, and to no other. A restore, which listens on
    none, has the policy of the daemon."""
    listen = environment(m, container).get("STATUS_LISTEN", "")
    wanted = {("TCP", int(listen.rpartition(":")[2]))} if listen else set()
    rules = policy.get("ingress", [])
    open_ports = ports_of(rules)
    if container.get("args", [""])[0] == "restore":
        open_ports -= {("TCP", STATUS_PORT)}
    m.expect(all(rule.get("ports") for rule in rules), where, "lets everything in")
    m.expect(open_ports == wanted, where, f"lets in to {sorted(open_ports)}, not {sorted(wanted)}")
    named = {("TCP", port.get("containerPort")) for port in container.get("ports", [])}
    m.expect(named == wanted, where, f"names the ports {sorted(named)}, not {sorted(wanted)}")


def ports_of(rules):
    return {(port.get("protocol", "TCP"), port.get("port")) for rule in rules for port in rule.get("ports", [])}


def store_port(settings):
    """Of what the program connects to: the proxy or the store itself."""
    address = urlsplit(settings.get("S3_ENDPOINT", "https://amazonaws.com"))
    proxy = settings.get("HTTPS_PROXY" if address.scheme == "https" else "http_proxy", settings.get("ALL_PROXY"))
    address = urlsplit(proxy) if proxy else address
    return address.port or {"http": 80}.get(address.scheme, 443)


def check_cron_job(m, where, spec):
    container = pod_of({"kind": "CronJob", "spec": spec})["spec"]["containers"][0]
    settings = environment(m, container)
    m.expect(is_cron(spec["schedule"]), where, f"{spec['schedule']!r} is no schedule")
    zone = spec.get("timeZone")
    try:
        m.expect(not is_at_a_clock_change(spec["schedule"], ZoneInfo(zone or "")), where,
                 f"{spec['schedule']} is skipped or comes twice where clocks change in {zone}")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        m.expect(False, where, f"unknown time zone {zone}")
    if container.get("args", [""])[0] == "restore":
        check_restore(m, where, spec)
        return
    m.expect(not spec.get("suspend"), where, "is suspended")
    if program_of(container) == "pg-backup":
        m.expect(settings.get("BACKUP_SCHEDULE") == spec["schedule"], where, "BACKUP_SCHEDULE is not the schedule")
        m.expect(settings.get("TZ") == zone, where, "TZ is not the timeZone")
    m.expect(spec.get("concurrencyPolicy") == "Forbid", where, "concurrencyPolicy must be Forbid")
    m.expect(spec.get("startingDeadlineSeconds", 0) >= 60, where, "startingDeadlineSeconds is missing or too short")
    for field in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"]:
        m.expect(spec.get(field, 0) > 0, where, f"{field} is missing")
    args = {"pg-backup": ["now", "--if-due"], "pg-prune": ["now"]}[program_of(container)]
    m.expect(container.get("args") == args, where, f"args must be {args}")
    check_failure_policy(m, where, spec["jobTemplate"]["spec"], container)


def check_restore(m, where, spec):
    """It only holds what restores are made of."""
    job = spec["jobTemplate"]["spec"]
    m.expect(spec.get("suspend") is True, where, "would restore by itself")
    m.expect(job.get("backoffLimit") == 0, where, "backoffLimit must be 0")
    m.expect("activeDeadlineSeconds" not in job, where, "a restore takes as long as it takes")


def check_distance(m):
    """While a backup is overdue and under way, the pruner refuses."""
    schedules = [m.get("CronJob", name)["spec"] for name in ["pg-backup", "pg-prune"] if m.get("CronJob", name)]
    if len(schedules) == 2:
        backup, prune = (daily_minute(spec["schedule"]) for spec in schedules)
        m.expect(None not in (backup, prune) and (prune - backup) % 1440 == 720, "CronJob/pg-prune",
                 "must run twelve hours after the backup")
        m.expect(schedules[0].get("timeZone") == schedules[1].get("timeZone"), "CronJob/pg-prune",
                 "must run in the time zone of the backup")


def check_failure_policy(m, where, job, container):
    m.expect(job["template"]["spec"].get("restartPolicy") == "Never", where, "podFailurePolicy needs restartPolicy Never")
    m.expect(job.get("backoffLimit") is not None, where, "backoffLimit is missing")
    least, most = {"pg-backup": (2 * DAY, 7 * DAY), "pg-prune": (HOUR, DAY)}[program_of(container)]
    m.expect(least <= job.get("activeDeadlineSeconds", 0) <= most, where,
             f"activeDeadlineSeconds must be from {least} to {most}")
    rules = job.get("podFailurePolicy", {}).get("rules", [])
    at_once = {"containerName": container["name"], "operator": "In", "values": [2, 3]}
    m.expect({"action": "FailJob", "onExitCodes": at_once} in rules, where, "exit codes 2 and 3 must fail the job")
    evicted = [{"type": "DisruptionTarget", "status": "True"}]
    m.expect({"action": "Ignore", "onPodConditions": evicted} in rules, where, "a disruption must be ignored")


def check_deployment(m, where, spec):
    template = spec["template"]
    container = template["spec"]["containers"][0]
    selector = spec["selector"].get("matchLabels", {})
    m.expect(selector and selector.items() <= template["metadata"]["labels"].items(), where,
             "selects other pods than its own")
    m.expect(spec.get("replicas") == 1, where, "replicas must be 1")
    m.expect(spec.get("strategy") == {"type": "Recreate"}, where, "strategy must be Recreate")
    m.expect(container.get("args") == ["serve"], where, "args must be [serve]")
    command = container.get("readinessProbe", {}).get("exec", {}).get("command")
    m.expect(command == [f"/usr/local/bin/{program_of(container)}", "health"], where, "readiness must ask health")
    m.expect(container.get("readinessProbe", {}).get("timeoutSeconds", 1) > 5, where, "health may take 5 s")
    for probe in ["livenessProbe", "startupProbe"]:
        m.expect(probe not in container, where, f"a {probe} would kill a daemon that is only late")


def check(documents, readme, user=USER):
    """The problems of a list of documents. Rules are tried only where the API's fields are right."""
    m = Manifests(documents, readme, dict.fromkeys(USER_FIELDS, user))
    for where, document in m.objects.items():
        m.problems += [f"{where}: {problem}" for problem in api_fields.problems(document)]
    if m.problems:
        return m.problems
    check_names(m)
    for kind, rule in {"CronJob": check_cron_job, "Deployment": check_deployment}.items():
        for where, document in m.of_kind(kind):
            rule(m, where, document["spec"])
    for kind in ["CronJob", "Deployment", "Job"]:
        for where, document in m.of_kind(kind):
            check_pod(m, where, pod_of(document))
    check_distance(m)
    return m.problems


def load(paths):
    documents = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            documents += [document for document in yaml.safe_load_all(file) if document]
    return documents


def main(*arguments):
    openshift = arguments[0] == "--openshift"
    readme, *paths = arguments[1:] if openshift else arguments
    documents = load(paths)
    with open(readme, encoding="utf-8") as file:
        problems = check(documents, file.read(), None if openshift else USER)
    for problem in problems:
        print(problem)
    if not documents:
        print("no manifest")
    sys.exit(1 if problems or not documents else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
