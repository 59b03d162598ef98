#!/usr/bin/env python3
"""Profile gates of the CUDA kernels: what the compiled kernels execute, counted on the CPU (tests/cudasim/ptx).

usage: profile_gates.py --library LIB [--documents FOLDER] [--all] [--report] FOLDER   programs cuda_NAME_ptx are in FOLDER
       profile_gates.py --self-test

Every kernel of the library belongs to the first entry of profile.toml whose name, a regular expression, matches all of its
own. The entry says which program, with which arguments, runs it on a shape. In that run, of each kernel of the entry:
  conflicts      at most 1.2 shared-memory wavefronts for an ideal one
  sectors        at least 0.9: sectors that could hold the bytes that a request needs, of those that it fetches
  multiply_adds  at most 1.3 executed for a needed one, if the entry says how many are needed
The first two hold for every hot source line: those with a tenth or more of the kernel's shared-memory wavefronts, or of
the sectors that it loads. An entry with a wider limit has a reason, whose words also stand in kernels.md or kernels/*.md of
the documents. An entry without a program is an exemption of kernels that are not profiled; it needs a reason there, too.
`each` makes several entries of one: {name} of its tables is replaced in name, arguments and needed.

It is an error if a kernel is in no entry, if an entry has no kernel, and if a kernel did not run in its entry's run. Kernels
that this build did not translate (CUDASIM_KERNELS.txt lists those that it did), or that run together with such a one, are
counted and left out; with --all they are errors. It is always an error if no kernel was profiled.

Environment: that of the :ptx tests, LD_LIBRARY_PATH and CUDASIM_KERNELS; CUOBJDUMP.
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
KEYS = {'name', 'program', 'arguments', 'shape', 'needed', 'limits', 'reason', 'each'}


def read_table(file):
    entries = tomllib.loads(file.read_text()).get('kernel', [])
    for entry in entries:
        if unknown := set(entry) - KEYS | set(entry.get('limits', {})) - set(LIMITS):
            sys.exit(f'{file}: {entry.get("name")}: what is {", ".join(sorted(unknown))}?')
    return [single for entry in entries for single in expand(entry)]


def expand(entry):
    """The entries that `each` makes of one."""
    if 'each' not in entry:
        return [entry]
    return [replaced({key: value for key, value in entry.items() if key != 'each'}, values) for values in entry['each']]


def replaced(value, values):
    if isinstance(value, str):
        return re.sub(r'\{(\w+)\}', lambda match: str(values[match[1]]) if match[1] in values else match[0], value)
    if isinstance(value, list):
        return [replaced(item, values) for item in value]
    if isinstance(value, dict):
        return {key: replaced(item, values) for key, item in value.items()}
    return value


def entry_of(name, entries):
    return next((entry for entry in entries if re.fullmatch(entry['name'], name)), None)


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


def check(entry, names, kernels, limits):
    """`names`: the kernels of the entry; `kernels`: those of them that ran."""
    ran = {kernel.name for kernel in kernels}
    found = [f'{name}: did not run in {" ".join(run_of(entry))}' for name in sorted(names - ran)]
    found += [f'{kernel.name}: {what}' for kernel in kernels for what in check_kernel(kernel, limits)]
    need = needed(entry)
    if need is not None and ran:
        executed = sum(kernel.multiply_adds() for kernel in kernels)
        if executed > limits['multiply_adds'] * need:
            found.append(f'{entry["name"]}: {executed:,} multiply-adds for {need:,} needed, {executed / need:.2f} times')
        if executed < need:
            found.append(f'{entry["name"]}: {executed:,} multiply-adds, fewer than {need:,} needed: the formula is wrong')
    return found


def profile_of(run, folder):
    """Its kernels; None if it launches one that this build did not translate."""
    with tempfile.TemporaryDirectory() as temporary:
        file = pathlib.Path(temporary, 'profile.json')
        command = [str(pathlib.Path(folder, f'cuda_{run[0]}_ptx')), *run[1:]]
        result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, CUDASIM_PROFILE=str(file)))
        if result.returncode != 0 and 'cudasim: no translation of kernel' in result.stderr:
            return None
        if result.returncode != 0:
            sys.exit(f'{" ".join(command)} failed:\n{(result.stdout + result.stderr)[-3000:]}')
        kernels = profile_report.read(file)
    names = binary.demangled([kernel.name for kernel in kernels])
    for kernel in kernels:
        kernel.name = names[kernel.name]
    return kernels


class Counts:
    """Of kernels."""

    def __init__(self):
        self.profiled = self.exempt = self.left_out = self.runs = 0


def check_all(entries, library, translated, profile, document, everything=False, report=False):
    """What is wrong, and counts. `library`, `translated`: names of kernels; `profile`: (program, argument...) -> kernels."""
    wrong, counts, profiles, of_entry = [], Counts(), {}, {}
    for name in library:
        entry = entry_of(name, entries)
        if entry is None:
            wrong.append(f'{name}: in no entry of the table')
        else:
            of_entry.setdefault(entry['name'], set()).add(name)
    for entry in entries:
        limits = LIMITS | entry.get('limits', {})
        names = of_entry.get(entry['name'], set())
        wrong += check_reason(entry, document)
        if not names:
            wrong.append(f'{entry["name"]}: no kernel has this name')
        if 'program' not in entry:
            counts.exempt += len(names)
            continue
        missing = names - translated
        counts.left_out += len(missing)
        if everything:
            wrong += [f'{name}: not translated' for name in sorted(missing)]
        names = names & translated
        if not names:
            continue
        run = run_of(entry)
        if run not in profiles:
            profiles[run] = profile(run)
        if profiles[run] is None:
            counts.left_out += len(names)
            if everything:
                wrong.append(f'{" ".join(run)}: launches a kernel that is not translated')
            continue
        ran = [kernel for kernel in profiles[run] if kernel.launches and kernel.name in names]
        counts.profiled += len(ran)
        wrong += check(entry, names, ran, limits)
        if report:
            show(entry, ran)
    counts.runs = sum(kernels is not None for kernels in profiles.values())
    if counts.profiled == 0:
        wrong.append('no kernel was profiled')
    return wrong, counts


def show(entry, kernels):
    """A line for the documents."""
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
    exempt = {'name': 'product', 'reason': 'runs once'}
    other = {'name': 'other', 'reason': 'runs once'}
    small = {'name': 'small', 'program': 'p'}
    template = {'name': 'product<{n}>', 'program': 'p', 'arguments': ['{n}'], 'each': [{'n': 1}, {'n': 2}]}
    all_of = {'product', 'other'}
    # name, entries, what ran, document, how many violations, kernels of the library, translated ones, --all
    cases = [
        ('good', [entry], [good], '', 0), ('conflicts', [entry], [conflicts], '', 1), ('sectors', [entry], [sectors], '', 1),
        ('multiply-adds', [entry], [wasteful], '', 1), ('wrong formula', [entry | {'needed': '2000'}], [good], '', 1),
        ('not run, nothing profiled', [entry], [profile_report.Kernel('product', 0)], '', 2),
        ('in no entry', [entry], [good], '', 1, all_of), ('no such kernel', [entry, other], [good], 'It runs once.', 1),
        ('wide without reason', [wide], [conflicts], '', 1),
        ('wide, reason elsewhere', [wide | {'reason': 'rows are short'}], [conflicts], 'nothing', 1),
        ('wide with reason', [wide | {'reason': 'rows are short'}], [conflicts], 'because rows\nare short.', 0),
        ('exempt without reason', [entry, {'name': 'other'}], [good], '', 1, all_of),
        ('exempt with reason', [entry, other], [good], 'It runs once.', 0, all_of),
        ('all exempt', [exempt], [good], 'It runs once.', 1),
        ('tighter', [entry | {'limits': {'conflicts': 1.05}}], [good], '', 1),
        ('not translated', [entry, small], [good], '', 0, {'product', 'small'}, {'product'}),
        ('not translated, all wanted', [entry, small], [good], '', 1, {'product', 'small'}, {'product'}, True),
        ('nothing translated', [entry], [good], '', 1, {'product'}, set()),
        ('launches what is not translated', [entry], None, '', 1), ('the same, all wanted', [entry], None, '', 2, {'product'}, None, True),
        ('each', expand(template), [profile_report.Kernel('product<1>', 1)], '', 1, {'product<1>', 'product<2>'},
         {'product<1>', 'product<2>'}),
    ]
    failed = False
    for name, entries, kernels, document, expected, *rest in cases:
        library, translated, everything = rest + [{'product'}, None, False][len(rest):]
        found, _ = check_all(entries, library, library if translated is None else translated, lambda run: kernels, document,
                             everything)
        right = len(found) == expected
        print(f'{"ok" if right else "WRONG":6} {name}: {"; ".join(found) or "nothing found"}')
        failed |= not right
    return failed


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--self-test', action='store_true')
    arguments.add_argument('--all', action='store_true')
    arguments.add_argument('--report', action='store_true', help='also print a table of what was counted')
    arguments.add_argument('--documents', type=pathlib.Path)
    arguments.add_argument('--library', type=pathlib.Path)
    arguments.add_argument('--table', type=pathlib.Path, default=HERE / 'profile.toml')
    arguments.add_argument('folder', nargs='?')
    options = arguments.parse_args()
    if options.self_test:
        return self_test()
    library = set(binary.names(options.library).values())
    translated = pathlib.Path(os.environ['CUDASIM_KERNELS'] + '.txt').read_text().split()
    document = ''
    if options.documents:
        pages = [options.documents / 'kernels.md', *sorted((options.documents / 'kernels').glob('*.md'))]
        document = '\n'.join(page.read_text() for page in pages)
    wrong, counts = check_all(read_table(options.table), library, set(binary.demangled(translated).values()),
                              lambda run: profile_of(run, options.folder), document, options.all, options.report)
    for line in wrong:
        print(line)
    print(f'{len(library)} kernels: {counts.profiled} profiled in {counts.runs} runs, {counts.exempt} exempt, '
          f'{counts.left_out} not translated in this build: {len(wrong)} violations')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
