"""The fundamental types of PTX, named in C++ as in PTX (isa/types.h): f32, s16, b64, f16x2, …"""

BYTES = {
    'b8': 1, 'u8': 1, 's8': 1,
    'b16': 2, 'u16': 2, 's16': 2, 'f16': 2, 'bf16': 2,
    'b32': 4, 'u32': 4, 's32': 4, 'f32': 4, 'f16x2': 4, 'bf16x2': 4, 'tf32': 4,
    'b64': 8, 'u64': 8, 's64': 8, 'f64': 8,
    'b128': 16,
}
TYPES = frozenset(BYTES) | {'pred'}
HALVES = frozenset(('f16', 'bf16', 'f16x2', 'bf16x2'))
FLOATS = frozenset(('f32', 'f64'))


def register_type(ptx_type):
    """Registers are kept as bits: of what type a value is, only the instruction that reads it says."""
    return 'pred' if ptx_type == 'pred' else f'b{8 * BYTES[ptx_type]}'


def bits(size):
    return f'b{8 * size}'
