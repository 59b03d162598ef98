#!/usr/bin/env python3
"""Translates PTX files to C++ that runs on cudasim.

usage: translate.py --output FOLDER FILE.ptx...
Writes one .cpp per kernel and one for the variables of a module, named by their content, and prints their names.
Instructions that are not known are listed on the error stream; they abort the program when they are executed.
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from translator import module, parser  # noqa: E402


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--output', type=pathlib.Path, required=True)
    arguments.add_argument('files', nargs='+', type=pathlib.Path)
    options = arguments.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for file in options.files:
        translation = module.translate(parser.parse(file.read_text()))
        for name, text in translation.files.items():
            (options.output / name).write_text(text)
            print(name)
        for kernel, opcodes in translation.unsupported.items():
            print(f'{file.name}: {kernel}: not translated: {", ".join(opcodes)}', file=sys.stderr)


if __name__ == '__main__':
    main()
