"""A picture and its holes: what is asked of every engine."""

from __future__ import annotations

import numpy as np

BLOCK = 32


def picture(size: int) -> np.ndarray:
    """[1, 3, size, size] in 0..1: waves with some noise."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    random = np.random.default_rng(1)
    waves = [np.sin(9 * x + c) * np.cos(7 * y - c) for c in range(3)]
    noise = random.normal(0, 0.02, (3, size, size))
    return np.clip(0.5 + 0.4 * np.stack(waves) + noise, 0, 1).astype(np.float32)[None]


def compact_box(size: int) -> tuple[int, int, int, int]:
    """x, y, width, height of a square of 5 %, off the middle."""
    side = round(0.05**0.5 * size)
    return size // 4, size // 3, side, side


def _squares(size: int, places: list[tuple[int, int]], side: int) -> np.ndarray:
    mask = np.zeros((size, size), np.float32)
    for y, x in places:
        mask[y : y + side, x : x + side] = 1
    return mask


def _whole(size: int) -> np.ndarray:
    """Blocks that reach every border, on a quarter of the picture: the fill needs every pixel of the network."""
    starts = np.linspace(0, size - BLOCK, size // (2 * BLOCK)).round().astype(int)
    return _squares(size, [(y, x) for y in starts for x in starts], BLOCK)


def _compact(size: int) -> np.ndarray:
    x, y, side, _ = compact_box(size)
    return _squares(size, [(y, x)], side)


def _corners(size: int) -> np.ndarray:
    side = size // 16
    return _squares(size, [(y, x) for y in (0, size - side) for x in (0, size - side)], side)


def _specks(size: int) -> np.ndarray:
    random = np.random.default_rng(2)
    return _squares(size, random.integers(0, size - 6, (60, 2)).tolist(), 6)


def _scratches(size: int) -> np.ndarray:
    y, x = np.mgrid[0:size, 0:size]
    return ((2 * x + y) % (size // 3) < 8).astype(np.float32)


_HOLES = {
    "whole": _whole,
    "compact": _compact,
    "compact and corners": lambda size: np.maximum(_compact(size), _corners(size)),
    "corners": _corners,
    "specks": _specks,
    "scratches": _scratches,
}
SCATTERED = ("corners", "specks", "scratches")


def mask(size: int, hole: str) -> np.ndarray:
    """[1, 1, size, size], 1 = hole."""
    return _HOLES[hole](size)[None, None]
