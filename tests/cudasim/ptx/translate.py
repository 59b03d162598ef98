#!/usr/bin/env python3
"""Translates what nvcc made to C++ that runs on cudasim.

usage: translate.py --library OUT.so --cudart FOLDER [--cache FOLDER] [--only REGEX] PROGRAM-OR-LIBRARY...
       translate.py --sources FOLDER FILE.ptx...

--library makes a library of all kernels whose PTX is in the given files (README.md says how it is used), or of those whose
mangled names hold a match of REGEX: a kernel that is left out fails to launch, which saves the compiler's time. The names
of those that are in it are written to OUT.so.txt. --sources
stops at the C++: a file per kernel and one for the variables of a module, named by their content. Instructions that are
not known are listed on the error stream; they abort the program when they are executed.
"""

import argparse
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from translator import build, module, parser  # noqa: E402


def write_sources(files, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        translation = module.translate(parser.parse(file.read_text()))
        for name, text in translation.files.items():
            (folder / name).write_text(text)
            print(name)
        build.warn(file, translation)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--library', type=pathlib.Path)
    arguments.add_argument('--cudart', type=pathlib.Path, help='folder of the stand-in libcudart.so.13')
    arguments.add_argument('--only', default='')
    arguments.add_argument('--sources', type=pathlib.Path)
    arguments.add_argument('--cache', type=pathlib.Path, default=build.default_cache())
    arguments.add_argument('files', nargs='+', type=pathlib.Path)
    options = arguments.parse_args()
    if options.sources:
        return write_sources(options.files, options.sources)
    if not options.library or not options.cudart:
        arguments.error('--sources, or --library and --cudart')
    try:
        made, kernels = build.translate(options.files, options.cache, options.cudart, os.environ.get('CUDASIM_ARCH'),
                                        options.only)
        if not kernels:
            sys.exit('translate.py: no PTX of such kernels in ' + ', '.join(map(str, options.files)))
        pathlib.Path(f'{options.library}.txt').write_text('\n'.join(kernels) + '\n')
        shutil.copyfile(made, options.library)
    except build.BuildError as error:
        sys.exit(f'translate.py: {error}')
    return None


if __name__ == '__main__':
    main()
