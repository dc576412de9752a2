#!/usr/bin/env python3
"""comments.py [ROOT]: each doc comment (///) in a header is a sentence that stands alone, and each comment uses the
words of the project. Prints `file:line: text` for each finding. What a sentence says is for its reader to check."""
import pathlib
import re
import sys

ROOMS = ("common", "backup", "prune")

# Whole words with which a fragment begins that needs the line above: "Of pg_dumpall." They are no names of functions.
FRAGMENTS = ("Of", "All but", "The same", "Their", "Its", "For", "Also", "Else", "And", "Or", "With", "Without", "As",
             "By", "In", "Empty")
FRAGMENT = re.compile(rf"({'|'.join(FRAGMENTS)})\b(?!::|\()")

# `name` is ..., `name` and `other` hold ...: a name as the subject, with its verb behind it.
SUBJECT = re.compile(r"`[^`]+`( (and|or) `[^`]+`)* [a-z]")

WORDS = {"folder": "directory (on disk) or prefix (S3)", "folders": "directories or prefixes",
         "blanks": "whitespace", "leftover": "orphaned object", "leftovers": "orphaned objects"}
WORD = re.compile(rf"(?<![\w/.-])({'|'.join(WORDS)})\b(?!\()", re.IGNORECASE)

# Literals come first, so that `//` within them begins no comment.
TOKEN = re.compile(r'R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|//[^\n]*|/\*(?:.|\n)*?\*/')


def comments(text):
    """Yields the number of the line, the comment with its slashes, and whether it stands on a line of its own."""
    for token in TOKEN.finditer(text):
        if token[0][:2] in ("//", "/*"):
            start = text.rfind("\n", 0, token.start()) + 1
            line = text.count("\n", 0, start) + 1
            yield line, token[0], not text[start:token.start()].strip()


def doc_blocks(found):
    """Yields the number of the first line and the text of each block of /// lines."""
    first, last, words = 0, 0, []
    for line, comment, is_alone in found:
        if not (is_alone and comment.startswith("///") and not comment.startswith("///<")):
            continue
        if words and line != last + 1:
            yield first, " ".join(words)
            words = []
        first = first if words else line
        last = line
        words.append(comment[3:].strip())
    if words:
        yield first, " ".join(words)


def complaint(text):
    """Returns what is wrong with a doc comment; an empty string for nothing."""
    if text.startswith("`"):
        return "" if SUBJECT.match(text) else "begins with a name that is no subject"
    if not re.match(r"[A-Z]|[a-z_]+\(\) [a-z]", text):  # a function is a name, too: "write() throws ..."
        return "does not begin with a capital letter"
    if FRAGMENT.match(text):
        return "begins with a fragment"
    if not re.search(r"[.:?)]$", text) and "https://" not in text.split()[-1]:
        return "does not end as a sentence"
    return ""


def findings(path):
    found = list(comments(path.read_text(encoding="utf-8")))
    for line, comment, _ in found:
        for word in WORD.finditer(re.sub(r"`[^`]*`", "", comment)):
            yield line, f"'{word[0]}' in a comment: write {WORDS[word[0].lower()]}"
    if path.suffix == ".h":
        for line, text in doc_blocks(found):
            if wrong := complaint(text):
                yield line, f"the doc comment {wrong}: {text[:60]}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    failed = False
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in (".h", ".cc"):
                for line, text in sorted(findings(path)):
                    failed = True
                    print(f"{path.relative_to(root)}:{line}: {text}")
    return 1 if failed else 0


sys.exit(main())
