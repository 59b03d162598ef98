"""One way to call every method: 8-bit BGR picture and mask in, filled picture out."""

from __future__ import annotations

import re
import resource
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

# A float picture (0..1) where the method works in floats, else 8 bits.
Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]

RADIUS = 3  # of the neighbourhood, as in OpenCV's own example; infill's Navier-Stokes has none
OURS = ("telea", "navier-stokes", "biharmonic", "patchmatch", "push-pull", "harmonic")
RIVALS = {
    "telea": ["opencv-telea"],
    "navier-stokes": ["opencv-ns"],
    "biharmonic": ["skimage-biharmonic"],
    "patchmatch": ["patchmatch-cython", "gmic-matchpatch"],
    "push-pull": [],
    "harmonic": [],
}
GMIC = "gmic-matchpatch"


def infill_method(name: str, library: Path) -> Fill:
    from infill_ctypes import Library

    lib = Library(library)
    session = lib.session(name)
    if name == "telea":
        session.set("telea.radius", RADIUS)

    def fill(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
        if name == "biharmonic":  # as scikit-image gets it
            return session.fill((picture / np.float32(255)).astype(np.float32), mask)
        return session.fill(picture, mask)

    return fill


def rival(name: str) -> Fill:
    if name in ("opencv-telea", "opencv-ns"):
        flag = cv2.INPAINT_TELEA if name == "opencv-telea" else cv2.INPAINT_NS
        return lambda picture, mask: cv2.inpaint(picture, mask, RADIUS, flag)
    if name == "skimage-biharmonic":
        from skimage.restoration import inpaint_biharmonic

        return lambda picture, mask: inpaint_biharmonic(picture / 255.0, mask > 0, channel_axis=-1)
    if name == "patchmatch-cython":
        from patchmatch_cython import inpaint_pyramid

        return lambda picture, mask: inpaint_pyramid(picture, mask > 0, seed=0)
    raise ValueError(f"no method is called {name}")


def create(name: str, library: Path | None) -> Fill:
    if name not in OURS:
        return rival(name)
    if library is None:
        raise ValueError(f"{name} needs the library")
    return infill_method(name, library)


def run_gmic(image: Path, mask: Path, out: Path) -> tuple[float, int]:
    """Seconds of inpaint_matchpatch alone by G'MIC's own clock, and bytes beyond loading the pictures."""

    def call(*command: str) -> tuple[str, int]:
        done = subprocess.run(
            ["gmic", str(image), str(mask), *command], capture_output=True, text=True, check=True
        )
        return done.stderr + done.stdout, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024

    with tempfile.TemporaryDirectory() as folder:
        _, loaded = call("output[0]", f"{folder}/same.png")
        log, peak = call("tic", "inpaint_matchpatch[0]", "[1]", "toc", "output[0]", str(out))
    seconds = re.search(r"Elapsed time: ([0-9.]+) s", log)
    if seconds is None:
        raise RuntimeError("gmic did not tell its time")
    return float(seconds[1]), peak - loaded
