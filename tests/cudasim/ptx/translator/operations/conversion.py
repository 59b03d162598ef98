"""cvt, and cvta (generic and shared addresses are the same numbers here)."""

from ..errors import Unsupported
from ..types import FLOATS
from . import operation
from .arithmetic import rounding

_INTEGER_ROUNDINGS = ('rni', 'rzi', 'rmi', 'rpi')


@operation('cvta')
def cvta(emitter, i):
    emitter.count('integers', 1)
    return emitter.write(i.operands[0], emitter.read(i.operands[1], i.type))


@operation('cvt')
def cvt(emitter, i):
    emitter.count('conversions', 1)
    to, source_type = i.opcode[-2], i.opcode[-1]
    destination, source, *second = i.operands
    mode = rounding(i) or 'Rounding::kNearest'
    if i.has('satfinite', 'scaled', 'rs') or to not in _KNOWN or source_type not in _KNOWN:
        raise Unsupported('cvt')
    value = emitter.read(source, source_type)
    if to in ('f16x2', 'bf16x2'):
        high, low = (f'relu_({emitter.read(x, "f32")})' if i.has('relu') else emitter.read(x, 'f32')
                     for x in (source, second[0]))
        return emitter.write(destination, f'pack<{to}>({high}, {low}, {mode})')
    if to == 'tf32':
        return emitter.write(destination, f'to_tf32({value}, {mode})')
    if source_type in _HALF:
        value, source_type = f'widen({value})', 'f32'
    if source_type in FLOATS:
        return emitter.write(destination, _from_float(i, value, source_type, to, mode))
    return emitter.write(destination, _from_integer(i, value, source_type, to, mode))


_HALF = ('f16', 'bf16')
_INTEGERS = tuple(f'{sign}{width}' for sign in 'us' for width in (8, 16, 32, 64))
_KNOWN = _INTEGERS + _HALF + ('f32', 'f64', 'f16x2', 'bf16x2', 'tf32')


def _from_float(i, value, source_type, to, mode):
    if i.has('ftz') and source_type == 'f32':
        value = f'ftz({value})'
    if to in _INTEGERS:
        return f'float_to_integer<{to}>({value}, {mode})'
    if i.has(*_INTEGER_ROUNDINGS):
        value = f'round_to_integer({value}, {mode})'
    if i.has('sat'):
        value = f'saturate({value})'
    if i.has('relu'):
        value = f'relu_({value})'
    if to in _HALF:
        return f'to_half<{to}>({value}, {mode})'
    if to == 'f32' and source_type == 'f64':
        value = f'narrow_rounded({value}, {mode})' if mode != 'Rounding::kNearest' else f'static_cast<f32>({value})'
        return f'ftz({value})' if i.has('ftz') else value
    return f'static_cast<{to}>({value})'


def _from_integer(i, value, source_type, to, mode):
    if to in _INTEGERS:
        return f'clamp_to<{to}>({value})' if i.has('sat') else f'static_cast<{to}>({value})'
    if to in _HALF:
        if source_type in ('s64', 'u64'):
            raise Unsupported('cvt of 64-bit integers to half')  # would round twice
        value = f'to_half<{to}>(static_cast<f64>({value}), {mode})'
    else:
        value = f'integer_to_float<{to}>({value}, {mode})'
    return f'saturate({value})' if i.has('sat') else value
