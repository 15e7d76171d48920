#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the repository to its own architecture: who includes whom, licence lines, sizes of files.

Prints TAP, one case a promise, with every place that breaks it. The argument is the root.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
# The order of docs/architecture.md: a module includes itself and those before it.
MODULES = ["base", "event", "state", "fields", "condition", "rules", "engine", "output", "probe",
           "source", "metadata", "app"]
# Sources that must carry a licence line within their first three lines.
LICENSED = {".c", ".h", ".cc", ".py", ".sh"}
FOLDERS = ["src", "tests", "fuzz", "bench", "tools", "packaging"]
LINES_MAX = 800
UNFINISHED = re.compile(r"\b(TODO|FIXME|HACK)\b")


def sources():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and "corpus" not in path.parts:
                yield path


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


def check_includes():
    for path in sources():
        relative = path.relative_to(ROOT)
        if relative.parts[0] != "src" or path.suffix not in {".c", ".h", ".cc"}:
            continue
        module = relative.parts[1]
        if module not in MODULES:
            yield f"{relative}: no such module in the architecture: {module}"
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found or "/" not in found.group(1):
                continue
            other = found.group(1).split("/")[0]
            if other not in MODULES:
                continue
            if MODULES.index(other) > MODULES.index(module):
                yield f"{relative}:{number}: {module} may not include {found.group(1)}"


def check_include_form():
    """A header is named from src/ on; only what the build generates stands without a folder."""
    for path in sources():
        relative = path.relative_to(ROOT)
        if relative.parts[0] != "src" or path.suffix not in {".c", ".h", ".cc"}:
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+"([^"/]+)"', line)
            if found and (path.parent / found.group(1)).exists() and "bpf" not in relative.parts:
                yield (f'{relative}:{number}: write "{relative.parent.relative_to("src")}/'
                       f'{found.group(1)}"')


def check_licences():
    for path in sources():
        relative = path.relative_to(ROOT)
        head = text_of(path)[:400].splitlines()[:3]
        first = head[0] if head else ""
        if path.suffix in LICENSED or first.startswith("#!"):
            if not any("SPDX-License-Identifier:" in line for line in head):
                yield f"{relative}: no SPDX-License-Identifier in its first lines"


def check_unfinished():
    for path in sources():
        if path.suffix not in LICENSED or path.name == "check.py":
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if UNFINISHED.search(line):
                yield f"{path.relative_to(ROOT)}:{number}: unfinished: {line.strip()}"


def check_guards():
    for path in sources():
        relative = path.relative_to(ROOT)
        if relative.parts[0] == "src" and path.suffix == ".h":
            text = text_of(path)
            if not re.search(r"#ifndef SAKER_\w+_H\n#define SAKER_\w+_H\n", text):
                yield f"{relative}: no include guard SAKER_..._H"


PROMISES = [
    ("modules include only those before them", check_includes),
    ("headers are named by module and file", check_include_form),
    ("every source names its licence", check_licences),
    ("nothing is left unfinished", check_unfinished),
    ("headers may be included twice", check_guards),
]


def main():
    failed = 0
    print(f"1..{len(PROMISES)}")
    for number, (promise, check) in enumerate(PROMISES, 1):
        problems = list(check())
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {promise}")
        for problem in problems:
            print(f"# {problem}")
            print(problem, file=sys.stderr)
    for path in sources():
        lines = text_of(path).count("\n")
        if path.suffix in {".c", ".h", ".py"} and lines > LINES_MAX:
            print(f"# warning: {path.relative_to(ROOT)} has {lines} lines: two ideas?")
    return 1 if failed else 0


sys.exit(main())
