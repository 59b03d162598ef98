"""Loads, stores, atomics, asynchronous copies."""

from ..errors import Unsupported
from ..types import BYTES, FLOATS, HALVES
from . import operation
from .logic import parts

_SPACES = ('global', 'shared', 'local', 'const', 'param')


def space(i):
    """The state space of an access; 'shared::cta' and 'param::entry' are what they begin with."""
    for modifier in i.opcode[1:]:
        if modifier.startswith('shared::cluster'):
            raise Unsupported('distributed shared memory')
        if modifier.partition('::')[0] in _SPACES:
            return modifier.partition('::')[0]
    return 'generic'


@operation('ld', 'ldu')
def load(emitter, i):
    elements, size = parts(i.operands[0]), BYTES[i.type]
    touch = emitter.touch(i, space(i), 'read', size * len(elements))
    loads = ' '.join(emitter.write(element, f'load<{i.type}>(a + {size * k})')
                     for k, element in enumerate(elements) if element != '_')
    return f'{{ const b64 a = {emitter.address(i.operands[1])}; {touch} {loads} }}'


@operation('st')
def store(emitter, i):
    elements, size = parts(i.operands[1]), BYTES[i.type]
    touch = emitter.touch(i, space(i), 'write', size * len(elements))
    stores = ' '.join(f'store(a + {size * k}, {emitter.read(element, i.type)});' for k, element in enumerate(elements))
    return f'{{ const b64 a = {emitter.address(i.operands[0])}; {touch} {stores} }}'


_NEW = {
    'add': 'add(old, x)', 'min': 'min(old, x)', 'max': 'max(old, x)', 'and': 'old & x', 'or': 'old | x',
    'xor': 'old ^ x', 'exch': 'x', 'cas': 'old == x ? y : old', 'inc': 'old >= x ? 0 : old + 1',
    'dec': 'old == 0 || old > x ? x : old - 1',
}


@operation('atom', 'red')
def atomic(emitter, i):
    if i.has('v2', 'v4', 'v8', 'async'):
        raise Unsupported('.'.join(i.opcode))
    name = i.one_of(*_NEW)
    destination = i.operands[0] if i.opcode[0] == 'atom' else '_'
    address, x, *y = i.operands[1:] if i.opcode[0] == 'atom' else i.operands
    touch = emitter.touch(i, space(i), 'atomic', BYTES[i.type])
    values = f'const {i.type} x = {emitter.read(x, i.type)};'
    if name == 'cas':
        values += f' const {i.type} y = {emitter.read(y[0], i.type)};'
    emitter.count('other_floats' if i.type in FLOATS or i.type in HALVES else 'integers', 1)
    new = f'each<{i.type}>([](auto old, auto x) {{ return {_NEW[name]}; }}, old, x)' if i.type.endswith('x2') else _NEW[name]
    return (f'{{ const b64 a = {emitter.address(address)}; {values} {touch} const auto old = load<{i.type}>(a); '
            f'store(a, static_cast<{i.type}>({new})); {emitter.write(destination, "old")} }}')


@operation('cp')
def copy_async(emitter, i):
    if i.opcode[1] != 'async' or i.has('bulk', 'mbarrier'):
        raise Unsupported('.'.join(i.opcode))
    if i.has('commit_group'):
        return 'commit_async_copies();'
    if i.has('wait_group'):
        return f'wait_async_copies({emitter.read(i.operands[0], "u32")});'
    if i.has('wait_all'):
        return 'commit_async_copies(); wait_async_copies(0);'
    destination, source, size, *valid = i.operands
    if valid and emitter.is_predicate(valid[0]):
        raise Unsupported('cp.async with ignore-src')
    read = emitter.observe(i, 'global', 'read', int(size), 'source')
    written = emitter.observe(i, 'shared', 'write', int(size), 'target')
    count = emitter.read(valid[0], 'u32') if valid else f'{size}u'
    return (f'{{ const b64 target = {emitter.address(destination)}, source = {emitter.address(source)}; '
            f'const u32 valid = {count}; if (valid != 0) {{ {read} }} {written} '
            f'copy_async(target, source, {size}, valid, {emitter.place(i)}); }}')


@operation('isspacep')
def is_space(emitter, i):
    name = i.opcode[1].partition('::')[0]
    if name not in ('shared', 'global', 'local', 'const'):
        raise Unsupported('.'.join(i.opcode))
    return emitter.write(i.operands[0], f'is_{name}({emitter.read(i.operands[1], "b64")})')
