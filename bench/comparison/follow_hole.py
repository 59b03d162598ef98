"""Time and memory follow the hole, not the picture: the same hole filled in a small and in a huge picture.

Called by compare.py with a number of megapixels; prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from comparison import photos
from infill_ctypes import Library
from support.machine import forget_peak, resident

SHAPES = {2: (1250, 1600), 100: (10000, 10000)}
HOLE = (200, 250)  # 50,000 pixels
CALLS = 3


def picture_around(photo: np.ndarray, height: int, width: int) -> np.ndarray:
    """The photo in the middle, mirrored outwards until the size is reached, without a copy of the whole."""
    rows, cols = photo.shape[:2]

    def mirror(length: int, wanted: int) -> np.ndarray:
        place = (np.arange(wanted) - (wanted - length) // 2) % (2 * length)
        return np.minimum(place, 2 * length - 1 - place)

    picture = np.empty((height, width, 3), np.uint8)
    columns = mirror(cols, width)
    for y, source in enumerate(mirror(rows, height)):
        picture[y] = photo[source, columns]
    return picture


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("library", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("megapixels", type=int, choices=sorted(SHAPES))
    args = parser.parse_args()

    photo = photos.read(args.photo)
    height, width = SHAPES[args.megapixels]
    picture = picture_around(photo, height, width)
    mask = np.zeros((height, width), np.uint8)
    top, left = (height - HOLE[0]) // 2, (width - HOLE[1]) // 2
    mask[top : top + HOLE[0], left : left + HOLE[1]] = 255
    picture[mask > 0] = 0
    roi = (left, top, HOLE[1], HOLE[0])

    session = Library(args.library).session("patchmatch")
    before = forget_peak()
    seconds = []
    for _ in range(CALLS):
        start = time.perf_counter()
        session.fill_in_place(picture, mask, roi)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "peak": resident()[1] - before}))


if __name__ == "__main__":
    main()
