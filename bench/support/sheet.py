"""Labelled pictures side by side."""

from __future__ import annotations

import cv2
import numpy as np

LABEL, GAP = 28, 8


def labelled(picture: np.ndarray, label: str, width: int) -> np.ndarray:
    """The picture at that width, its label below."""
    height = round(width * picture.shape[0] / picture.shape[1])
    tile = np.full((height + LABEL, width, 3), 255, np.uint8)
    method = cv2.INTER_AREA if picture.shape[1] > width else cv2.INTER_CUBIC
    tile[:height] = cv2.resize(picture, (width, height), interpolation=method)
    (length, _), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
    at = ((width - length) // 2, height + 19)
    cv2.putText(tile, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return cv2.copyMakeBorder(tile, 0, 0, GAP // 2, GAP // 2, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def grid(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    """Rows of tiles of one size; what is left of the last row is white."""
    missing = -len(tiles) % columns
    tiles = tiles + [np.full_like(tiles[0], 255)] * missing
    return np.vstack([np.hstack(tiles[first : first + columns]) for first in range(0, len(tiles), columns)])
