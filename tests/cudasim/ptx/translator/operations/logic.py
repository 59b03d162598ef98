"""Bitwise logic, shifts, permutations and mov."""

from ..errors import Unsupported
from ..parser import split
from ..types import BYTES, bits
from . import operation


@operation('and', 'or', 'xor')
def binary(emitter, i):
    emitter.count('integers', 1)
    a, b = (emitter.read(x, i.type) for x in i.operands[1:])
    symbol = {'and': '&', 'or': '|', 'xor': '^'}[i.opcode[0]]
    if i.type == 'pred':
        symbol = {'&': '&&', '|': '||', '^': '!='}[symbol]
    return emitter.write(i.operands[0], f'{a} {symbol} {b}')


@operation('not')
def not_(emitter, i):
    emitter.count('integers', 1)
    return emitter.write(i.operands[0], f'{"!" if i.type == "pred" else "~"}{emitter.read(i.operands[1], i.type)}')


@operation('cnot')
def cnot(emitter, i):
    emitter.count('integers', 1)
    return emitter.write(i.operands[0], f'{emitter.read(i.operands[1], i.type)} == 0')


@operation('shl', 'shr')
def shift(emitter, i):
    emitter.count('integers', 1)
    return emitter.write(i.operands[0], f'{i.opcode[0]}({emitter.read(i.operands[1], i.type)}, '
                                        f'{emitter.read(i.operands[2], "u32")})')


@operation('shf')
def funnel(emitter, i):
    emitter.count('integers', 1)
    low, high = (emitter.read(x, 'b32') for x in i.operands[1:3])
    distance = emitter.read(i.operands[3], 'u32')
    distance = f'({distance} & 31)' if i.has('wrap') else f'min({distance}, 32u)'
    return emitter.write(i.operands[0], f'shf_{i.opcode[1]}({low}, {high}, {distance})')


@operation('lop3')
def lop3(emitter, i):
    if '|' in i.operands[0] or i.has('and', 'or'):
        raise Unsupported('lop3 with a predicate')
    emitter.count('integers', 1)
    a, b, c = (emitter.read(x, 'b32') for x in i.operands[1:4])
    return emitter.write(i.operands[0], f'lop3({a}, {b}, {c}, {i.operands[4]})')


@operation('prmt')
def prmt(emitter, i):
    if i.type != 'b32':
        raise Unsupported('prmt with a mode')
    emitter.count('integers', 1)
    return emitter.write(i.operands[0], f'prmt({", ".join(emitter.read(x, "b32") for x in i.operands[1:])})')


@operation('mov')
def mov(emitter, i):
    destination, source = i.operands
    if destination.startswith('{'):
        return _unpack(emitter, i, destination, source)
    if source.startswith('{'):
        return _pack(emitter, i, destination, source)
    return emitter.write(destination, emitter.read(source, i.type))


def parts(operand):
    """The elements of {a, b, …}, or the operand itself."""
    return split(operand[1:-1]) if operand.startswith('{') else [operand]


def _unpack(emitter, i, destination, source):
    elements = parts(destination)
    size = BYTES[i.type] // len(elements)
    writes = ' '.join(emitter.write(element, f'as<{bits(size)}>(whole >> {8 * size * k})')
                      for k, element in enumerate(elements) if element != '_')
    return f'{{ const {bits(BYTES[i.type])} whole = {emitter.read(source, bits(BYTES[i.type]))}; {writes} }}'


def _pack(emitter, i, destination, source):
    elements, whole = parts(source), bits(BYTES[i.type])
    size = BYTES[i.type] // len(elements)
    joined = ' | '.join(f'static_cast<{whole}>({whole}{{{emitter.read(element, bits(size))}}} << {8 * size * k})'
                        for k, element in enumerate(elements))
    return emitter.write(destination, joined)
