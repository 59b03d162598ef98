"""Runs one method on one picture and tells times and peak memory.

The runner calls it in a fresh process for every measurement.
"""

from __future__ import annotations

import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from comparison import methods, photos
from support.machine import forget_peak, resident

# A short call is repeated, so that the clock and the first touch of memory do not decide.
ENOUGH_SECONDS, MOST_CALLS = 1.0, 20


def measure(
    method: str, image: Path, mask_file: Path, out: Path, library: Path | None, address_space: int
) -> dict:
    """Seconds of each call and bytes at the peak of the first, beyond what was resident before it. The result
    is written as PNG; that of a method which works in floats beside it as .npy too. address_space: a limit in
    bytes, 0 is none."""
    if address_space:
        resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    if method == methods.GMIC:
        elapsed, peak = methods.run_gmic(image, mask_file, out)
        return {"seconds": [elapsed], "peak": peak}

    picture, mask = photos.read(image), photos.read_mask(mask_file)
    fill = methods.create(method, library)
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
        np.save(out.with_suffix(".npy"), result.astype(np.float32))
        result = np.clip(np.rint(result * 255), 0, 255).astype(np.uint8)
    cv2.imwrite(str(out), result)
    return {"seconds": seconds, "peak": peak}


def answer(pipe: Connection, *arguments: Any) -> None:
    """Sends what measure() returned, or why it failed."""
    try:
        pipe.send(measure(*arguments))
    except Exception as error:  # whatever a method throws is its result
        pipe.send({"failure": f"{type(error).__name__}: {error}"[:120]})
