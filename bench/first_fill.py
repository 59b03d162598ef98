#!/usr/bin/env python3
"""How long a fresh process takes from its start to its first fill with a model: wall time, weights in the page cache.

first_fill.py INFILL [RUNS]

INFILL is the program. The model is DeepFill v2 at the published width 48 with random weights, the picture 512 x 512 with
one hole of 5 %, or of 25 %. Printed: the median and the fastest of RUNS processes (9), until the result is there and until
the process has ended; beside them what opens the model and fills nothing, and a fill without a model.
"""
import array
import json
import math
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
SIDE = 512


def write_model(path):
    """Scaled so that activations keep their range from layer to layer (as in deepfill_bench.cpp)."""
    generator = random.Random(1)
    header, data = {}, bytearray()
    for line in (ROOT / "tests/data/golden/deepfill.keys.txt").read_text().splitlines():
        key, kind, shape = line.split(maxsplit=2)
        shape = [int(side) for side in shape.strip("[]()").replace(",", " ").split()]
        if key.endswith("fuse_weight"):
            values = [float(i % (shape[-1] + 1) == 0) for i in range(math.prod(shape))]
        else:
            most = 0.1 if len(shape) == 1 else 2.5 / math.sqrt(math.prod(shape[1:]))
            values = [generator.uniform(-most, most) for _ in range(math.prod(shape))]
        begin = len(data)
        data += array.array("f", values).tobytes()
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_png(path, channels, pixel):
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + bytes(value for x in range(SIDE) for value in pixel(x, y)) for y in range(SIDE))
    start = struct.pack(">IIBBBBB", SIDE, SIDE, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def measure(words, result):
    """Seconds until `result` exists and until the process has ended."""
    if result is not None:
        result.unlink(missing_ok=True)
    start = time.perf_counter()
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL)
    there = None
    while process.poll() is None:
        if there is None and result is not None and result.exists():
            there = time.perf_counter() - start
        time.sleep(0.0005)
    end = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"{words}: exit code {process.returncode}")
    return there or end, end


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    infill, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 9
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model, photo, out = folder / "model.safetensors", folder / "photo.png", folder / "out.png"
        write_model(model)
        write_png(photo, 3, lambda x, y: ((x * 7 + y * 3) % 200, (x + y * 5) % 220, (x * y // 64) % 240))
        masks = []
        for percent in (5, 25):
            side = round(SIDE * math.sqrt(percent / 100))
            x0 = (SIDE - side) // 2
            masks.append(folder / f"mask{percent}.png")
            write_png(masks[-1], 1, lambda x, y: (255 if x0 <= x < x0 + side and x0 <= y < x0 + side else 0,))
        cases = {
            "infill --version": ([infill, "--version"], None),
            "infill model info": ([infill, "model", "info", model], None),
            "fill, 5 % hole, no model": ([infill, "fill", photo, "-m", masks[0], "-o", out, "--method", "harmonic"], out),
            "fill, 5 % hole, model": ([infill, "fill", photo, "-m", masks[0], "-o", out, "--model", model], out),
            "fill, 25 % hole, model": ([infill, "fill", photo, "-m", masks[1], "-o", out, "--model", model], out),
        }
        for words, result in cases.values():  # warms the page cache
            measure(words, result)
        times = {case: [] for case in cases}
        for _ in range(runs):
            for case, (words, result) in cases.items():
                times[case].append(measure(words, result))
        print(f"{'seconds, median (fastest)':28}{'result is there':>20}{'process has ended':>20}")
        for case, pairs in times.items():
            columns = (f"{statistics.median(column):.3f} ({min(column):.3f})" for column in zip(*pairs))
            print(f"{case:28}" + "".join(f"{column:>20}" for column in columns))


main()
