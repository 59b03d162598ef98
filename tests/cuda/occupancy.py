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


def table(kernels):
    """Markdown of (kernel, entry of gates.toml) pairs."""
    lines = ['| kernel | sm | registers | shared memory | threads | blocks per multiprocessor | occupancy | limited by |',
             '|---|---|---|---|---|---|---|---|']
    for kernel, entry in sorted(kernels, key=lambda pair: (pair[0].name, pair[0].architecture)):
        threads, architecture = entry.get('threads', kernel.threads), kernel.architecture
        if not threads or architecture not in LIMITS:
            continue
        shared = kernel.shared + entry.get('dynamic_shared', 0)
        count, limit = blocks(architecture, kernel.registers, shared, threads)
        share = 100 * count * ((threads + 31) // 32 * 32) // LIMITS[architecture].threads
        lines.append(f'| `{kernel.name}` | {architecture} | {kernel.registers} | {shared} | {threads} | {count} | {share} % | '
                     f'{limit} |')
    return '\n'.join(lines)
