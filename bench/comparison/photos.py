"""The development photos: cut from Debian packages at run time, always the same pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

MATE = "mate-backgrounds/usr/share/backgrounds/mate/nature"
SKIMAGE = "python3-skimage/usr/lib/python3/dist-packages/skimage/data"


def read(path: Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """8-bit BGR, or gray where the flags say so."""
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise FileNotFoundError(path)
    return picture


def read_mask(path: Path) -> np.ndarray:
    return read(path, cv2.IMREAD_GRAYSCALE)


@dataclass(frozen=True)
class Photo:
    """The largest part of a picture that has the wanted shape, moved by a share of the room left."""

    file: str
    x: float = 0.5
    y: float = 0.5

    def load(self, packages: Path, width: int, height: int) -> np.ndarray:
        """8-bit BGR of the wanted size. Never enlarged."""
        picture = read(packages / self.file)
        rows, cols = picture.shape[:2]
        scale = min(rows / height, cols / width)
        if scale < 1:
            raise ValueError(f"{self.file} is smaller than {width}x{height}")
        w, h = round(width * scale), round(height * scale)
        left, top = round((cols - w) * self.x), round((rows - h) * self.y)
        part = picture[top : top + h, left : left + w]
        if (w, h) == (width, height):
            return part.copy()
        return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)


# The photos of each size. "2048" are pictures of 4.1 megapixels (as many as 2024x2024) that come so large.
SIZES = {"512": (512, 512), "2048": (2560, 1600)}
PHOTOS = {
    "512": {
        "dune": Photo(f"{MATE}/Dune.jpg", 0.2),
        "meadow": Photo(f"{MATE}/GreenMeadow.jpg"),
        "raindrops": Photo(f"{MATE}/RainDrops.jpg"),
        "ladybird": Photo(f"{MATE}/LadyBird.jpg", 0.7),
        "wood": Photo(f"{MATE}/Wood.jpg"),
        "astronaut": Photo(f"{SKIMAGE}/astronaut.png"),
    },
    "2048": {
        "aqua": Photo(f"{MATE}/Aqua.jpg"),
        "garden": Photo(f"{MATE}/Garden.jpg"),
        "ladybird": Photo(f"{MATE}/LadyBird.jpg"),
        "twowings": Photo(f"{MATE}/TwoWings.jpg"),
        "wood": Photo(f"{MATE}/Wood.jpg"),
        "yellowflower": Photo(f"{MATE}/YellowFlower.jpg"),
    },
}


def load(packages: Path, size: str, name: str) -> np.ndarray:
    return PHOTOS[size][name].load(packages, *SIZES[size])
