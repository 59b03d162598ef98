"""Whole generators (DeepFill v2, width 48): infill through its C interface beside PyTorch, on pictures of the device.

python -m gpu_check.generators LIBRARY DEVICE WIDTH SECONDS SIDE...    prints lines of JSON, each a key and what was found

A call is measured from the host, from before it until the device has done it: pictures and masks lie on the device, and
what infill does beside the network (the mask's way to the host, planning, conversion, seam) counts. Three kinds of holes:
  whole     blocks that reach every border: the network's every pixel is needed
  compact   5 % of the picture, at one place: from the third fill on, a CUDA graph
  moving    the same, at nine places in turn: more than are kept as graphs, so that kernels are launched
PyTorch computes everything for each. With DEVICE cpu, for rehearsals, calls are few. Compiling comes last, and what
would begin after SECONDS is left out.
"""
import copy
import pathlib
import sys
import tempfile
import time

import numpy as np
import torch

from gpu_check.torch_side import BY_IMPORTANCE, FORMATS, TYPES, say, with_precision
from infill_ctypes import Library
from model_comparison import inputs, published

PLACES = 9  # a session keeps 8 graphs (src/device/graphs.h)


def milliseconds(calls, device):
    """Median of a call. calls: made in turn."""
    def timed(call):
        start = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - start)

    if device == "cpu":
        return timed(calls[0])
    for call in (calls * 3)[:max(len(calls), 5)]:
        timed(call)
    samples = int(min(max(300 / max(timed(calls[0]), 1e-3), 9), 60))
    return sorted(timed(calls[which % len(calls)]) for which in range(samples))[samples // 2]


def masks_of(side, kind):
    first = inputs.mask(side, "whole" if kind == "whole" else "compact")
    shifts = range(PLACES) if kind == "moving" else range(1)
    return [np.roll(first, (side // 32 * (n // 3), side // 32 * (n % 3)), (2, 3)) for n in shifts]


def for_library(tensor):
    return tensor if tensor.is_cuda else tensor.numpy()


def holes_of(mask, device):
    return for_library(torch.from_numpy(255 * mask[0, 0]).to(device, torch.uint8))


def ours(library, weights, device, sides, model):
    """Times, and how far the network's float32 numbers are from PyTorch's."""
    for precision in BY_IMPORTANCE:
        for side in sides:
            picture = torch.from_numpy(inputs.picture(side)).to(device)
            packed = picture[0].permute(1, 2, 0).contiguous()
            result = torch.empty_like(packed)
            src, dst = for_library(packed), for_library(result)
            try:
                session = library.model_session(weights, precision)
                session.set("neural.size", 4096)  # never at a smaller scale
                for kind in ("whole", "compact", "moving"):
                    calls = [lambda hole=holes_of(mask, device): session.fill_into(src, hole, dst) for mask in masks_of(side, kind)]
                    say(f"generator/{side}², {kind}/{precision}", ms=milliseconds(calls, device))
                session.set("blend.seam", 0)
                mask = inputs.mask(side, "whole")
                session.fill_into(src, holes_of(mask, device), dst)
                with_precision("float32")
                expected = model(picture, torch.from_numpy(mask).to(device))[0].permute(1, 2, 0)
                say(f"generator-error/{side}²/{precision}", largest=(result - expected).abs().max().item())
            except RuntimeError as error:
                say(f"generator/{side}², whole/{precision}", failure=str(error)[:200])


def theirs(model, device, sides, end):
    torch.backends.cudnn.benchmark = True
    for rival in ("eager", "compiled"):
        for precision in BY_IMPORTANCE:
            for side in sides:
                key = f"generator-{rival}/{side}²/{precision}"
                if time.monotonic() > end or (rival == "compiled" and device == "cpu"):
                    say(key, failure="left out")
                    continue
                with_precision(precision)
                times, failure = [], ""
                for kind in FORMATS:
                    try:
                        run = copy.deepcopy(model).to(dtype=TYPES[precision], memory_format=kind)
                        run = torch.compile(run, dynamic=False) if rival == "compiled" else run
                        image, mask = (torch.from_numpy(each).to(device, TYPES[precision]).to(memory_format=kind)
                                       for each in (inputs.picture(side), inputs.mask(side, "whole")))
                        times.append(milliseconds([lambda run=run, image=image, mask=mask: run(image, mask)], device))
                    except Exception as error:  # whatever it is, the others are measured
                        failure = f"{type(error).__name__}: {error}".splitlines()[0][:200]
                say(key, **({"ms": min(times)} if times else {"failure": failure}))


def main():
    path, device, width, seconds, *sides = sys.argv[1:]
    sides, end = [int(side) for side in sides], time.monotonic() + float(seconds)
    with torch.inference_mode(), tempfile.TemporaryDirectory() as folder:
        image, mask = (torch.from_numpy(each) for each in (inputs.picture(256), inputs.mask(256, "whole")))
        model = published.random_model(int(width), image, mask)
        weights = pathlib.Path(folder) / "weights.pth"
        torch.save({**model.state_dict(), "stage2.contextual_attention.fuse_weight": torch.eye(3).reshape(1, 1, 3, 3)}, weights)
        model = model.to(device)
        ours(Library(pathlib.Path(path), device=device == "cuda"), weights, device, sides, model)
        theirs(model, device, sides, end)


if __name__ == "__main__":
    main()
