#!/usr/bin/env python3
"""Writes a compile_commands.json for clang-tidy: C++ of ours, each file once. Tests of kernels are compiled in three or
four variants, and clang-tidy would read each of them. Usage: tidy_database.py BUILD FOLDER"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("src", "capi", "tests", "bench", "cuda")
build, folder = map(pathlib.Path, sys.argv[1:])
first = {}
for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
    file = pathlib.Path(entry["directory"], entry["file"]).resolve()
    if file.suffix == ".cpp" and file.is_relative_to(ROOT) and file.relative_to(ROOT).parts[0] in FOLDERS:
        # g++ has options that clang does not know.
        entry["command"] += " -Wno-unused-command-line-argument"
        first.setdefault(file, entry)
assert first, "no file to look at"
folder.mkdir(parents=True, exist_ok=True)
(folder / "compile_commands.json").write_text(json.dumps(list(first.values()), indent=1), encoding="utf-8")
print(len(first), "files")
