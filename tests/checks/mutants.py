#!/usr/bin/env python3
"""mutants.py [--count 60] [--seed 1]: changes the programs in small ways and prints each change that no unit test sees.

Run by hand; nothing calls it. A mutant is one line of common/, backup/ or prune/ with an operator turned, a truth value
or number changed, or a call left out. All of them are compiled into one binary in a temporary copy of the last commit,
and the variable MUTANT chooses one, so that there is one build however many there are. A mutant counts as killed when a
test fails, crashes or takes longer than TIMEOUT seconds. The last line is the score: "N of M killed". Exits with 1 if
a mutant survived: either the change means the same, or a test is missing.

  --keep FOLDER      builds in FOLDER and leaves it there; its programs follow MUTANT as well (end-to-end tests)
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 900

HEADER = """#pragma once
#include <cstdlib>
inline bool is_mutant(int number) {
  static const char* const chosen = std::getenv("MUTANT");
  static const int wanted = chosen == nullptr ? -1 : std::atoi(chosen);
  return number == wanted;
}
"""

TURNED = {
    " < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == ", " && ": " || ",
    " || ": " && ", " + ": " - ", " - ": " + ", " * ": " / ", " / ": " * ", "true": "false", "false": "true",
}
TOKEN = re.compile(r" (?:<=?|>=?|==|!=|&&|\|\||[-+*/]) |\btrue\b|\bfalse\b|\b\d+\b|!(?=[a-z(])")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')

# The expressions of a line that stand alone in parentheses: group 2 of each.
EXPRESSIONS = [
    re.compile(r"^(\s+(?:\} else )?if \((?:[^;]*; )?)([^=;]*(?:[=!<>]=[^=;]*)*)(\) \{)$"),
    re.compile(r"^(\s+while \()([^=;]*(?:[=!<>]=[^=;]*)*)(\) \{)$"),
    re.compile(r"^(\s+return )([^{};]+)(;)$"),
    re.compile(r"^(\s+[\w:<>*& .\->\[\]]+ [-+]?= )([^{};]+)(;)$"),
]
CALL = re.compile(r"^\s+[\w.:>()\[\]*-]+\(.*\);$")


def turned(expression):
    """All expressions that differ from this one in one token outside of strings."""
    strings = [match.span() for match in STRING.finditer(expression)]
    for match in TOKEN.finditer(expression):
        if any(begin <= match.start() < end for begin, end in strings):
            continue
        old = match.group()
        new = TURNED.get(old, "" if old == "!" else str(int(old) + 1) if old.isdigit() else None)
        if new is not None:
            yield expression[: match.start()] + new + expression[match.end() :]


def mutants_of(lines):
    """(line's index, the mutant in words, a function from its number to the line that holds both) for each."""
    for index, line in enumerate(lines):
        if "constexpr" in line or "static_assert" in line:
            continue
        for pattern in EXPRESSIONS:
            match = pattern.match(line)
            if match:
                for other in turned(match[2]):
                    yield index, f"{match[2]}  ->  {other}", (
                        lambda number, m=match, o=other: f"{m[1]}(is_mutant({number}) ? ({o}) : ({m[2]})){m[3]}"
                    )
                break
        else:
            before = lines[index - 1].rstrip() if index else ""
            if CALL.match(line) and before.endswith((";", "{", "}")) and "return" not in line:
                yield index, f"{line.strip()}  ->  left out", (
                    lambda number, text=line: f"if (!is_mutant({number})) {{{text}}}"
                )


def run(command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **options)


class Tree:
    """A copy of the last commit that holds any number of mutants."""

    def __init__(self, folder):
        self.folder = folder
        self.header = folder / "mutant.h"
        archive = subprocess.Popen(["git", "-C", ROOT, "archive", "HEAD"], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
        self.header.write_text(HEADER)
        self.sources = {
            path.relative_to(folder): path.read_text().split("\n")
            for room in ("common", "backup", "prune")
            for path in sorted((folder / room).rglob("*.cc"))
        }

    def write(self, chosen):
        """Puts the mutants into their files, one a line at most, the lines where these were."""
        files = {}
        for number, (path, index, _, make) in chosen.items():
            files.setdefault(path, list(self.sources[path]))[index] = make(number)
        for path in self.sources:
            text = "\n".join(files.get(path, self.sources[path]))
            if path in files:
                text = f'#include "{self.header}"\n#line 1\n' + text
            if (self.folder / path).read_text() != text:
                (self.folder / path).write_text(text)

    def build(self, chosen):
        """Builds; leaves out of CHOSEN what does not compile, until the rest does."""
        environment = dict(os.environ, CCACHE_BASEDIR=str(self.folder), CCACHE_NOHASHDIR="1")
        run(["cmake", "-S", self.folder, "-B", self.folder / "build", "-G", "Ninja",
             "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"], check=True)
        while True:
            self.write(chosen)
            built = run(["cmake", "--build", self.folder / "build", "--", "-k", "0"], env=environment)
            if built.returncode == 0:
                return
            wrong = {
                (match[1], int(match[2]) - 1)
                for match in re.finditer(r"([\w/]+\.cc):(\d+):\d+: (?:error|fatal)", built.stdout)
            }
            dropped = [n for n, (path, index, _, _) in chosen.items()
                       if any(name.endswith(str(path)) and index == at for name, at in wrong)]
            if not dropped:
                sys.exit("the build fails, and not at a mutant:\n" + built.stdout[-4000:])
            for number in dropped:
                del chosen[number]

    def failure_with(self, number):
        """What the unit tests say against mutant NUMBER; empty when they pass."""
        try:
            tests = run(["build/bin/unit_tests", "--abort", "--order", "decl"], cwd=self.folder, timeout=TIMEOUT,
                        env=dict(os.environ, MUTANT=str(number)))
        except subprocess.TimeoutExpired:
            return f"longer than {TIMEOUT} s"
        return tests.stdout or "a crash" if tests.returncode != 0 else ""


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="pg-backup-mutants.") as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(exist_ok=True)
        tree = Tree(folder)
        lines = {}  # one mutant a line
        for path, text in tree.sources.items():
            for index, words, make in mutants_of(text):
                lines.setdefault((path, index), []).append((path, index, words, make))
        chance = random.Random(options.seed)
        places = chance.sample(sorted(lines), min(len(lines), options.count * 2))  # some will not compile
        chosen = {number: chance.choice(lines[place]) for number, place in enumerate(places)}
        tree.build(chosen)
        chosen = dict(list(chosen.items())[: options.count])
        failure = tree.failure_with(-1)
        if failure:
            sys.exit("the unit tests fail without a mutant:\n" + failure[-4000:])
        survivors = 0
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for number, failure in zip(chosen, pool.map(tree.failure_with, chosen)):
                if not failure:
                    path, index, words, _ = chosen[number]
                    survivors += 1
                    print(f"survived: {path}:{index + 1}: {words}   (MUTANT={number})", flush=True)
        print(f"{len(chosen) - survivors} of {len(chosen)} killed")
        return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
