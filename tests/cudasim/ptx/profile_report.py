#!/usr/bin/env python3
"""Shows a profile (CUDASIM_PROFILE): what each kernel executed and how well its accesses fit, by source line.

usage: profile_report.py FILE
What the counts mean: profile.h.
"""

import json
import pathlib
import sys
from dataclasses import dataclass, field


@dataclass
class Access:
    file: str = ''
    line: int = 0
    space: str = ''
    access: str = ''
    bytes: int = 0
    requests: int = 0
    wavefronts: int = 0
    ideal_wavefronts: int = 0
    sectors: int = 0
    needed_sectors: int = 0

    def add(self, other):
        for name in ('requests', 'wavefronts', 'ideal_wavefronts', 'sectors', 'needed_sectors'):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def conflicts(self):
        """Wavefronts for each ideal one."""
        return self.wavefronts / max(self.ideal_wavefronts, 1)

    @property
    def sector_use(self):
        return self.needed_sectors / max(self.sectors, 1)


@dataclass
class Kernel:
    name: str
    launches: int
    work: list = field(default_factory=list)  # {'file', 'line', 'operation', 'count'}
    accesses: list = field(default_factory=list)  # one a line, space, kind and width

    def operations(self, kind):
        return sum(work['count'] for work in self.work if work['operation'] == kind)

    def multiply_adds(self):
        return self.operations('multiply_adds') + self.operations('tensor_multiply_adds')

    def total(self, space, kind):
        result = Access()
        for access in self.accesses:
            if access.space == space and access.access == kind:
                result.add(access)
        return result


def read(file):
    kernels = []
    for entry in json.loads(pathlib.Path(file).read_text())['kernels']:
        lines = {}
        for values in entry['accesses']:
            access = Access(**values)
            key = (access.file, access.line, access.space, access.access, access.bytes)
            if key in lines:
                lines[key].add(access)
            else:
                lines[key] = access
        kernels.append(Kernel(entry['name'], entry['launches'], entry['operations'], list(lines.values())))
    return kernels


def show(kernel):
    print(f'{kernel.name}: {kernel.launches} launches')
    kinds = {work['operation'] for work in kernel.work}
    print('  ' + ', '.join(f'{kernel.operations(kind):,} {kind.replace("_", " ")}' for kind in sorted(kinds)))
    for a in sorted(kernel.accesses, key=lambda a: (a.file, a.line)):
        place = f'{pathlib.Path(a.file).name}:{a.line}'
        fit = (f'{a.conflicts:.2f} wavefronts for an ideal one' if a.space == 'shared'
               else f'{a.sectors / a.requests:.1f} sectors a request, {100 * a.sector_use:.0f} % needed')
        print(f'  {place:32} {a.space:6} {a.access:6} {a.bytes:2} bytes x {a.requests:8,}: {fit}')


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for profiled in read(sys.argv[1]):
        if profiled.launches:
            show(profiled)
