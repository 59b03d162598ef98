"""Runs one method on one picture in this process and prints times and peak memory as JSON.

Called by compare.py, so that every measurement has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import cv2
import numpy as np

from comparison import methods, photos

# A short call is repeated, so that the clock and the first touch of memory do not decide.
ENOUGH_SECONDS, MOST_CALLS = 1.0, 5


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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("method")
    parser.add_argument("image", type=Path)
    parser.add_argument("mask", type=Path)
    parser.add_argument("out", type=Path, help="PNG; a float result is kept beside it as .npy")
    parser.add_argument("--library", type=Path, default=Path())
    parser.add_argument("--address-space", type=int, default=0, help="bytes; 0 is no limit")
    args = parser.parse_args()
    if args.address_space:
        resource.setrlimit(resource.RLIMIT_AS, (args.address_space, args.address_space))

    if args.method == methods.GMIC:
        elapsed, peak = methods.run_gmic(args.image, args.mask, args.out)
        print(json.dumps({"seconds": [elapsed], "peak": peak}))
        return

    picture, mask = photos.read(args.image), photos.read_mask(args.mask)
    fill = methods.create(args.method, args.library)
    small = np.zeros((64, 64), np.uint8)
    small[28:36, 28:36] = 255
    fill(np.ascontiguousarray(picture[:64, :64]), small)  # threads, tables and imports are there

    before = forget_peak()
    seconds: list[float] = []
    while not seconds or (sum(seconds) < ENOUGH_SECONDS and len(seconds) < MOST_CALLS):
        start = time.perf_counter()
        result = fill(picture, mask)
        seconds.append(time.perf_counter() - start)
        if len(seconds) == 1:
            peak = resident()[1] - before

    if result.dtype != np.uint8:
        np.save(args.out.with_suffix(".npy"), result.astype(np.float32))
        result = np.clip(np.rint(result * 255), 0, 255).astype(np.uint8)
    cv2.imwrite(str(args.out), result)
    print(json.dumps({"seconds": seconds, "peak": peak}))


if __name__ == "__main__":
    main()
