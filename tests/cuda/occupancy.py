"""How many blocks of a kernel a multiprocessor holds.

Limits: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability". Registers are given to a warp in
units of 256, in each of four partitions of a multiprocessor; shared memory in units of 128 bytes, 1 KiB of every block
being the system's own from compute capability 8.0 on.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    shared: int  # bytes of a multiprocessor
    threads: int
    blocks: int
    registers: int = 65536


LIMITS = {
    75: Limits(64 << 10, 1024, 16), 80: Limits(164 << 10, 2048, 32), 86: Limits(100 << 10, 1536, 16),
    89: Limits(100 << 10, 1536, 24), 90: Limits(228 << 10, 2048, 32), 100: Limits(228 << 10, 2048, 32),
    120: Limits(100 << 10, 1536, 24),
}


def blocks(architecture, registers, shared, threads):
    """(blocks per multiprocessor, what limits them)."""
    limits, warps = LIMITS[architecture], (threads + 31) // 32
    warp_registers = max(registers * 32 + 255, 256) // 256 * 256
    reserved = 1024 if architecture >= 80 else 0
    block_shared = (shared + reserved + 127) // 128 * 128
    by = {
        'registers': limits.registers // 4 // warp_registers * 4 // warps,
        'shared memory': limits.shared // block_shared if block_shared else limits.blocks,
        'threads': limits.threads // (32 * warps),
        'blocks': limits.blocks,
    }
    limit = min(by, key=lambda name: by[name])
    return by[limit], limit


def _blocks_of(kernel, entry):
    """(blocks, limit, threads, shared memory); None if nobody says how many threads a block has."""
    threads = entry.get('threads', kernel.threads)
    if not threads or kernel.architecture not in LIMITS:
        return None
    shared = kernel.shared + entry.get('dynamic_shared', 0)
    return *blocks(kernel.architecture, kernel.registers, shared, threads), threads, shared


def impossible(kernels):
    """Lines that say which (kernel, entry of gates.toml) pairs cannot run, or nobody knows."""
    wrong = []
    for kernel, entry in kernels:
        known = _blocks_of(kernel, entry)
        if known is None:
            wrong.append(f'sm_{kernel.architecture} {kernel.name}: no __launch_bounds__')
        elif known[0] < 1:
            wrong.append(f'sm_{kernel.architecture} {kernel.name}: too much {known[1]} for one block')
    return wrong


def table(kernels):
    """Markdown of (kernel, entry of gates.toml) pairs."""
    lines = ['| kernel | sm | registers | shared memory | threads | blocks per multiprocessor | occupancy | limited by |',
             '|---|---|---|---|---|---|---|---|']
    for kernel, entry in sorted(kernels, key=lambda pair: (pair[0].name, pair[0].architecture)):
        known = _blocks_of(kernel, entry)
        if known is None:
            continue
        count, limit, threads, shared = known
        architecture = kernel.architecture
        share = 100 * count * ((threads + 31) // 32 * 32) // LIMITS[architecture].threads
        lines.append(f'| `{kernel.name}` | {architecture} | {kernel.registers} | {shared} | {threads} | {count} | {share} % | '
                     f'{limit} |')
    return '\n'.join(lines)
