#!/usr/bin/env python3
"""dockerfiles.py [ROOT]: the rules for Dockerfiles, and shellcheck over their RUN instructions.

Prints every violation; exit 1 if there is one. Whether a file can be built, building it tells.
"""
import json
import pathlib
import re
import subprocess
import sys

INSTRUCTIONS = set("ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN STOPSIGNAL USER VOLUME WORKDIR".split())
PRODUCT = {"ENTRYPOINT", "HEALTHCHECK", "LABEL", "STOPSIGNAL", "USER"}  # what the images of this project must state
FLAG = re.compile(r"^(--[a-z-]+(=\S+)?\s+)+")
# Variables of the build are no variables that the script forgot to set; `set -e` is the end of a chain of &&.
SHELLCHECK = ["shellcheck", "-s", "sh", "-e", "SC2154", "-f", "gcc", "-"]


def instructions(text):
    """(line number, NAME, arguments) of each; continued lines are joined as they are."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        begin, line = number, lines[number]
        number += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        whole = [line]
        while whole[-1].endswith("\\") and number < len(lines):
            if not lines[number].lstrip().startswith("#"):
                whole.append(lines[number])
            number += 1
        name, _, arguments = "\n".join(whole).strip().partition(" ")
        yield begin + 1, name, arguments.strip()


def is_exec_form(arguments):
    try:
        return isinstance(json.loads(arguments), list)
    except ValueError:
        return False


def from_violations(arguments, stages):
    words = arguments.split()
    image = words[0]
    if image not in stages and (":" not in image or image.endswith(":latest")):
        yield f"{image}: without a version"
    if len(words) == 3:
        stages.add(words[2])


def run_violations(arguments):
    flags = FLAG.match(re.sub(r"\\\n\s*", "", arguments)) or [""]
    script = FLAG.sub("", re.sub(r"^((--\S+)\s*\\\n\s*)+", "", arguments))
    if is_exec_form(script):
        return
    if "apt-get install" in script:
        if not re.search(r"apt-get install (-\S+ )*-y\b", script) or "--no-install-recommends" not in script:
            yield "apt-get install without -y --no-install-recommends"
        if "apt-get update" not in script:
            yield "apt-get install without apt-get update in the same layer"
        if "/var/lib/apt/lists" not in flags[0] + script:
            yield "package lists stay in the layer"
    checked = subprocess.run(SHELLCHECK, input=script + "\n", text=True, stdout=subprocess.PIPE, check=False)
    yield from checked.stdout.splitlines()


def violations(path, is_product):
    text = path.read_text()
    stages, final = set(), {}
    if re.search(r"^#\s*syntax\s*=", text, re.I | re.M):
        yield 1, "no syntax line: it would fetch a front end at each build"
    for line, name, arguments in instructions(text):
        found = []
        if name not in INSTRUCTIONS:
            found = [f"{name}: not an instruction that we use"]
        elif name == "FROM":
            found, final = from_violations(arguments, stages), {}
        elif name == "RUN":
            found = run_violations(arguments)
        elif name in ("CMD", "ENTRYPOINT") and not is_exec_form(arguments):
            found = [f"{name}: needs a shell"]
        elif name == "HEALTHCHECK" and not is_exec_form(arguments.partition("CMD")[2]):
            found = ["HEALTHCHECK: needs a shell"]
        final[name] = arguments
        yield from ((line, violation) for violation in found)
    if is_product:
        for name in sorted(PRODUCT - final.keys()):
            yield 1, f"no {name}"
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", final.get("USER", "1:1")):
            yield 1, "USER: not the number of one who is not root"


def main(root):
    failed = False
    for path in sorted(root.rglob("Dockerfile*")):
        if path.relative_to(root).parts[0].startswith((".git", "build")):
            continue
        for line, violation in violations(path, is_product=path.parent == root):
            failed = True
            print(f"{path.relative_to(root)}:{line}: {violation}")
    return failed


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "../..").resolve()))
