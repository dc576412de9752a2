#!/usr/bin/env python3
"""queries.py [ROOT]: deploy/prometheus/alerts.yaml and deploy/grafana/dashboard.json ask for what the programs expose.

  Every metric and label is in the tables of docs/monitoring.md, to which a unit test holds the programs.
  Every expression can be parsed by promtool, and every label that a text shows is one of its expression.
  Every alert has a severity, a summary and a description, a test in which it fires, and one in which it does not.
  The dashboard can be imported as it is: its data source and all of its variables are variables of its own.

queries.py --scrape REGEX FILE [ROOT]: every metric that they ask for and whose name matches REGEX is in FILE, the answer
of a program to a scrape, with the labels and values that they ask for.
queries.py --ask URL [ROOT]: the Prometheus at URL answers each expression.
Prints every violation; exit 1 if there is one.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import yaml

NAME = r"pg_(?:backup|prune)_[a-z0-9_]+"
SELECTOR = re.compile(rf"\b({NAME}|up|ALERTS)\b\s*(?:\{{([^}}]*)\}})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
FROM_PROMETHEUS = {"job", "instance"}
OF_ALERTS = FROM_PROMETHEUS | {"alertname", "alertstate", "severity", "database", "destination"}
VARIABLES_OF_GRAFANA = {"__rate_interval"}
ANY = None  # every value of a label


def documented(page):
    """Returns the labels of each metric, with their values, as the tables of docs/monitoring.md have them."""
    known = {}
    for row in re.findall(rf"^\| (`{NAME}`(?:, `{NAME}`)*) \| (.*) \|$", page, re.M):
        words = set(re.findall(r"`([^`]*)`", row[1]))
        labels = {word: words for word in words if re.fullmatch(r"[a-z]+", word)} if "label" in row[1] else {}
        for name in re.findall(NAME, row[0]):
            alike = known.get(name.replace("pg_prune_", "pg_backup_"), {}) if "As those of" in row[1] else {}
            known[name] = {"database": ANY, "destination": ANY, **alike, **labels}
    for labels in known.values():
        if "result" in labels:
            labels["result"] = {"success", "failure", "refused"}
    return known


def scraped(text):
    known = {}
    for name, labels in re.findall(rf"^({NAME})(?:\{{(.*)\}})? \S+$", text, re.M):
        found = known.setdefault(name, {})
        for label, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels):
            found.setdefault(label, set()).add(value)
    return known


class Question:
    """An expression, where it stands, and the labels that its text shows."""

    def __init__(self, where, expression, shown=()):
        self.where, self.expression, self.shown = where, expression, set(shown)
        self.selectors = [(match[1], MATCHER.findall(match[2] or "")) for match in SELECTOR.finditer(expression)]

    def problems(self, known, wanted):
        labels = set(FROM_PROMETHEUS)
        for name, matchers in self.selectors:
            if name in ("up", "ALERTS") or not re.search(wanted, name):
                labels |= OF_ALERTS if name == "ALERTS" else set(known.get(name, ()))
                continue
            if name not in known:
                yield f"{self.where}: there is no {name}"
                continue
            labels |= known[name].keys()
            yield from self.problems_of(name, matchers, known[name])
        if wanted == "":
            grouped = {word.strip() for group in GROUPING.findall(self.expression) for word in group.split(",")}
            for label in sorted((grouped | self.shown) - labels - {""}):
                yield f"{self.where}: no metric there has the label {label}"

    def problems_of(self, name, matchers, known):
        for label, operator, value in matchers:
            if label in FROM_PROMETHEUS:
                continue
            if label not in known:
                yield f"{self.where}: {name} has no label {label}"
            elif known[label] is not ANY and operator in ("=", "=~") and not value.startswith("$"):
                for one in value.split("|"):
                    if one not in known[label]:
                        yield f'{self.where}: {name} never has {label}="{one}"'


def rules_in(alerts):
    return [rule for group in alerts["groups"] for rule in group["rules"]]


def questions_of_alerts(alerts):
    for rule in rules_in(alerts):
        texts = " ".join(str(text) for text in rule.get("annotations", {}).values())
        yield Question(f"alert {rule['alert']}", rule["expr"], re.findall(r"\$labels\.(\w+)", texts))


def panels_of(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def questions_of_dashboard(dashboard):
    for panel in panels_of(dashboard):
        for target in panel.get("targets", []):
            yield Question(f"panel {panel['title']!r}", target["expr"],
                           re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
    for annotation in dashboard["annotations"]["list"]:
        yield Question(f"annotation {annotation['name']!r}", annotation["expr"],
                       re.findall(r"\{\{(\w+)\}\}", annotation.get("titleFormat", "")))


def problems_of_variables(dashboard, known):
    variables = dashboard["templating"]["list"]
    used = set(re.findall(r"\$\{?(\w+)", json.dumps([dashboard["panels"], dashboard["annotations"]])))
    for name in sorted(used - {variable["name"] for variable in variables} - VARIABLES_OF_GRAFANA):
        yield f"dashboard: there is no variable {name}"
    for variable in variables:
        if variable["type"] != "query":
            continue
        query = re.fullmatch(r'label_values\(\{__name__=~"([^"]*)"\}, (\w+)\)', variable["query"]["query"])
        names = [name for name in known if query and re.fullmatch(query[1], name)]
        if not names or not all(query[2] in FROM_PROMETHEUS | known[name].keys() for name in names):
            yield f"dashboard: the variable {variable['name']} has no values"
    sources = [item["datasource"] for item in [*panels_of(dashboard), *dashboard["annotations"]["list"]]
               if item.get("type") != "row"]
    sources += [target["datasource"] for panel in panels_of(dashboard) for target in panel.get("targets", [])]
    if any(source["uid"] != "${datasource}" for source in sources):
        yield "dashboard: a data source that is not the variable"
    if dashboard.get("id") is not None or "__inputs" in dashboard:
        yield "dashboard: it has the id or the inputs of an installation"


def as_grafana_asks(question):
    """The expression with the values of all instances and databases."""
    return re.sub(r"\$(instance|database)\b", ".*", question.expression.replace("$__rate_interval", "5m"))


def problems_of_syntax(questions):
    """promtool reads rules, and JSON is YAML."""
    rules = [{"record": f"a:{number}", "expr": as_grafana_asks(item)} for number, item in enumerate(questions)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump({"groups": [{"name": "all", "rules": rules}]}, file)
        file.flush()
        result = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True, check=False)
    if result.returncode:
        yield f"an expression cannot be parsed: {result.stdout}{result.stderr}"


def problems_of_answers(questions, url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for question in questions:
        query = urllib.parse.urlencode({"query": as_grafana_asks(question)})
        try:
            with opener.open(f"{url}/api/v1/query?{query}", timeout=30) as answer:
                warnings = json.load(answer).get("warnings")
        except urllib.error.HTTPError as error:
            warnings = error.read().decode()
        if warnings:
            yield f"{question.where}: Prometheus says: {warnings}"


def tested(tests):
    """Returns the alerts that fire in a test, and which of them do not at another time of that test."""
    fires, silent = set(), set()
    for test in tests:
        asked = [(item["expr"], item["exp_samples"] or []) for item in test.get("promql_expr_test", [])]
        asked += [(f'ALERTS{{alertname="{item["alertname"]}"}}', [{"labels": f'alertname="{item["alertname"]}"'}] *
                   len(item["exp_alerts"] or [])) for item in test.get("alert_rule_test", [])]
        here = {name for _, samples in asked for sample in samples
                for name in re.findall(r'alertname="(\w+)"', sample["labels"])}
        fires |= here
        empty = [expression for expression, samples in asked if not samples and "ALERTS" in expression]
        if any("alertname" not in expression for expression in empty):
            silent |= here
        silent |= here & {name for expression in empty for name in re.findall(r'alertname="(\w+)"', expression)}
    return fires, silent


def problems_of_alerts(alerts, tests):
    fires, silent = tested(tests)
    for rule in rules_in(alerts):
        name = rule["alert"]
        if rule.get("labels", {}).get("severity") not in ("critical", "warning"):
            yield f"alert {name}: its severity is neither critical nor warning"
        for text in ("summary", "description"):
            if not re.search(r"[.)]$", str(rule.get("annotations", {}).get(text, ""))):
                yield f"alert {name}: its {text} is no sentence"
        if name not in fires:
            yield f"alert {name}: there is no test in which it fires"
        elif name not in silent:
            yield f"alert {name}: in the test in which it fires, nothing asks when it does not"


def read_yaml(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def static_problems(root, alerts, dashboard, questions):
    known = documented((root / "docs/monitoring.md").read_text(encoding="utf-8"))
    tests = [test for path in sorted(root.glob("tests/prometheus/*.yaml")) for test in read_yaml(path)["tests"]]
    for question in questions:
        yield from question.problems(known, "")
    yield from problems_of_variables(dashboard, known)
    yield from problems_of_alerts(alerts, tests)
    yield from problems_of_syntax(questions)


def scrape_problems(questions, wanted, file):
    known = scraped(pathlib.Path(file).read_text(encoding="utf-8"))
    if not any(re.search(wanted, name) for question in questions for name, _ in question.selectors):
        yield f"nothing asks for {wanted}"
    for question in questions:
        yield from question.problems(known, wanted)


def main(arguments):
    mode, count = {"--scrape": ("scrape", 3), "--ask": ("ask", 2)}.get(arguments[0] if arguments else "", ("static", 0))
    values, rest = arguments[1:count], arguments[count:]
    root = pathlib.Path(rest[0]) if rest else pathlib.Path(__file__).resolve().parents[2]
    alerts = read_yaml(root / "deploy/prometheus/alerts.yaml")
    dashboard = json.loads((root / "deploy/grafana/dashboard.json").read_text(encoding="utf-8"))
    questions = [*questions_of_alerts(alerts), *questions_of_dashboard(dashboard)]
    if mode == "scrape":
        problems = list(scrape_problems(questions, *values))
    elif mode == "ask":
        problems = list(problems_of_answers(questions, *values))
    else:
        problems = list(static_problems(root, alerts, dashboard, questions))
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
