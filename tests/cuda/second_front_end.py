#!/usr/bin/env python3
"""Reads the CUDA kernels with clang: what nvcc alone understands, or lets pass, is found.

usage: second_front_end.py [--clang CLANG] [--architectures 75,80] --toolkit FOLDER [-I FOLDER]... FILE.cu...

Debian's clang 14 knows CUDA 11 and is given two things to read the headers of CUDA 13, which have no texture references
any more: an empty texture_fetch_functions.h, and the include guard of its own header of texture functions as a macro.
From 16 on the first is enough. An empty curand_mtgp32_kernel.h is for toolkits from PyPI: it is in another package, and
clang's wrapper includes it always. Device code only: the headers are not for clang's host side. Warnings are errors, but for
parameters that a body of another architecture uses.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile


def command(options, shims, file, architecture):
    return [options.clang, '-x', 'cuda', '-std=c++17', '--cuda-device-only', f'--cuda-gpu-arch=sm_{architecture}',
            f'--cuda-path={options.toolkit}', '-isystem', shims, '-D__CLANG_CUDA_TEXTURE_INTRINSICS_H__',
            '-Wno-unknown-cuda-version', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter', '-Wno-pass-failed',
            *(f'-I{folder}' for folder in options.I), '-fsyntax-only', str(file)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--clang', default='clang++')
    arguments.add_argument('--architectures', default='75,80')
    arguments.add_argument('--toolkit', required=True)
    arguments.add_argument('-I', action='append', default=[])
    arguments.add_argument('files', nargs='+', type=pathlib.Path)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as shims:
        for header in ('texture_fetch_functions.h', 'curand_mtgp32_kernel.h'):
            pathlib.Path(shims, header).touch()
        jobs = [(file, architecture) for file in options.files for architecture in options.architectures.split(',')]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(lambda job: subprocess.run(command(options, shims, *job), capture_output=True, text=True),
                                    jobs))
    failed = 0
    for (file, architecture), result in zip(jobs, results):
        if result.returncode != 0:
            failed += 1
            print(f'{file} for sm_{architecture}:\n{result.stderr[-3000:]}')
    print(f'{len(jobs)} files and architectures, {failed} with errors')
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
