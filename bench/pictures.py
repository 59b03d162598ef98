"""Sheets of every method on three photos, for docs/pictures.md: build/compare/venv/bin/python bench/pictures.py

bench/compare has to have run once: it fetches the photos (scikit-image's, CC0 and public domain)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from infill_ctypes import METHODS, Library
from support.sheet import grid, labelled

ROOT = Path(__file__).resolve().parent.parent
TILE, COLUMNS = 340, 4


def ellipse(shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    cv2.ellipse(mask, (470, 255), (62, 48), 0, 0, 360, 255, -1)
    return mask


def strokes(shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    points = np.array([[40, 60], [150, 90], [230, 70], [330, 140], [420, 120]], np.int32)
    for shift in (0, 80, 160):
        cv2.polylines(mask, [points + [0, shift]], False, 255, 7)
    return mask


def text(shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    for row in range(7):
        cv2.putText(mask, "copyright sample 2026", (10 - 15 * (row % 2), 60 + 70 * row), cv2.FONT_HERSHEY_DUPLEX, 1.35, 255, 2)
    return mask


SHEETS: dict[str, tuple[str, Callable[[tuple[int, int]], np.ndarray]]] = {
    "coffee-hole": ("coffee", ellipse),
    "chelsea-strokes": ("chelsea", strokes),
    "astronaut-text": ("astronaut", text),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, default=ROOT / "build/release/lib/libinfill.so")
    library = Library(parser.parse_args().library.resolve())
    photos = next((ROOT / "build/compare/packages").rglob("skimage/data"))
    for name, (photo, draw) in SHEETS.items():
        picture = cv2.imread(str(photos / f"{photo}.png"))
        mask = draw(picture.shape[:2])
        masked = np.where(mask[..., None] > 0, 0, picture).astype(np.uint8)
        shown = {"photo": picture, "hole": masked}
        shown |= {method: library.session(method).fill(picture, mask) for method in METHODS}
        sheet = grid([labelled(each, title, TILE) for title, each in shown.items()], COLUMNS)
        file = ROOT / f"docs/pictures/{name}.jpg"
        cv2.imwrite(str(file), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])
        print(file.relative_to(ROOT))


if __name__ == "__main__":
    main()
