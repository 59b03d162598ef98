"""Masks drawn from a seed alone: 255 is the hole. Lengths follow the shorter side of the picture."""

from __future__ import annotations

import random
import zlib

import cv2
import numpy as np

KINDS = ("text", "strokes", "hole")  # "most" is drawn too, for the one comparison that needs it

# Letters as strokes in a unit square, so that no font decides what is measured.
GLYPHS: dict[str, list[list[tuple[float, float]]]] = {
    "A": [[(0, 1), (0.5, 0), (1, 1)], [(0.2, 0.6), (0.8, 0.6)]],
    "C": [[(1, 0.2), (0.7, 0), (0.3, 0), (0, 0.3), (0, 0.7), (0.3, 1), (0.7, 1), (1, 0.8)]],
    "E": [[(1, 0), (0, 0), (0, 1), (1, 1)], [(0, 0.5), (0.8, 0.5)]],
    "I": [[(0.5, 0), (0.5, 1)]],
    "L": [[(0, 0), (0, 1), (1, 1)]],
    "M": [[(0, 1), (0, 0), (0.5, 0.6), (1, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (1, 1), (1, 0)]],
    "O": [[(0.3, 0), (0.7, 0), (1, 0.3), (1, 0.7), (0.7, 1), (0.3, 1), (0, 0.7), (0, 0.3), (0.3, 0)]],
    "R": [[(0, 1), (0, 0), (0.8, 0), (1, 0.25), (0.8, 0.5), (0, 0.5)], [(0.5, 0.5), (1, 1)]],
    "S": [[(1, 0.15), (0.7, 0), (0.2, 0), (0, 0.25), (1, 0.75), (0.8, 1), (0.3, 1), (0, 0.85)]],
    "T": [[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)]],
    "V": [[(0, 0), (0.5, 1), (1, 0)]],
}


def _line(mask: np.ndarray, points: list[tuple[float, float]], width: float) -> None:
    fixed = np.round(np.array(points) * 16).astype(np.int32)
    cv2.polylines(mask, [fixed], False, 255, max(1, round(width)), cv2.LINE_8, shift=4)


def text(width: int, height: int, rng: random.Random) -> np.ndarray:
    """Six rows of slanted letters across the picture, 5.5 % of the side high, in strokes of 0.6 %."""
    mask = np.zeros((height, width), np.uint8)
    side = min(width, height)
    letter, pen = 0.055 * side, 0.006 * side
    for row in range(6):
        y = (0.08 + 0.155 * row) * height + rng.uniform(-0.01, 0.01) * side
        x = rng.uniform(0.02, 0.1) * width
        while x < 0.95 * width - letter:
            if rng.random() > 0.15:
                for stroke in GLYPHS[rng.choice(sorted(GLYPHS))]:
                    _line(
                        mask,
                        [(x + (a * 0.7 + (1 - b) * 0.2) * letter, y + b * letter) for a, b in stroke],
                        pen,
                    )
            x += letter
    return mask


def strokes(width: int, height: int, rng: random.Random) -> np.ndarray:
    """Eight curved strokes of a brush 1.5 to 4 % of the side wide."""
    mask = np.zeros((height, width), np.uint8)
    side = min(width, height)
    for _ in range(8):
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height
        angle, brush = rng.uniform(0, 2 * np.pi), rng.uniform(0.015, 0.04) * side
        points = [(x, y)]
        for _ in range(14):
            angle += rng.uniform(-0.6, 0.6)
            x, y = x + 0.03 * side * np.cos(angle), y + 0.03 * side * np.sin(angle)
            points.append((x, y))
        _line(mask, points, brush)
    return mask


def hole(width: int, height: int, rng: random.Random) -> np.ndarray:
    """One blob of about 6 % of a square picture, away from the border."""
    mask = np.zeros((height, width), np.uint8)
    side = min(width, height)
    cx, cy = rng.uniform(0.35, 0.65) * width, rng.uniform(0.35, 0.65) * height
    waves = [(k, rng.uniform(0, 0.12), rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5)]
    points = []
    for t in np.linspace(0, 2 * np.pi, 128, endpoint=False):
        r = 0.14 * side * (1 + sum(a * np.sin(k * t + p) for k, a, p in waves))
        points.append((cx + r * np.cos(t), cy + r * np.sin(t)))
    cv2.fillPoly(mask, [np.round(np.array(points) * 16).astype(np.int32)], 255, cv2.LINE_8, shift=4)
    return mask


def most(width: int, height: int, _: random.Random) -> np.ndarray:
    """Everything but a frame of a tenth of the side."""
    mask = np.zeros((height, width), np.uint8)
    frame = min(width, height) // 10
    mask[frame:-frame, frame:-frame] = 255
    return mask


def draw(kind: str, photo: str, width: int, height: int) -> np.ndarray:
    """The mask of a kind for a photo: the seed is their names."""
    rng = random.Random(zlib.crc32(f"{kind} {photo}".encode()))
    return {"text": text, "strokes": strokes, "hole": hole, "most": most}[kind](width, height, rng)
