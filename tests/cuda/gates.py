#!/usr/bin/env python3
"""Static gates of the CUDA kernels: what the compiled library must and must not hold.

usage: gates.py LIBRARY                 checks it against gates.toml
       gates.py --occupancy LIBRARY     a table of registers, shared memory and blocks per multiprocessor; every kernel has
                                        __launch_bounds__ and fits
       gates.py --self-test NVCC        the gates find what is planted in kernels of selftest/

Every kernel of the library stands in one entry of gates.toml (the first whose name, a regular expression, matches all of
its demangled name), and every entry has a kernel. Of every kernel, on every architecture in the library:
  * no stack, no local memory, no STL and LDL: nothing is spilled, no array is indexed by what is not known,
  * at most `registers` registers,
  * with tensor_cores = true, from compute capability 8.0 on: HMMA, LDSM and LDGSTS (tensor core products, ldmatrix and
    cp.async), or those in `needs`.
An entry may allow `stack` bytes; then `reason` says why. For the table, `dynamic_shared` is what a launch asks for, and
`threads` its block, if that is smaller than __launch_bounds__.

Environment: CUOBJDUMP, the toolkit's program; nvdisasm beside it.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import binary  # noqa: E402
import occupancy  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TENSOR_CORE_INSTRUCTIONS = ['HMMA', 'LDSM', 'LDGSTS']
KEYS = {'name', 'registers', 'tensor_cores', 'needs', 'stack', 'reason', 'threads', 'dynamic_shared'}


def read_table(file):
    entries = tomllib.loads(file.read_text())['kernel']
    for entry in entries:
        if unknown := set(entry) - KEYS:
            sys.exit(f'{file}: {entry.get("name")}: what is {", ".join(sorted(unknown))}?')
        if entry.get('stack') and not entry.get('reason'):
            sys.exit(f'{file}: {entry["name"]}: stack without a reason')
    return entries


def entry_of(kernel, entries):
    return next((entry for entry in entries if re.fullmatch(entry['name'], kernel.name)), None)


def violations(kernel, entry):
    found = []
    stack = entry.get('stack', 0)
    if kernel.stack > stack or kernel.local > 0:
        found.append(f'{kernel.stack} bytes of stack, {kernel.local} of local memory')
    if not stack and (spills := kernel.instructions['STL'] + kernel.instructions['LDL']):
        found.append(f'{spills} accesses to local memory')
    if kernel.registers > entry['registers']:
        found.append(f'{kernel.registers} registers, {entry["registers"]} are allowed')
    if entry.get('tensor_cores') and kernel.architecture >= 80:
        missing = [x for x in entry.get('needs', TENSOR_CORE_INSTRUCTIONS) if not kernel.instructions[x]]
        if missing:
            found.append(f'no {", ".join(missing)}')
    return found


def check(kernels, entries):
    """Lines that say what is wrong."""
    wrong, used = [], set()
    for kernel in kernels:
        entry = entry_of(kernel, entries)
        if entry is None:
            wrong.append(f'{kernel.name}: in no entry of the table')
            continue
        used.add(entry['name'])
        wrong += [f'sm_{kernel.architecture} {kernel.name}: {what}' for what in violations(kernel, entry)]
    wrong += [f'{entry["name"]}: no kernel has this name' for entry in entries if entry['name'] not in used]
    if not kernels:
        wrong.append('no kernels')
    return list(dict.fromkeys(wrong))


def self_test(nvcc):
    """selftest/NAME.cu: what is wrong with its kernel; '' for the good one."""
    planted = {'good': '', 'spills': 'of stack', 'local_array': 'of stack', 'registers': 'are allowed',
               'plain_product': 'no HMMA', 'unlisted': 'in no entry'}
    failed = False
    for name, expected in planted.items():
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder, 'kernel.o')
            subprocess.run([nvcc, '-std=c++17', '-O3', '-arch=sm_80', '-c', str(HERE / 'selftest' / f'{name}.cu'), '-o',
                            str(made)], check=True, capture_output=True)
            entry = {'name': f'{name}_kernel', 'registers': 48, 'tensor_cores': name in ('good', 'plain_product')}
            found = check(binary.kernels(made), [entry] if name != 'unlisted' else [])
        right = bool(found) == bool(expected) and (not found or any(expected in line for line in found))
        print(f'{"ok" if right else "WRONG":6} {name}: {"; ".join(found) or "nothing found"}')
        failed |= not right
    return failed


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--occupancy', action='store_true')
    arguments.add_argument('--self-test', metavar='NVCC')
    arguments.add_argument('--table', type=pathlib.Path, default=HERE / 'gates.toml')
    arguments.add_argument('library', nargs='?')
    options = arguments.parse_args()
    if options.self_test:
        return self_test(options.self_test)
    kernels, entries = binary.kernels(options.library), read_table(options.table)
    if options.occupancy:
        binary.add_threads(kernels, options.library)
        pairs = [(kernel, entry_of(kernel, entries) or {}) for kernel in kernels]
        print(occupancy.table(pairs))
        wrong = occupancy.impossible(pairs)
        for line in wrong:
            print(line)
        print(f'{len(pairs)} kernels: {len(wrong)} that no multiprocessor holds, or without __launch_bounds__')
        return bool(wrong) or not pairs
    wrong = check(kernels, entries)
    for line in wrong:
        print(line)
    architectures = sorted({kernel.architecture for kernel in kernels})
    print(f'{len(kernels)} kernels for {", ".join(f"sm_{a}" for a in architectures)}: {len(wrong)} violations')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
