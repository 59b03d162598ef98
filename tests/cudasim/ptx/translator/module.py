"""The C++ files of a PTX module: one per kernel, so that a change in one compiles one, and one of its variables."""

import hashlib
import re
import struct
from dataclasses import dataclass

from .emit import FunctionEmitter, KernelContext, identifier
from .types import BYTES

_KINDS = {'read': 'Access::kRead', 'write': 'Access::kWrite', 'atomic': 'Access::kAtomic'}
_SPACES = {'generic': 'Space::kAny', 'global': 'Space::kGlobal', 'shared': 'Space::kShared'}
# Beyond, compilers' time and memory grow faster than a function: 40,000 lines take minutes and gigabytes. Most of such a
# kernel are unrolled loops that tests go through once, and what its instructions call is optimised in any case.
_MOST_OPTIMISED_LINES = 8000


@dataclass
class Translation:
    files: dict  # name -> C++
    unsupported: dict  # kernel -> opcodes
    kernels: dict  # kernel -> its file


def translate(module, only=''):
    """Of the kernels whose names hold a match of `only`. The files' names say their content: a file whose name is known
    need not be compiled again."""
    variables = {v.name: v for v in module.variables if v.space in ('global', 'const')}
    prefix = 'm' + _digest(repr(sorted(variables.items())))[:8]
    symbols = {name: f'address_of({prefix}_{identifier(name)})' for name in variables}
    symbols |= {v.name: 'dynamic_shared()' for v in module.variables if v.space == 'shared' and not v.count}
    statics = [v for v in module.variables if v.space == 'shared' and v.count]
    result = Translation({}, {}, {})
    if variables:
        result.files.update(_file('variables', _variables(variables.values(), prefix, result.unsupported)))
    functions = {f.name: f for f in module.functions if not f.is_entry}
    for entry in (f for f in module.functions if f.is_entry and re.search(only, f.name)):
        text, unsupported = _kernel(entry, functions, symbols, statics, module, variables, prefix)
        file = _file(entry.name, text)
        result.files.update(file)
        result.kernels[entry.name] = next(iter(file))
        if unsupported:
            result.unsupported[entry.name] = unsupported
    return result


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _file(name, text):
    return {f'{re.sub(r"[^A-Za-z0-9]", "_", name)[:60]}-{_digest(text)[:16]}.cpp': text}


def _quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def _kernel(entry, functions, symbols, statics, module, variables, prefix):
    context = KernelContext()
    symbols = symbols | {v.name: f'(shared + {context.place(v)})' for v in statics}
    emitters, definitions, pending = [], [], [entry]
    seen = {entry.name}
    while pending:
        emitter = FunctionEmitter(pending.pop(0), symbols, context, len(emitters))
        definitions.append(emitter.emit())
        emitters.append(emitter)
        for name in sorted(emitter.calls - seen):
            seen.add(name)
            if name in functions:
                pending.append(functions[name])
            else:
                emitter.unsupported.add(f'call {name}')
    count = sum(map(len, definitions))
    attributes = '__attribute__((optimize(0))) ' if count > _MOST_OPTIMISED_LINES else ''
    text = '\n'.join(definition for lines in definitions for definition in lines)
    used = [name for name in variables if f'{prefix}_{identifier(name)}' in text]
    lines = [f'// Translated from the PTX of {entry.name}.', '#include "cudasim/ptx/isa.h"', '',
             'namespace infill::cudasim::ptx {']
    lines += [f'extern unsigned char* const {prefix}_{identifier(name)};' for name in used]
    lines.append('namespace {')
    tables = [line for emitter in emitters for line in _tables(emitter)]
    lines += [f'[[maybe_unused]] constexpr const char {name}[] = {_quoted(file)};' for file, name in context.files.items()]
    lines += tables
    lines += [f'{attributes}{emitter.signature()};' for emitter in emitters]
    missing = sorted({name for e in emitters for name in e.calls} - set(functions))
    lines += [f'template <class... T> void {identifier(name)}(T...) {{ unsupported({_quoted("call " + name)}); }}'
              for name in missing]
    lines.append(text)
    lines += _registration(entry, emitters, context, module)
    lines += ['}  // namespace', '}  // namespace infill::cudasim::ptx', '']
    return '\n'.join(lines), sorted(set().union(*(emitter.unsupported for emitter in emitters)))


def _tables(emitter):
    """Sites of accesses, counters of blocks, operations of blocks: of one function."""
    number = emitter.number
    sites = [f'{{{emitter.context.site(s.location)}, {_SPACES[s.space]}, {_KINDS[s.kind]}, {s.bytes}}},'
             for s in emitter.sites]
    work = [f'{{{block}, {emitter.context.site(location)}, Operation::{kind}, {number}}},'
            for (block, location), kinds in emitter.work.items() for kind, number in kinds.items()]
    return [f'[[maybe_unused]] constexpr AccessSite sites{number}[] = {{{" ".join(sites) or "{}"}}};',
            f'constexpr Work work{number}[] = {{{" ".join(work) or "{}"}}};',
            f'b64 blocks{number}[{emitter.blocks()}];']


def _registration(entry, emitters, context, module):
    parameters, size = emitters[0].parameters()
    parts = ' '.join(f'{{sites{e.number}, {len(e.sites)}, work{e.number}, {sum(map(len, e.work.values()))}, '
                     f'blocks{e.number}, {e.blocks()}}},' for e in emitters)
    fields = ' '.join(f'{{{offset}, {length}}},' for _, offset, length in parameters)
    arrays = ' '.join(f'{{{_quoted(name)}, {offset}, {length}}},' for name, offset, length in context.arrays)
    architecture = re.sub(r'\D', '', module.target)
    return [f'const FunctionTables parts[] = {{{parts}}};',
            f'const Kernel kernel{{{_quoted(entry.name)}, {identifier(entry.name)}, {{{fields}}}, {size}, '
            f'{{{arrays}}}, {context.bytes}, {entry.max_threads}, {architecture}, parts}};',
            'const KernelRegistration registration{kernel};']


def _variables(variables, prefix, unsupported):
    lines = ['// Variables of a PTX module.', '#include "cudasim/ptx/kernel.h"', '', 'namespace infill::cudasim::ptx {']
    for v in variables:
        name, size = f'{prefix}_{identifier(v.name)}', max(v.bytes, 1)
        content = _initial_bytes(v)
        if content is None:
            unsupported.setdefault(v.name, []).append('initial value that is an address')
            content = b''
        values = ', '.join(map(str, content))
        lines += [f'constexpr unsigned char {name}initial[{size}] = {{{values}}};',
                  f'extern unsigned char* const {name};',
                  f'unsigned char* const {name} = make_variable({_quoted(v.name)}, {name}initial, {v.bytes});']
    return '\n'.join(lines + ['}  // namespace infill::cudasim::ptx', ''])


def _initial_bytes(variable):
    width, content = BYTES[variable.type], b''
    for value in variable.initial:
        if match := re.fullmatch(r'0[fFdD]([0-9A-Fa-f]+)', value):
            number = int(match.group(1), 16)
        elif re.fullmatch(r'-?\d+\.\d+', value):
            number = int.from_bytes(struct.pack('<d' if width == 8 else '<f', float(value)), 'little')
        elif re.fullmatch(r'-?(0x[0-9A-Fa-f]+|\d+)U?', value):
            number = int(value.rstrip('U'), 0)
        else:
            return None
        content += (number % (1 << 8 * width)).to_bytes(width, 'little')
    return content
