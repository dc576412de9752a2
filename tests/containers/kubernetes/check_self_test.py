#!/usr/bin/env python3
"""check_self_test.py CONFIGURATION SECRETS CRONJOBS DEPLOYMENTS: breaks good manifests in one place each; check.py
must name the fault. Prints what it overlooks; exit 1 if there is any."""
import copy
import sys

from check import HASH, check, load, name_of
from settings import is_cron

DELETE = object()
CRON, JOB = "CronJob/pg-backup", "spec.jobTemplate.spec"
POD = JOB + ".template.spec"
CONTAINER, POD_ANNOTATIONS = POD + ".containers.0", JOB + ".template.metadata.annotations"
PRUNE, RESTORE, DAEMON = "CronJob/pg-prune", "CronJob/pg-restore", "Deployment/pg-backup"
DAEMON_CONTAINER = "spec.template.spec.containers.0"

# What, where, field, new value, words of the problem.
MUTATIONS = [
    ("an unknown field", CRON, CONTAINER + ".securityContext.readOnlyRootFileSystem", True, "unknown field"),
    ("a field in the wrong place", CRON, "spec.restartPolicy", "Never", "unknown field"),
    ("a missing field", CRON, "spec.schedule", DELETE, "`schedule`"),
    ("a missing selector", DAEMON, "spec.selector", DELETE, "`selector`"),
    ("a number as text", CRON, JOB + ".backoffLimit", "2", "must be int"),
    ("a number as environment", CRON, CONTAINER + ".env.0.value", 5, "must be str"),
    ("a map for a list", CRON, POD + ".containers", {}, "must be a list"),
    ("a switch as text", CRON, POD + ".enableServiceLinks", "no", "must be bool"),
    ("a ConfigMap with a number", "ConfigMap/pg-backup", "data.DB_PORT", 5432, "must be str"),
    ("an empty field", CRON, POD + ".securityContext", None, "empty"),
    ("an unknown kind", CRON, "kind", "CronTab", "unknown kind"),
    ("an old version", CRON, "apiVersion", "batch/v1beta1", "unknown kind"),
    ("an unknown enumerator", CRON, "spec.concurrencyPolicy", "forbid", "none of"),
    ("an unknown action", CRON, JOB + ".podFailurePolicy.rules.0.action", "Fail", "none of"),
    ("no quantity", CRON, CONTAINER + ".resources.limits.memory", "512MiB", "no quantity"),
    ("a bad name", CRON, "metadata.name", "pg_backup", "is no name"),
    ("a bad label", CRON, "metadata.labels.part", "of us", "bad label"),
    ("a selector of others", DAEMON, "spec.selector.matchLabels.extra", "x", "other pods"),
    ("an unknown ServiceAccount", CRON, POD + ".serviceAccountName", "backup", "ServiceAccount is missing"),
    ("an unknown ConfigMap", CRON, CONTAINER + ".envFrom.0.configMapRef.name", "store", "ConfigMap store is missing"),
    ("a ConfigMap whose changes stay unseen", CRON, CONTAINER + ".envFrom.0.configMapRef.name", "pg-backup", "has no hash"),
    ("an unknown Secret", CRON, POD + ".volumes.0.secret.secretName", "backup", "Secret backup is missing"),
    ("a key that the Secret lacks", "Secret/pg-backup", "stringData.S3_SECRET_KEY", DELETE, "S3_SECRET_KEY_FILE"),
    ("an unknown volume", CRON, CONTAINER + ".volumeMounts.0.name", "secret", "volume secret is missing"),
    ("another mount path", CRON, CONTAINER + ".volumeMounts.0.mountPath", "/run/secrets", "nothing is mounted"),
    ("secrets for everyone", CRON, POD + ".volumes.0.secret.defaultMode", 0o444, "mode 0440"),
    ("an unknown variable", CRON, CONTAINER + ".env.0.name", "BACKUP_SCHEDUL", "no setting BACKUP_SCHEDUL"),
    ("an unknown setting", "ConfigMap/pg-prune", "data.MAX_AGE", "30d", "no setting MAX_AGE"),
    ("a variable and its file", "ConfigMap/pg-backup", "data.DB_PASSWORD", "x", "both DB_PASSWORD_FILE"),
    ("a bad schedule", CRON, "spec.schedule", "15 24 * * *", "is no schedule"),
    ("two schedules", CRON, "spec.schedule", "16 3 * * *", "BACKUP_SCHEDULE is not"),
    ("two time zones", CRON, "spec.timeZone", "Europe/Paris", "TZ is not"),
    ("a time that is skipped or comes twice", CRON, "spec.schedule", "30 2 * * *", "where clocks change"),
    ("a pruner that meets the backup", PRUNE, "spec.schedule", "45 5 * * *", "twelve hours after"),
    ("a pruner in another zone", PRUNE, "spec.timeZone", "Europe/Paris", "zone of the backup"),
    ("an unknown time zone", PRUNE, "spec.timeZone", "Europe/Atlantis", "unknown time zone"),
    ("runs side by side", CRON, "spec.concurrencyPolicy", "Allow", "must be Forbid"),
    ("no starting deadline", CRON, "spec.startingDeadlineSeconds", DELETE, "startingDeadlineSeconds"),
    ("no deadline", CRON, JOB + ".activeDeadlineSeconds", DELETE, "activeDeadlineSeconds"),
    ("a deadline of half a day", CRON, JOB + ".activeDeadlineSeconds", 43200, "activeDeadlineSeconds"),
    ("a backup that is evicted", CRON, POD_ANNOTATIONS, {"karpenter.sh/do-not-disrupt": "true"}, "may evict"),
    ("a daemon that is evicted", DAEMON, "spec.template.metadata.annotations", DELETE, "may evict"),
    ("a restore that is evicted", RESTORE, POD_ANNOTATIONS, DELETE, "may evict"),
    ("a restore with a deadline", RESTORE, JOB + ".activeDeadlineSeconds", 86400, "as long as it takes"),
    ("a restore that is tried again", RESTORE, JOB + ".backoffLimit", 1, "must be 0"),
    ("a restore by schedule", RESTORE, "spec.suspend", False, "by itself"),
    ("a backup that is suspended", CRON, "spec.suspend", True, "is suspended"),
    ("no limit of attempts", CRON, JOB + ".backoffLimit", DELETE, "backoffLimit"),
    ("no history limit", CRON, "spec.failedJobsHistoryLimit", DELETE, "failedJobsHistoryLimit"),
    ("a whole server again for one database", CRON, CONTAINER + ".args", ["now"], "args must be"),
    ("the daemon in a CronJob", CRON, CONTAINER + ".args", ["serve"], "args must be"),
    ("restarts in place", CRON, POD + ".restartPolicy", "OnFailure", "needs restartPolicy Never"),
    ("refusals tried again", CRON, JOB + ".podFailurePolicy.rules.0.onExitCodes.values", [2], "exit codes 2 and 3"),
    ("the policy of another container", CRON, JOB + ".podFailurePolicy.rules.0.onExitCodes.containerName", "x", "exit codes"),
    ("disruptions counted", CRON, JOB + ".podFailurePolicy.rules.1.action", "Count", "disruption"),
    ("root", CRON, POD + ".securityContext.runAsUser", 0, "runAsUser must be 10001"),
    ("root in a container", CRON, CONTAINER + ".securityContext.runAsUser", 0, "overrides"),
    ("a privileged container", CRON, CONTAINER + ".securityContext.privileged", True, "overrides"),
    ("perhaps root", DAEMON, "spec.template.spec.securityContext.runAsNonRoot", DELETE, "runAsNonRoot must be"),
    ("no group for the secrets", CRON, POD + ".securityContext.fsGroup", DELETE, "fsGroup must be"),
    ("no seccomp", CRON, POD + ".securityContext.seccompProfile", DELETE, "no seccomp"),
    ("a writable root", CRON, CONTAINER + ".securityContext.readOnlyRootFilesystem", False, "may write its root"),
    ("escalation", CRON, CONTAINER + ".securityContext.allowPrivilegeEscalation", DELETE, "may escalate"),
    ("a capability", CRON, CONTAINER + ".securityContext.capabilities.add", ["NET_RAW"], "has capabilities"),
    ("the node's network", CRON, POD + ".hostNetwork", True, "hostNetwork"),
    ("the node's files", CRON, POD + ".volumes.0", {"name": "secrets", "hostPath": {"path": "/"}}, "not restricted"),
    ("a token", CRON, POD + ".automountServiceAccountToken", DELETE, "mounts a token"),
    ("service links", CRON, POD + ".enableServiceLinks", DELETE, "variables of Services"),
    ("no memory limit", CRON, CONTAINER + ".resources.limits", DELETE, "no memory limit"),
    ("the latest image", CRON, CONTAINER + ".image", "pg-backup:latest", "not pinned"),
    ("an image without a tag", CRON, CONTAINER + ".image", "registry:5000/pg-backup", "not pinned"),
    ("a database variable for pg-prune", "ConfigMap/pg-prune", "data.DB_HOST", "x", "pg-prune gets DB_HOST"),
    ("the database's Secret for pg-prune", PRUNE, POD + ".volumes.0.secret.secretName", "pg-backup", "sees the database"),
    ("two replicas", DAEMON, "spec.replicas", 2, "replicas must be 1"),
    ("a rolling update", DAEMON, "spec.strategy.type", "RollingUpdate", "must be Recreate"),
    ("a CronJob's verb in a Deployment", DAEMON, DAEMON_CONTAINER + ".args", ["now"], "args must be"),
    ("no readiness", DAEMON, DAEMON_CONTAINER + ".readinessProbe", DELETE, "readiness must ask"),
    ("an impatient probe", DAEMON, DAEMON_CONTAINER + ".readinessProbe.timeoutSeconds", 1, "may take 5 s"),
    ("a deadly probe", DAEMON, DAEMON_CONTAINER + ".livenessProbe", {"exec": {"command": ["x"]}}, "livenessProbe"),
    ("a policy that selects nobody", "NetworkPolicy/pg-backup", "spec.podSelector.matchLabels.x", "y", "0 NetworkPolicies"),
    ("a policy for everybody's traffic out", "NetworkPolicy/pg-prune", "spec.egress.0.ports", DELETE, "everything out"),
    ("PostgreSQL open to pg-prune", "NetworkPolicy/pg-prune", "spec.egress.1.ports.0.port", 5432, "opens"),
    ("PostgreSQL closed", "NetworkPolicy/pg-backup", "spec.egress.2.ports.0.port", 5433, "opens"),
    ("OpenShift's DNS closed", "NetworkPolicy/pg-backup", "spec.egress.0.ports.2.port", 53, "opens"),
    ("a proxy at another port", "ConfigMap/pg-backup-store", "data.HTTPS_PROXY", "http://proxy:3128", "opens"),
    ("the store at another port", "ConfigMap/pg-backup-store", "data.S3_ENDPOINT", "http://s3:8080", "opens"),
    ("someone let in", "NetworkPolicy/pg-backup", "spec.ingress", [{}], "lets everything in"),
    ("one direction only", "NetworkPolicy/pg-backup", "spec.policyTypes", ["Egress"], "both directions"),
]
GOOD_CRON = ["15 3 * * *", "*/5 0-6,22 1 jan-mar mon,FRI", "0 0 * * 7", "59 23 31 12 sun", "0-30/10 * * * *"]
BAD_CRON = ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
            "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *", "1, * * * *", "-1 * * * *", "15  3 * * *"]


def mutate(documents, where, field, value):
    result = copy.deepcopy(documents)
    target = next(d for d in result if f"{d['kind']}/{HASH.sub('', name_of(d))}" == where)
    *path, last = [int(step) if step.isdigit() else step for step in field.split(".")]
    for step in path:
        target = target[step]
    if value is DELETE:
        del target[last]
    else:
        target[last] = value
    return result


def main(readme_path, secrets, cronjobs, deployments):
    with open(readme_path, encoding="utf-8") as file:
        readme = file.read()
    with_cronjobs, with_deployments = load([secrets, cronjobs]), load([secrets, deployments])
    overlooked = []
    for what, where, field, value, words in MUTATIONS:
        documents = with_deployments if where.startswith("Deployment") else with_cronjobs
        problems = check(mutate(documents, where, field, value), readme)
        if not any(words in problem for problem in problems):
            overlooked.append(f"{what}: {problems}")
    if not any("twice" in problem for problem in check(with_cronjobs + with_cronjobs[:1], readme)):
        overlooked.append("an object that is there twice")
    overlooked += [text for text in GOOD_CRON if not is_cron(text)] + [text for text in BAD_CRON if is_cron(text)]
    print(*(f"overlooked: {fault}" for fault in overlooked), sep="\n")
    sys.exit(1 if overlooked else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
