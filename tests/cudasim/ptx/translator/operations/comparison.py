"""setp, set, selp, slct, testp."""

from ..errors import Unsupported
from ..types import BYTES, FLOATS, HALVES
from . import operation

_SYMBOLS = {'eq': '==', 'ne': '!=', 'lt': '<', 'le': '<=', 'gt': '>', 'ge': '>=',
            'lo': '<', 'ls': '<=', 'hi': '>', 'hs': '>='}


def compare(relation, a, b, ptx_type, flush=False):
    """A C++ condition. A relation with u is true when an operand is NaN, the others are false then."""
    if ptx_type in HALVES:
        a, b = f'widen({a})', f'widen({b})'
    if flush and ptx_type == 'f32':
        a, b = f'ftz({a})', f'ftz({b})'
    floating = ptx_type in FLOATS or ptx_type in HALVES
    if relation == 'num':
        return f'!unordered({a}, {b})'
    if relation == 'nan':
        return f'unordered({a}, {b})'
    if floating and len(relation) == 3:
        return f'(unordered({a}, {b}) || {a} {_SYMBOLS[relation[:2]]} {b})'
    if floating and relation == 'ne':
        return f'({a} < {b} || {a} > {b})'
    return f'({a} {_SYMBOLS[relation]} {b})'


def operand_type(relation, ptx_type):
    """lo, ls, hi and hs compare unsigned whatever the type says."""
    return f'u{8 * BYTES[ptx_type]}' if relation in ('lo', 'ls', 'hi', 'hs') else ptx_type


def halves(emitter, operand, ptx_type):
    """Low and high half of a pair as values."""
    value = emitter.read(operand, 'b32')
    half = ptx_type.removesuffix('x2')
    return f'as<{half}>({value})', f'as<{half}>({value} >> 16)'


@operation('setp')
def setp(emitter, i):
    emitter.count('integers', 1)
    relation, ptx_type = i.opcode[1], operand_type(i.opcode[1], i.type)
    destination, a, b, *source = i.operands
    if ptx_type.endswith('x2'):
        (a_low, a_high), (b_low, b_high) = halves(emitter, a, ptx_type), halves(emitter, b, ptx_type)
        half = ptx_type.removesuffix('x2')
        low, high = compare(relation, a_low, b_low, half), compare(relation, a_high, b_high, half)
        p, q = destination.split('|')
        return f'{{ const bool low = {low}, high = {high}; {emitter.write(p, "low")} {emitter.write(q, "high")} }}'
    condition = compare(relation, emitter.read(a, ptx_type), emitter.read(b, ptx_type), ptx_type, i.has('ftz'))
    p, _, q = destination.partition('|')

    def combined(value):
        join = i.one_of('and', 'or', 'xor')
        return f'({value} {dict(and_="&&", or_="||", xor_="!=")[join + "_"]} {emitter.read(source[0], "pred")})' if join else value

    if not q:
        return emitter.write(p, combined(condition))
    return (f'{{ const bool is = {condition}, p = {combined("is")}, q = {combined("!is")}; '
            f'{emitter.write(p, "p")} {emitter.write(q, "q")} }}')


@operation('set')
def set_(emitter, i):
    emitter.count('integers', 1)
    relation, result, ptx_type = i.opcode[1], i.opcode[-2], operand_type(i.opcode[1], i.opcode[-1])
    if i.has('and', 'or', 'xor'):
        raise Unsupported('set with a boolean operation')
    destination, a, b = i.operands
    if ptx_type.endswith('x2'):
        half = ptx_type.removesuffix('x2')
        yes = {'f16x2': 0x3C00, 'bf16x2': 0x3F80, 'u32': 0xFFFF, 's32': 0xFFFF}[result]
        pairs = zip(halves(emitter, a, ptx_type), halves(emitter, b, ptx_type))
        low, high = (f'({compare(relation, x, y, half)} ? {yes}u : 0u)' for x, y in pairs)
        return emitter.write(destination, f'{low} | {high} << 16')
    yes = {'f16': '0x3C00u', 'bf16': '0x3F80u', 'f32': '0x3F800000u', 'u32': '~0u', 's32': '~0u'}[result]
    condition = compare(relation, emitter.read(a, ptx_type), emitter.read(b, ptx_type), ptx_type, i.has('ftz'))
    return emitter.write(destination, f'{condition} ? {yes} : 0u')


@operation('selp')
def selp(emitter, i):
    emitter.count('integers', 1)
    destination, a, b, condition = i.operands
    return emitter.write(destination, f'{emitter.read(condition, "pred")} ? {emitter.read(a, i.type)} : '
                                      f'{emitter.read(b, i.type)}')


@operation('slct')
def slct(emitter, i):
    emitter.count('integers', 1)
    destination, a, b, c = i.operands
    result = i.opcode[-2]
    return emitter.write(destination, f'{emitter.read(c, i.type)} >= 0 ? {emitter.read(a, result)} : '
                                      f'{emitter.read(b, result)}')


@operation('testp')
def testp(emitter, i):
    emitter.count('integers', 1)
    return emitter.write(i.operands[0], f'testp_{i.opcode[1]}({emitter.read(i.operands[1], i.type)})')
