"""The machine that measures, and the memory of the process that asks. Needs nothing beyond Python."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB"


def resident() -> tuple[int, int]:
    """Bytes resident now and at the highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = {
        key: int(value.split()[0]) * 1024 for key, value in (line.split(":") for line in lines) if "Vm" in key
    }
    return sizes["VmRSS"], sizes["VmHWM"]


def forget_peak() -> int:
    """Lets the peak start again from what is resident now, and returns that."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident()[0]
