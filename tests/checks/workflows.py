"""workflows.py FOLDER: the rules of workflows.sh. Prints every problem; exit 1 if there is one."""
import pathlib
import re
import subprocess
import sys

import yaml

# https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
TOP = {"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
JOB = {"name", "permissions", "needs", "if", "runs-on", "environment", "concurrency", "outputs", "env", "defaults",
       "steps", "timeout-minutes", "strategy", "continue-on-error", "container", "services", "uses", "with", "secrets"}
STEP = {"id", "if", "name", "uses", "run", "working-directory", "shell", "with", "env", "continue-on-error",
        "timeout-minutes"}
EVENTS = {"push", "pull_request", "workflow_call", "workflow_dispatch", "schedule"}
RIGHTS = {"actions", "attestations", "checks", "contents", "deployments", "id-token", "issues", "packages", "pages",
          "pull-requests", "security-events", "statuses"}
PINNED = re.compile(r"[\w-]+/[\w./-]+@(v\d+(\.\d+){0,2}|[0-9a-f]{40})")


class Workflow:
    def __init__(self, path, root):
        self.path, self.root, self.problems = path, root, []
        # YAML 1.1 reads the key "on" as true.
        self.content = {("on" if key is True else key): value for key, value in yaml.safe_load(path.read_text()).items()}

    def expect(self, condition, where, what):
        if not condition:
            self.problems.append(f"{self.path}: {where}: {what}")

    def keys(self, where, value, known):
        for key in set(value) - known:
            self.expect(False, where, f"unknown key {key}")

    def check(self):
        self.keys("top", self.content, TOP)
        for key in ["name", "on", "permissions", "jobs"]:
            self.expect(self.content.get(key), "top", f"{key} is missing")
        if self.problems:
            return
        events = self.content["on"]
        self.expect(set([events] if isinstance(events, str) else events) <= EVENTS, "on", "unknown event")
        self.expect(self.content["permissions"] == {"contents": "read"}, "top", "permissions must be contents: read")
        for name, job in self.content["jobs"].items():
            self.check_job(name, job)
        self.check_expressions()

    def check_job(self, name, job):
        self.keys(name, job, JOB)
        needs = job.get("needs", [])
        for other in [needs] if isinstance(needs, str) else needs:
            self.expect(other in self.content["jobs"], name, f"needs the unknown job {other}")
        for right, value in job.get("permissions", {}).items():
            self.expect(right in RIGHTS and value in ("read", "write", "none"), name, f"unknown right {right}: {value}")
        if "uses" in job:
            self.expect((self.root / job["uses"]).is_file(), name, f"there is no {job['uses']}")
            return
        self.expect("runs-on" in job, name, "runs-on is missing")
        self.expect("timeout-minutes" in job, name, "timeout-minutes is missing")
        self.expect(job.get("steps"), name, "has no steps")
        for number, step in enumerate(job.get("steps", []), 1):
            self.check_step(f"{name}, step {number}", step)

    def check_step(self, where, step):
        self.keys(where, step, STEP)
        self.expect(("uses" in step) != ("run" in step), where, "needs either uses or run")
        if "uses" in step:
            self.expect(PINNED.fullmatch(step["uses"]), where, f"{step['uses']} is not pinned")
        if "run" in step:
            # An expression in a script is code from outside: pass it in env.
            self.expect("${{" not in step["run"], where, "an expression in a script")
            result = subprocess.run(["shellcheck", "-s", "bash", "-"], input=step["run"], text=True,
                                    capture_output=True, check=False)
            self.expect(result.returncode == 0, where, result.stdout)

    def check_expressions(self):
        text = self.path.read_text()
        for secret in re.findall(r"\bsecrets\.(\w+)", text):
            self.expect(secret == "GITHUB_TOKEN", "top", f"uses the secret {secret}")
        for job, content in self.content["jobs"].items():
            matrix = content.get("strategy", {}).get("matrix", {})
            known = set(matrix) | {key for row in matrix.get("include", []) for key in row}
            for key in re.findall(r"\bmatrix\.(\w+)", str(content)):
                self.expect(key in known, job, f"unknown matrix.{key}")


def check_dependabot(path, root):
    content = yaml.safe_load(path.read_text())
    problems = [] if content.get("version") == 2 else ["version must be 2"]
    for update in content.get("updates", []):
        if update.get("package-ecosystem") not in ("github-actions", "docker", "docker-compose"):
            problems.append(f"unknown ecosystem {update.get('package-ecosystem')}")
        if not (root / str(update.get("directory")).lstrip("/")).is_dir():
            problems.append(f"there is no {update.get('directory')}")
        if update.get("schedule", {}).get("interval") not in ("daily", "weekly", "monthly"):
            problems.append("schedule.interval is missing")
    return [f"{path}: {problem}" for problem in problems]


def main(folder):
    root, problems = folder.parent, []
    for path in sorted(folder.glob("workflows/*.yml")):
        workflow = Workflow(path, root)
        workflow.check()
        problems += workflow.problems
    if (folder / "dependabot.yml").exists():
        problems += check_dependabot(folder / "dependabot.yml", root)
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


main(pathlib.Path(sys.argv[1]))
