"""Tensor cores: ldmatrix, mma.sync with f32 accumulators."""

from ..errors import Unsupported
from . import operation
from .logic import parts


@operation('ldmatrix')
def ldmatrix(emitter, i):
    matrices = {'x1': 1, 'x2': 2, 'x4': 4}.get(i.one_of('x1', 'x2', 'x4'))
    if not i.has('m8n8') or i.type != 'b16' or not matrices:
        raise Unsupported('.'.join(i.opcode))
    observe = emitter.observe(i, 'shared', 'read', 16, 'a')
    writes = ' '.join(emitter.write(x, f'loaded[{k}]') for k, x in enumerate(parts(i.operands[0])))
    return (f'{{ const b64 a = {emitter.address(i.operands[1])}; if (laneid() < {8 * matrices}) {{ {observe} }} '
            f'b32 loaded[{matrices}]; load_matrices(loaded, {"true" if i.has("trans") else "false"}, a, '
            f'{emitter.place(i)}); {writes} }}')


# Shape and type of A and B: registers of A and of B in a lane.
_FORMS = {
    ('m16n8k16', 'f16'): (4, 2), ('m16n8k16', 'bf16'): (4, 2), ('m16n8k8', 'f16'): (2, 1), ('m16n8k8', 'bf16'): (2, 1),
    ('m16n8k8', 'tf32'): (4, 2), ('m16n8k4', 'tf32'): (2, 1),
}


@operation('mma')
def mma(emitter, i):
    shape, types = next(x for x in i.opcode if x.startswith('m16n8')), i.opcode[-4:]
    if (shape, types[1]) not in _FORMS or types[0] != 'f32' or types[1] != types[2] or types[3] != 'f32' \
            or not (i.has('row') and i.has('col')) or i.has('sp'):
        raise Unsupported('.'.join(i.opcode))
    depth = int(shape.partition('k')[2])
    emitter.count('tensor_multiply_adds', 16 * 8 * depth // 32)
    d, a, b, c = (parts(x) for x in i.operands)
    lists = [', '.join(emitter.read(x, kind) for x in values) for values, kind in ((a, 'b32'), (b, 'b32'), (c, 'f32'))]
    writes = ' '.join(emitter.write(x, f'sums[{k}]') for k, x in enumerate(d))
    a_registers, b_registers = _FORMS[shape, types[1]]
    return (f'{{ const b32 left[{a_registers}] = {{{lists[0]}}}, right[{b_registers}] = {{{lists[1]}}}; '
            f'f32 sums[4] = {{{lists[2]}}}; multiply_matrices<{types[1]}, {depth}>(sums, left, right, {emitter.place(i)}); '
            f'{writes} }}')
