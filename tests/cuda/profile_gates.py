#!/usr/bin/env python3
"""Profile gates of the CUDA kernels: what the compiled kernels execute, counted on the CPU (tests/cudasim/ptx).

usage: profile_gates.py [--document docs/kernels.md] [--report] FOLDER    programs cuda_NAME_ptx are in FOLDER
       profile_gates.py --self-test

profile.toml says which program, with which arguments, runs a kernel on a shape. In each run, of each kernel of an entry:
  conflicts      at most 1.2 shared-memory wavefronts for an ideal one
  sectors        at least 0.9: sectors that could hold the bytes that a request needs, of those that it fetches
  multiply_adds  at most 1.3 executed for a needed one, if the entry says how many are needed
The first two hold for every hot source line: those with a tenth or more of the kernel's shared-memory wavefronts, or of
the sectors that it loads. An entry with a wider limit has a reason, whose words also stand in the document. It is an
error if a kernel of an entry did not run in its run, and if a kernel of the library is in no entry. An entry without a
program is an exemption of kernels that are not profiled; it needs a reason in the document, too.

Environment: that of the :ptx tests, LD_LIBRARY_PATH and CUDASIM_KERNELS.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'cudasim' / 'ptx')]
import binary  # noqa: E402
import profile_report  # noqa: E402

LIMITS = {'conflicts': 1.2, 'sectors': 0.9, 'multiply_adds': 1.3}
HOT = 0.1
KEYS = {'name', 'program', 'arguments', 'shape', 'needed', 'limits', 'reason'}


def read_table(file):
    entries = tomllib.loads(file.read_text()).get('kernel', [])
    for entry in entries:
        if unknown := set(entry) - KEYS | set(entry.get('limits', {})) - set(LIMITS):
            sys.exit(f'{file}: {entry.get("name")}: what is {", ".join(sorted(unknown))}?')
    return entries


def needed(entry):
    """Multiply-adds by the entry's formula over its shape; None if there is no formula."""
    if 'needed' not in entry:
        return None
    return eval(entry['needed'], {'__builtins__': {}}, dict(entry.get('shape', {})))  # the table is ours


def words(text):
    return ' '.join(text.split())


def check_reason(entry, document):
    if 'program' not in entry and not entry.get('reason'):
        return [f'{entry["name"]}: not profiled, without a reason']
    looser = [key for key, limit in entry.get('limits', {}).items()
              if (limit < LIMITS[key] if key == 'sectors' else limit > LIMITS[key])]
    if not looser and 'program' in entry:
        return []
    if not entry.get('reason'):
        return [f'{entry["name"]}: a wider limit of {", ".join(looser)} without a reason']
    if words(entry['reason']) not in words(document):
        return [f'{entry["name"]}: its reason is not in the document: {entry["reason"]}']
    return []


def check_kernel(kernel, limits):
    found = []
    shared = [a for a in kernel.accesses if a.space == 'shared']
    loads = [a for a in kernel.accesses if a.space == 'global' and a.access == 'read']
    all_wavefronts, all_sectors = sum(a.wavefronts for a in shared), sum(a.sectors for a in loads)
    for a in shared:
        if a.wavefronts >= HOT * all_wavefronts and a.conflicts > limits['conflicts']:
            found.append(f'{place(a)}: {a.access} of shared memory: {a.conflicts:.2f} wavefronts for an ideal one')
    for a in loads:
        if a.sectors >= HOT * all_sectors and a.sector_use < limits['sectors']:
            found.append(f'{place(a)}: {100 * a.sector_use:.0f} % of the sectors loaded are needed')
    return found


def place(access):
    return f'{pathlib.Path(access.file).name}:{access.line}'


def run_of(entry):
    """Program and arguments."""
    return (entry['program'], *entry.get('arguments', []))


def check(entry, kernels, limits):
    """`kernels`: those of the entry that ran."""
    if not kernels:
        return [f'{entry["name"]}: did not run in {" ".join(run_of(entry))}']
    found = [f'{kernel.name}: {what}' for kernel in kernels for what in check_kernel(kernel, limits)]
    need = needed(entry)
    if need is not None:
        executed = sum(kernel.multiply_adds() for kernel in kernels)
        if executed > limits['multiply_adds'] * need:
            found.append(f'{entry["name"]}: {executed:,} multiply-adds for {need:,} needed, {executed / need:.2f} times')
        if executed < need:
            found.append(f'{entry["name"]}: {executed:,} multiply-adds, fewer than {need:,} needed: the formula is wrong')
    return found


def profile_of(run, folder):
    with tempfile.TemporaryDirectory() as temporary:
        file = pathlib.Path(temporary, 'profile.json')
        command = [str(pathlib.Path(folder, f'cuda_{run[0]}_ptx')), *run[1:]]
        result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, CUDASIM_PROFILE=str(file)))
        if result.returncode != 0:
            sys.exit(f'{" ".join(command)} failed:\n{(result.stdout + result.stderr)[-3000:]}')
        kernels = profile_report.read(file)
    names = binary.demangled([kernel.name for kernel in kernels])
    for kernel in kernels:
        kernel.name = names[kernel.name]
    return kernels


def check_all(entries, profiles, document, report=False):
    """`profiles`: (program, argument...) -> kernels."""
    wrong, existing = [], {kernel.name for kernels in profiles.values() for kernel in kernels}
    for entry in entries:
        limits = LIMITS | entry.get('limits', {})
        wrong += check_reason(entry, document)
        if 'program' not in entry:
            continue
        ran = [kernel for kernel in profiles[run_of(entry)]
               if kernel.launches and re.fullmatch(entry['name'], kernel.name)]
        wrong += check(entry, ran, limits)
        if report:
            show(entry, ran)
    wrong += [f'{name}: in no entry of the table' for name in sorted(existing)
              if not any(re.fullmatch(entry['name'], name) for entry in entries)]
    return wrong


def show(entry, kernels):
    """A line for the document."""
    shared, loads = profile_report.Access(), profile_report.Access()
    for kernel in kernels:
        for kind in ('read', 'write', 'atomic'):
            shared.add(kernel.total('shared', kind))
        loads.add(kernel.total('global', 'read'))
    need, executed = needed(entry), sum(kernel.multiply_adds() for kernel in kernels)
    ratio = f'{executed / need:.3f}' if need else '-'
    print(f'| `{entry["name"]}` | {entry.get("shape", "")} | {executed:,} | {ratio} | {shared.conflicts:.2f} | '
          f'{100 * loads.sector_use:.0f} % |')


def self_test():
    access = profile_report.Access
    good = profile_report.Kernel('product', 1, [{'operation': 'multiply_adds', 'count': 1200}],
                                 [access('k.cu', 5, 'shared', 'read', 4, 100, 110, 100), access('k.cu', 6, 'shared', 'write', 4, 1, 8, 1),
                                  access('k.cu', 7, 'global', 'read', 4, 100, sectors=400, needed_sectors=390)])
    conflicts = profile_report.Kernel('product', 1, good.work, [access('k.cu', 5, 'shared', 'read', 4, 100, 130, 100)])
    sectors = profile_report.Kernel('product', 1, good.work, [access('k.cu', 7, 'global', 'read', 4, 100, sectors=800, needed_sectors=400)])
    wasteful = profile_report.Kernel('product', 1, [{'operation': 'multiply_adds', 'count': 1301}])
    entry = {'name': 'product', 'program': 'p', 'shape': {'n': 10}, 'needed': 'n * n * 10'}
    wide = entry | {'limits': {'conflicts': 2.0}}
    cases = [
        ('good', entry, [good], '', 0), ('conflicts', entry, [conflicts], '', 1), ('sectors', entry, [sectors], '', 1),
        ('multiply-adds', entry, [wasteful], '', 1), ('wrong formula', entry | {'needed': '2000'}, [good], '', 1),
        ('not run', entry, [profile_report.Kernel('product', 0)], '', 1),
        ('in no entry', entry, [good, profile_report.Kernel('other', 0)], '', 1),
        ('wide without reason', wide, [conflicts], '', 1),
        ('wide, reason elsewhere', wide | {'reason': 'rows are short'}, [conflicts], 'nothing', 1),
        ('wide with reason', wide | {'reason': 'rows are short'}, [conflicts], 'because rows\nare short.', 0),
        ('exempt without reason', {'name': 'product'}, [good], '', 1),
        ('exempt with reason', {'name': 'product', 'reason': 'runs once'}, [good], 'It runs once.', 0),
        ('tighter', entry | {'limits': {'conflicts': 1.05}}, [good], '', 1),
    ]
    failed = False
    for name, table_entry, kernels, document, expected in cases:
        found = check_all([table_entry], {('p',): kernels}, document)
        right = len(found) == expected
        print(f'{"ok" if right else "WRONG":6} {name}: {"; ".join(found) or "nothing found"}')
        failed |= not right
    return failed


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--self-test', action='store_true')
    arguments.add_argument('--report', action='store_true', help='also print a table of what was counted')
    arguments.add_argument('--document', type=pathlib.Path)
    arguments.add_argument('--table', type=pathlib.Path, default=HERE / 'profile.toml')
    arguments.add_argument('folder', nargs='?')
    options = arguments.parse_args()
    if options.self_test:
        return self_test()
    entries = read_table(options.table)
    runs = sorted({run_of(entry) for entry in entries if 'program' in entry})
    profiles = {run: profile_of(run, options.folder) for run in runs}
    document = options.document.read_text() if options.document and options.document.exists() else ''
    wrong = check_all(entries, profiles, document, options.report)
    for line in wrong:
        print(line)
    print(f'{len(entries)} entries, {len(runs)} runs: {len(wrong)} violations')
    return bool(wrong) or not entries


if __name__ == '__main__':
    sys.exit(main())
