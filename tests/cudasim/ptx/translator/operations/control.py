"""Branches, calls, barriers, fences."""

from ..errors import Unsupported
from ..parser import split
from . import operation


def call_parts(operands):
    """(results), target, (arguments) of a call; brackets stand only where there is something."""
    operands = list(operands)
    results = split(operands.pop(0)[1:-1]) if operands[0].startswith('(') else []
    target = operands.pop(0)
    arguments = split(operands.pop(0)[1:-1]) if operands and operands[0].startswith('(') else []
    return results, target, arguments


@operation('bra')
def bra(emitter, i):
    return emitter.jump(i.operands[0])


@operation('brx')
def brx(emitter, i):
    cases = ' '.join(f'case {k}: {emitter.jump(label)}' for k, label in enumerate(emitter.table(i.operands[1])))
    return f'switch ({emitter.read(i.operands[0], "u32")}) {{ {cases} default: trap(); }}'


@operation('ret', 'exit')
def ret(emitter, i):
    if i.opcode[0] == 'exit' and not emitter.function.is_entry:
        raise Unsupported('exit inside a function')
    return 'return;'


@operation('trap', 'brkpt')
def trap(emitter, i):
    return 'trap();'


@operation('call')
def call(emitter, i):
    results, target, arguments = call_parts(i.operands)
    if target == 'vprintf':  # nothing is printed
        return f'store({emitter.symbol(results[0])}, b32{{0}});'
    if target == '__assertfail':
        return 'trap();'
    if target.startswith('%'):
        raise Unsupported('indirect call')
    emitter.calls.add(target)
    return f'{emitter.name(target)}({", ".join(emitter.symbol(x) for x in results + arguments)});'


@operation('bar', 'barrier')
def bar(emitter, i):
    site = emitter.place(i)
    if i.has('warp'):
        return f'sync_warp({emitter.read(i.operands[0], "b32")}, {site});'
    if i.has('cluster', 'arrive', 'red'):
        raise Unsupported('.'.join(i.opcode))
    threads = emitter.read(i.operands[1], 'u32') if len(i.operands) > 1 else '0'
    return f'barrier({emitter.read(i.operands[0], "u32")}, {threads}, {site});'


@operation('membar', 'fence')
def fence(emitter, i):
    return ';' if i.has('cta') else 'fence();'


@operation('prefetch', 'prefetchu', 'nanosleep', 'discard', 'applypriority', 'griddepcontrol')
def hint(emitter, i):
    return ';'
