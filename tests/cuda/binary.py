"""What is in a CUDA library, as cuobjdump says: registers, stack, shared memory and instructions of every kernel."""

import collections
import math
import os
import re
import subprocess
from dataclasses import dataclass, field


@dataclass
class Kernel:
    name: str  # demangled
    mangled: str
    architecture: int
    registers: int = 0
    stack: int = 0
    local: int = 0
    shared: int = 0  # static
    threads: int = 0  # of a block, by __launch_bounds__ in the library's PTX
    instructions: collections.Counter = field(default_factory=collections.Counter)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def demangled(names):
    """Name -> readable name, without arguments and return type."""
    names = list(names)
    if not names:
        return {}
    lines = subprocess.run(['c++filt'], input='\n'.join(names), check=True, capture_output=True, text=True).stdout
    return {name: _short(line) for name, line in zip(names, lines.splitlines())}


def _short(name):
    name = name.replace('(anonymous namespace)', '<unnamed>')
    depth, end = 0, len(name)
    for position, character in enumerate(name):
        if character == '<':
            depth += 1
        elif character == '>':
            depth -= 1
        elif character == '(' and depth == 0:
            end = position
            break
    depth, start = 0, 0
    for position, character in enumerate(name[:end]):
        if character == '<':
            depth += 1
        elif character == '>':
            depth -= 1
        elif character == ' ' and depth == 0:
            start = position + 1
    return name[start:end]


def kernels(library, cuobjdump=None):
    """All kernels of a library or cubin, of every architecture in it. Device functions that are not inlined count to
    nobody: nvcc gives their stack to the kernels that call them."""
    cuobjdump = cuobjdump or os.environ.get('CUOBJDUMP', 'cuobjdump')
    found = _resources(run(cuobjdump, '-res-usage', str(library)))
    _instructions(run(cuobjdump, '-sass', str(library)), found)
    names = demangled({mangled for _, mangled in found})
    for (_, mangled), kernel in found.items():
        kernel.name = names[mangled]
    return list(found.values())


def names(library, cuobjdump=None):
    """Mangled -> readable name of all kernels of a library."""
    cuobjdump = cuobjdump or os.environ.get('CUOBJDUMP', 'cuobjdump')
    return demangled({mangled for _, mangled in _resources(run(cuobjdump, '-res-usage', str(library)))})


def _resources(text):
    found, architecture, function = {}, 0, None
    for line in text.splitlines():
        if match := re.match(r'\s*arch = sm_(\d+)', line):
            architecture = int(match.group(1))
        elif match := re.match(r'\s*Function (\S+):', line):
            function = match.group(1)
        elif function and 'REG:' in line:
            values = {key: int(value) for key, value in re.findall(r'(\w+(?:\[\d+\])?):(\d+)', line)}
            found[architecture, function] = Kernel('', function, architecture, values['REG'], values['STACK'],
                                                   values['LOCAL'], values['SHARED'])
            function = None
    return found


def _instructions(text, found):
    architecture, kernel = 0, None
    for line in text.splitlines():
        if match := re.match(r'\s*(?:arch = |code for )sm_(\d+)', line):
            architecture, kernel = int(match.group(1)), None
        elif match := re.match(r'\s*Function : (\S+)', line):
            kernel = found.get((architecture, match.group(1)))
        elif kernel and (match := re.match(r'\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9]*)', line)):
            kernel.instructions[match.group(1)] += 1


def add_threads(found, library, cuobjdump=None):
    """Fills in Kernel.threads."""
    text = run(cuobjdump or os.environ.get('CUOBJDUMP', 'cuobjdump'), '-ptx', str(library))
    limits = {}
    for name, sizes in re.findall(r'\.entry\s+(\w+)\s*\([^)]*\)\s*\.maxntid\s+([\d, ]+)', text):
        limits[name] = math.prod(int(size) for size in sizes.split(','))
    for kernel in found:
        kernel.threads = limits.get(kernel.mangled, 0)
