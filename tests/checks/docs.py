#!/usr/bin/env python3
"""docs.py ROOT: what README.md, docs/*.md and the pages below deploy/ say must hold, as far as reading can tell.

  README.md has at most 260 lines, and lines have at most 120 characters, except for tables.
  Every relative link leads to a file, and every anchor to a heading.
  Commands stand in fenced blocks, where bash can parse them.
  Verbs and flags of the programs exist, in blocks and in `code`.
  Variables of ours that a block or an .env.example sets stand in the tables of docs/configuration.md.
  Tables of directories ("Directory | Holds") name directories, and files in them, that exist.
  The prose of README.md and docs/*.md has none of the words for which the field has others.
Prints every violation; exit 1 if there is one.
"""
import pathlib
import re
import shlex
import subprocess
import sys

MOST_LINES, MOST_CHARACTERS = 260, 120
LANGUAGES = {"", "sh", "console", "sql"}
BOTH = {"serve", "now", "check", "schedule", "config", "health"}
PHYSICAL = {"check-backup", "check_backup", "wal-push", "wal-fetch"}
VERBS = {"pg-backup": BOTH | PHYSICAL | {"list", "show", "restore", "verify", "hold"}, "pg-prune": BOTH | {"page", "plan", "release"}}
FLAGS = {"pg-backup": {"--if-due", "--json", "--latest", "--limit", "--since", "--all", "--stored", "--archive", "--restore", "--from", "--check", "--system-id", "--help", "--version"},
         "pg-prune": {"--dry-run", "--json", "--check", "--help", "--version"}}
# With a path, as containers call them; `--name pg-backup` and `cronjob/pg-backup` are no commands.
PROGRAM = re.compile(r"(?:/usr/local/bin/|build/bin/)?(pg-backup|pg-prune)")
WORDS = {"blanks": "whitespace", "folder": "directory, or prefix", "folders": "directories, or prefixes",
         "away": "unavailable"}
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Page:
    """A Markdown page, taken apart: its blocks, and its lines outside of them."""

    def __init__(self, path):
        self.path = path
        self.blocks = []  # (line number, language, lines)
        self.prose = []  # (line number, line), without generated tables
        self.tables = {}  # by program: the generated table of its settings
        self.problems = []
        program = None
        block = None
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            mark = re.fullmatch(r"<!-- settings of (\S+) -->", line)
            if line.startswith("```"):
                if block is None:
                    block = (number, line[3:], [])
                    self.blocks.append(block)
                else:
                    block = None
            elif block is not None:
                block[2].append(line)
            elif mark:
                program = mark[1]
                self.tables[program] = ""
            elif line == "<!-- end -->":
                program = None
            elif program:
                self.tables[program] += line + "\n"
            else:
                self.prose.append((number, line))
            if len(line) > MOST_CHARACTERS and not line.startswith("|"):
                self.problem(number, f"{len(line)} characters, at most {MOST_CHARACTERS}")
        if block is not None:
            self.problem(block[0], "the block does not end")
        if program:
            self.problem(number, f"the table of {program} does not end")

    def problem(self, number, text):
        self.problems.append(f"{self.path}:{number}: {text}")

    def anchors(self):
        """As GitHub makes them out of headings."""
        seen = {}
        for _, line in self.prose:
            heading = re.match(r"#+ +(.*)", line)
            if heading:
                slug = re.sub(r"[^\w\- ]", "", heading[1].strip().lower()).replace(" ", "-")
                seen[slug] = seen.get(slug, -1) + 1
                yield f"{slug}-{seen[slug]}" if seen[slug] else slug


def check_links(page, pages):
    # A link may go on in the next line; code is none.
    text = "\n".join(SPAN.sub("code", line) for _, line in page.prose)
    for link in LINK.finditer(text):
        number = page.prose[text[:link.start()].count("\n")][0]
        if re.match(r"[a-z]+:", link[1]):
            continue
        name, _, anchor = link[1].partition("#")
        target = (page.path.parent / name).resolve() if name else page.path.resolve()
        if not target.exists():
            page.problem(number, f"{link[1]}: there is no such file")
        elif anchor and anchor not in (pages[target].anchors() if target in pages else ()):
            page.problem(number, f"{link[1]}: there is no such heading")


def check_blocks(page):
    for number, language, lines in page.blocks:
        if language not in LANGUAGES:
            page.problem(number, f"'{language}' is no language of a block: {', '.join(sorted(LANGUAGES))}")
        script = "\n".join(commands_in(language, lines)) + "\n"
        if not script.strip():
            continue
        result = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        if result.returncode:
            page.problem(number, f"bash cannot parse it: {result.stderr.strip()}")
    before = ""
    for number, line in page.prose:
        if line.startswith("    ") and not before.strip():
            page.problem(number, "an indented block: what reads commands looks into fenced ones only")
        before = line


def commands_in(language, lines):
    """The shell's lines of a block: those behind a prompt, where it shows output too."""
    if language == "sh":
        return lines
    return [line[2:] for line in lines if line.startswith("$ ")] if language == "console" else []


def words_of(command):
    """The words of a shell's line, operators apart; None for what is no such line, such as text with an apostrophe."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        return None


def calls_in(words):
    """(program, verb or None, flags) of each call of a program of ours."""
    for i, word in enumerate(words):
        before = words[i - 1] if i else ""
        program = PROGRAM.fullmatch(word)
        if program and (before == "--" or not before.startswith("-")):
            program, rest = program[1], words[i + 1:]
        elif word == "restore" and before == "--rm":  # the service of the stacks
            program, rest = "pg-backup", words[i:]
        else:
            continue
        end = next((n for n, text in enumerate(rest) if re.fullmatch(r"[|&;<>()]+", text)), len(rest))
        rest = rest[:end]
        verb = rest[0] if rest and re.fullmatch(r"[a-z_-]+", rest[0]) and not rest[0].startswith("-") else None
        yield program, verb, [text.partition("=")[0] for text in rest if text.startswith("--")]


def check_calls(page, number, text, flags):
    words = words_of(text)
    for program, verb, used in calls_in(words or []):
        if verb and verb not in VERBS[program]:
            page.problem(number, f"{program} has no verb {verb}")
        for flag in used:
            if flag not in flags[program] and not (verb == "restore" and flag in flags["restore"]):
                page.problem(number, f"{program} {verb or ''}: there is no flag {flag}")


def check_programs(page, flags):
    for number, language, lines in page.blocks:
        script = "\n".join(commands_in(language, lines)).replace("\\\n", " ")
        for line in script.split("\n"):
            check_calls(page, number, line, flags)
    for number, line in page.prose:
        for span in SPAN.finditer(line):
            if PROGRAM.match(span[1]) or span[1].startswith("docker compose "):
                check_calls(page, number, span[1], flags)


def check_variables(page, known):
    for number, language, lines in page.blocks:
        for name in re.findall(r"(?:^|(?<!-v)[\s;])([A-Z][A-Z0-9_]+)=", "\n".join(commands_in(language, lines))):
            if not {name, name.removesuffix("_FILE")} & known:
                page.problem(number, f"there is no setting {name}")


def check_words(page):
    for number, line in page.prose:
        for word in re.findall(r"[a-z]+", re.sub(LINK, "", SPAN.sub("", line)).lower()):
            if word in WORDS:
                page.problem(number, f"'{word}': say {WORDS[word]}")


def check_directories(page, root):
    """In a table of directories, `code` in the second cell is a file or directory in that of the first."""
    inside = False
    for number, line in page.prose:
        inside = line.startswith("|") and (inside or line.startswith("| Directory | Holds |"))
        row = re.match(r"\| `([a-z0-9_/]+)` \|(.*)\|$", line) if inside else None
        if not row:
            continue
        if not (root / row[1]).is_dir():
            page.problem(number, f"{row[1]}: there is no such directory")
        for name in re.findall(r"`([a-z0-9_/.]+)`", row[2]):
            where = root / (name if "/" in name else f"{row[1]}/{name}")
            if not any(pathlib.Path(f"{where}{suffix}").exists() for suffix in ("", ".cc", ".h")):
                page.problem(number, f"{row[1]}: there is no {name}")


def settings_in(table):
    """The variables of a generated table, and the names of older systems."""
    for row in re.findall(r"^\| `([A-Z0-9_]+)` \|.*\|(.*)\|$", table, re.M):
        yield row[0]
        yield from re.findall(r"`([A-Z0-9_]+)`", row[1].partition("Also:")[2])


def variables_of_compose(root):
    for path in (root / "compose.yaml", root / "deploy/compose/compose.yaml"):
        if path.exists():
            yield from re.findall(r"\$\{([A-Z0-9_]+)", path.read_text(encoding="utf-8"))


def flags_of(pages, settings):
    flags = {program: FLAGS[program] | {"--" + name.lower().replace("_", "-") for name in settings.get(program, ())}
             for program in VERBS}
    rows = [line for page in pages for _, line in page.prose if line.startswith("| `--")]
    flags["restore"] = {flag for row in rows for flag in re.findall(r"--[a-z-]+", row.split("|")[1])}
    return flags


def main(root):
    root = pathlib.Path(root)
    readme = [path for path in [root / "README.md"] if path.exists()]
    ours = [Page(path) for path in readme + sorted(root.glob("docs/*.md"))]
    all_pages = ours + [Page(path) for path in sorted(root.glob("deploy/**/*.md"))]
    by_path = {page.path.resolve(): page for page in all_pages}
    settings = {}
    for page in ours:
        for program, table in page.tables.items():
            settings[program] = set(settings_in(table))
    known = set().union(*settings.values()) | set(variables_of_compose(root)) | {"COMPOSE_PROJECT_NAME"}
    flags = flags_of(ours, settings)
    for page in all_pages:
        check_links(page, by_path)
        check_blocks(page)
        check_programs(page, flags)
        check_variables(page, known)
    for page in ours:
        check_words(page)
        check_directories(page, root)
    problems = [problem for page in all_pages for problem in page.problems]
    for path in readme:
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > MOST_LINES:
            problems.append(f"{path}: {lines} lines, at most {MOST_LINES}")
    for path in (root / ".env.example", root / "deploy/compose/.env.example"):
        for name in re.findall(r"^([A-Z][A-Z0-9_]*)=", path.read_text(encoding="utf-8") if path.exists() else "", re.M):
            if not {name, name.removesuffix("_FILE")} & known:
                problems.append(f"{path}: there is no setting {name}")
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
