#!/usr/bin/env python3
"""log_messages.py [ROOT]: the message of every log line is a constant, and what it is about are its fields, so that
lines about the same thing can be found and counted. Prints `file:line: message` for each that is not."""
import pathlib
import re
import sys

ROOMS = ("common", "backup", "prune")
LOGS = r"\b(?:log|log_|own|Log\([^;]*\)|(?:program|client_)\.log(?:\(\))?)"
CALL = re.compile(rf"{LOGS}\.(?:debug|info|warn|error)\(")
LITERAL = r'"(?:\\.|[^"\\])*"'
CONSTANT = rf"(?:(?:{LITERAL}\s*)+|k[A-Z]\w*)"
MESSAGE = re.compile(rf"\s*(?:[^,;\"]*\?\s*{CONSTANT}\s*:\s*)?{CONSTANT}\s*[,)]")
KNOWN = {
    ("common/service/job.cc", 'fmt::format("next {}", work_.noun)'): "the nouns of jobs are constants",
    ("common/service/run_reporter.cc", "what"): "its callers pass constants",
}


def main(root):
    failed = False
    for path in sorted(path for room in ROOMS for path in (root / room).rglob("*.cc")):
        name = str(path.relative_to(root))
        text = path.read_text()
        for call in CALL.finditer(text):
            rest = text[call.end():]
            known = any(file == name and rest.startswith(message) for file, message in KNOWN)
            if known or MESSAGE.match(rest):
                continue
            failed = True
            print(f"{name}:{text.count(chr(10), 0, call.start()) + 1}: {rest.split(chr(10))[0].strip()}")
    return failed


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "../..")))
