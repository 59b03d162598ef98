"""What lanes of a warp do together: shuffles, votes, matches, reductions."""

from ..errors import Unsupported
from . import operation


@operation('shfl')
def shuffle(emitter, i):
    emitter.count('shuffles', 1)
    destination, value, lane, clamp, mask = i.operands
    register, _, valid = destination.partition('|')
    arguments = ', '.join(emitter.read(x, 'b32') for x in (value, lane, clamp, mask))
    write = emitter.write(register, 'shuffled') + (emitter.write(valid, 'valid') if valid else '')
    return (f'{{ bool valid = false; const b32 shuffled = shuffle(Shuffle::{i.opcode[2]}, {arguments}, valid, '
            f'{emitter.place(i)}); {write} }}')


@operation('vote')
def vote(emitter, i):
    emitter.count('shuffles', 1)
    destination, condition, mask = i.operands
    lanes = emitter.read(mask, 'b32')
    ballot = f'ballot({lanes}, {emitter.read(condition, "pred")}, {emitter.place(i)})'
    if i.opcode[2] == 'ballot':
        return emitter.write(destination, ballot)
    return emitter.write(destination, f'vote_{i.opcode[2]}({ballot}, {lanes} & active_lanes())')


@operation('match')
def match(emitter, i):
    emitter.count('shuffles', 1)
    destination, value, mask = i.operands
    register, _, valid = destination.partition('|')
    call = f'match_any({emitter.read(mask, "b32")}, b64{{{emitter.read(value, i.type)}}}, {emitter.place(i)})'
    if i.opcode[1] == 'any':
        return emitter.write(register, call)
    all_ = f'same == ({emitter.read(mask, "b32")} & active_lanes())'
    write = emitter.write(register, 'all ? same : 0u') + (emitter.write(valid, 'all') if valid else '')
    return f'{{ const b32 same = {call}; const bool all = {all_}; {write} }}'


@operation('redux')
def redux(emitter, i):
    emitter.count('shuffles', 1)
    names = {'add': 'kAdd', 'min': 'kMin', 'max': 'kMax', 'and': 'kAnd', 'or': 'kOr', 'xor': 'kXor'}
    if i.has('NaN', 'abs') or i.opcode[2] not in names or i.type not in ('b32', 'u32', 's32'):
        raise Unsupported('.'.join(i.opcode))
    return emitter.write(i.operands[0], f'reduce({emitter.read(i.operands[1], i.type)}, '
                                        f'{emitter.read(i.operands[2], "b32")}, WarpReduce::{names[i.opcode[2]]}, '
                                        f'{emitter.place(i)})')


@operation('activemask')
def active_mask(emitter, i):
    return emitter.write(i.operands[0], 'active_lanes()')


@operation('elect')
def elect(emitter, i):
    register, _, chosen = i.operands[0].partition('|')
    mask = emitter.read(i.operands[1], 'b32')
    return (f'{{ const b32 leader = first_lane({mask}, {emitter.place(i)}); {emitter.write(register, "leader")} '
            f'{emitter.write(chosen, "leader == laneid()")} }}')
