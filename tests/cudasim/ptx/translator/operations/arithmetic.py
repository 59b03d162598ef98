"""Integer, f32, f64 and half arithmetic."""

from ..errors import Unsupported
from ..types import FLOATS, HALVES
from . import operation

ROUNDINGS = {'rz': 'kZero', 'rzi': 'kZero', 'rm': 'kDown', 'rmi': 'kDown', 'rp': 'kUp', 'rpi': 'kUp', 'rna': 'kAway'}


def rounding(instruction):
    """The C++ of the rounding mode, '' for to nearest."""
    mode = instruction.one_of(*ROUNDINGS)
    return f'Rounding::{ROUNDINGS[mode]}' if mode else ''


def call(emitter, instruction, function, operands, ptx_type):
    """function(operands) with the modifiers .ftz, .rz/.rm/.rp, .sat and .relu of floating point, in halves of a pair."""
    arguments = [emitter.read(operand, ptx_type) for operand in operands]
    if instruction.has('xorsign'):
        raise Unsupported('xorsign')
    if instruction.has('NaN'):
        function += '_nan'
    if ptx_type.endswith('x2'):
        names = ', '.join(f'auto x{i}' for i in range(len(arguments)))
        body = f'{function}({", ".join(f"x{i}" for i in range(len(arguments)))})'
        for modifier, wrapper in (('sat', 'saturate'), ('relu', 'relu')):
            if instruction.has(modifier):
                body = f'{wrapper}({body})'
        return f'each<{ptx_type}>([]({names}) {{ return {body}; }}, {", ".join(arguments)})'
    flush = instruction.has('ftz') and ptx_type == 'f32'
    if flush:
        arguments = [f'ftz({argument})' for argument in arguments]
    if rounding(instruction):
        function, arguments = f'{function}_rounded', arguments + [rounding(instruction)]
    result = f'{function}({", ".join(arguments)})'
    if flush:
        result = f'ftz({result})'
    if instruction.has('sat'):
        result = f'saturate({result})'
    if instruction.has('relu'):
        result = f'relu({result})'
    return result


def count(emitter, instruction, multiply_add=False, special=False):
    ptx_type, lanes = instruction.type, 2 if instruction.type.endswith('x2') else 1
    if special:
        emitter.count('special', lanes)
    elif ptx_type in FLOATS or ptx_type in HALVES:
        emitter.count('multiply_adds' if multiply_add else 'other_floats', lanes)
    else:
        emitter.count('integers', 1)


@operation('add', 'sub')
def add(emitter, i):
    if i.has('cc'):
        return carry(emitter, i)
    count(emitter, i)
    if i.type not in FLOATS and i.type not in HALVES and i.has('sat'):
        a, b = (emitter.read(x, i.type) for x in i.operands[1:])
        return emitter.write(i.operands[0], f'{i.opcode[0]}_sat({a}, {b})')
    return emitter.write(i.operands[0], call(emitter, i, i.opcode[0], i.operands[1:], i.type))


@operation('addc', 'subc', 'madc')
def carry(emitter, i):
    """The chains of wide integers: add.cc, addc.cc, addc, … with the condition code in `carry`."""
    emitter.count('integers', 1)
    destination, *operands = i.operands
    values = [emitter.read(x, i.type) for x in operands]
    reads = 'carry' if i.opcode[0].endswith('c') else 'false'
    writes = 'carry' if i.has('cc') else 'ignored'
    name = 'sub_borrow' if i.opcode[0].startswith('sub') else 'add_carry'
    if i.opcode[0].startswith('mad'):
        values = [f'mul_{i.one_of("hi", "lo")}({values[0]}, {values[1]})', values[2]]
    result = emitter.write(destination, f'{name}({values[0]}, {values[1]}, {reads}, {writes})')
    return f'{{ [[maybe_unused]] bool ignored; {result} }}'


@operation('mul', 'mad')
def mul(emitter, i):
    if i.has('cc'):
        return carry(emitter, i)
    count(emitter, i, multiply_add=i.opcode[0] == 'mad')
    destination, a, b, *c = i.operands
    if i.type in FLOATS or i.type in HALVES:
        function = 'mul' if i.opcode[0] == 'mul' else 'fma'
        return emitter.write(destination, call(emitter, i, function, i.operands[1:], i.type))
    if i.has('sat'):
        raise Unsupported('sat')
    result = f'mul_{i.one_of("lo", "hi", "wide")}({emitter.read(a, i.type)}, {emitter.read(b, i.type)})'
    if c:
        wide = f'{i.type[0]}{2 * int(i.type[1:])}' if i.has('wide') else i.type
        result = f'add({result}, {emitter.read(c[0], wide)})'
    return emitter.write(destination, result)


@operation('fma')
def fma(emitter, i):
    count(emitter, i, multiply_add=True)
    return emitter.write(i.operands[0], call(emitter, i, 'fma', i.operands[1:], i.type))


@operation('div', 'min', 'max', 'neg', 'abs', 'rem', 'sad')
def plain(emitter, i):
    count(emitter, i, special=i.opcode[0] == 'div')
    return emitter.write(i.operands[0], call(emitter, i, i.opcode[0], i.operands[1:], i.type))


@operation('rcp', 'sqrt', 'rsqrt', 'ex2', 'lg2', 'sin', 'cos', 'tanh')
def special(emitter, i):
    count(emitter, i, special=True)
    if rounding(i) and i.opcode[0] == 'rcp':
        one = emitter.read('0f3F800000' if i.type == 'f32' else '0d3FF0000000000000', i.type)
        return emitter.write(i.operands[0],
                             f'div_rounded({one}, {emitter.read(i.operands[1], i.type)}, {rounding(i)})')
    return emitter.write(i.operands[0], call(emitter, i, i.opcode[0], i.operands[1:], i.type))


@operation('copysign')
def copysign(emitter, i):
    count(emitter, i)
    return emitter.write(i.operands[0], call(emitter, i, 'copysign', i.operands[1:], i.type))


@operation('popc', 'clz', 'brev')
def bits(emitter, i):
    count(emitter, i)
    return emitter.write(i.operands[0], call(emitter, i, i.opcode[0], i.operands[1:], i.type))


@operation('bfind')
def bfind(emitter, i):
    count(emitter, i)
    function = 'bfind_shift' if i.has('shiftamt') else 'bfind'
    return emitter.write(i.operands[0], f'{function}({emitter.read(i.operands[1], i.type)})')


@operation('bfe', 'bfi')
def field(emitter, i):
    count(emitter, i)
    destination, *values, start, length = i.operands
    arguments = [emitter.read(x, i.type) for x in values] + [emitter.read(x, 'u32') for x in (start, length)]
    return emitter.write(destination, f'{i.opcode[0]}({", ".join(arguments)})')


@operation('bmsk')
def bmsk(emitter, i):
    if not i.has('clamp'):
        raise Unsupported('bmsk.wrap')
    count(emitter, i)
    return emitter.write(i.operands[0], f'bmsk({", ".join(emitter.read(x, "u32") for x in i.operands[1:])})')


@operation('dp4a')
def dp4a(emitter, i):
    count(emitter, i)
    signs = ', '.join('s8' if t == 's32' else 'u8' for t in i.opcode[-2:])
    arguments = ', '.join(emitter.read(x, 'b32') for x in i.operands[1:])
    return emitter.write(i.operands[0], f'dp4a<{signs}>({arguments})')
