#!/usr/bin/env python3
"""Fails when a line of a document is longer than 140 characters (docs/hacking.md, "Rules").

line_width.py ROOT        checks the Markdown below ROOT, tables and the generated docs/benchmarks.md left out
line_width.py --self-test plants lines in a temporary tree and expects to find the long ones
"""
import pathlib
import sys
import tempfile

WIDTH = 140
FOLDERS = ("", "docs", "docs/decisions", "docs/kernels", "docs/ops", "examples/photos", "tests/cudasim", "tests/cudasim/ptx",
           "tests/data")
GENERATED = {"docs/benchmarks.md", "docs/benchmarks-gpu.md"}


def check(root):
    problems = []
    for folder in FOLDERS:
        for file in sorted((root / folder).glob("*.md")):
            name = str(file.relative_to(root))
            if name in GENERATED:
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                if len(line) > WIDTH and not line.startswith("|"):
                    problems.append(f"{name}:{number}: {len(line)} characters")
    return problems


def self_test():
    files = {
        "README.md": "x" * 140 + "\n" + "ö" * 140 + "\n| " + "x" * 200 + " |\n",
        "SECURITY.md": "fine\n" + "x" * 141 + "\n",
        "docs/a.md": "* " + "x" * 139 + "\n",
        "docs/benchmarks.md": "x" * 300 + "\n",
        "docs/decisions/b.md": "```\n" + "x" * 150 + "\n```\n",
    }
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        found = [problem.split(": ")[0] for problem in check(root)]
        assert found == ["SECURITY.md:2", "docs/a.md:1", "docs/decisions/b.md:2"], found


if len(sys.argv) != 2:
    sys.exit(__doc__)
if sys.argv[1] == "--self-test":
    self_test()
else:
    found = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found))
    sys.exit(1 if found else 0)
