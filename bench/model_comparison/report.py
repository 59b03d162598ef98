"""The comparison of models as Markdown."""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from model_comparison.engines import EAGER, THREADS
from model_comparison.measure import COMPACT, COMPACT_CROPPED, WHOLE, Measured
from model_comparison.networks import WIDTH
from support.document import MODELS, Verdict, table, verdicts
from support.machine import machine

PACKAGES = ("torch", "onnxruntime", "openvino", "onnx", "numpy")
INTRODUCTION = """\
DeepFill v2 (width {width}, equal padding, fuse) and its operators in infill beside PyTorch, ONNX Runtime and OpenVINO:
same weights, same picture, same run, {threads} threads. Written by `bench/compare-models`, which downloads the others
from PyPI; run it yourself to get your own numbers. Weights are random, scaled layer by layer so that nothing fades or
saturates: a wrong layer is seen at the end.

* **PyTorch eager** is the published form written in plain operators (`bench/model_comparison/published.py`); ONNX
  Runtime and OpenVINO run its export. Each engine's result is compared with eager's before the clock starts: one that
  computes something else is not timed.
* **Time**: every engine has a process of its own, is loaded and warm, and waits asleep. They take turns, two calls
  each; the fastest call is compared. infill is measured as its users call it, `infill_fill` with plan, conversion and
  blending; the others get tensors.
* **Holes**: *whole* is blocks on a quarter of the picture that reach every border, so that infill, too, computes every
  pixel of the network. *Compact* is one square of 5 %, with the whole picture as context (*cropped*: with infill's
  default of 128 pixels). *Corners, specks, scratches*: many small holes. `neural.size` is set so high that nothing is
  filled at a smaller scale. Every row is compared with eager's whole run: the others compute everything anyway.
* **Differs from eager**: the largest difference of 0..1, of bfloat16 the PSNR inside the holes.
* **Resident**: most memory of the process, program, libraries and weights included. The operators' **extra memory**:
  most resident during the call, less what was before it and less the result.
* **Operators**: `torch.ops.infill` in Python, against the same layer in eager PyTorch, in one process, turn by turn.
  Times that differ by less than 3 % count as equal.
"""


def _milliseconds(value: float) -> str:
    return f"{1000 * value:.0f}" if value >= 0.0995 else f"{1000 * value:.1f}"


def _difference(measured: Measured, size: int, engine: str) -> str:
    if engine == EAGER or (size, engine) not in measured.differences:
        return ""
    largest, value = measured.differences[size, engine]
    return f"{value:.1f} dB" if "bfloat16" in engine else f"{largest:.0e}"


def _hole(hole: tuple[str, bool]) -> str:
    return {WHOLE: "whole", COMPACT: "compact", COMPACT_CROPPED: "compact, cropped"}.get(hole, hole[0])


def models(measured: Measured) -> list[str]:
    header = ["size", "hole", "engine", "fastest ms", "median ms", "eager takes", "differs from eager"]
    header += ["load and first call s", "resident MB"]
    rows = []
    for (size, hole, engine), figures in measured.models.items():
        row = [f"{size}²", _hole(hole), engine]
        if figures.failure:
            rows.append([*row, figures.failure, "", "", "", "", ""])
            continue
        whole = hole == WHOLE
        eager = measured.models.get((size, WHOLE, EAGER))
        row += [_milliseconds(figures.fastest), _milliseconds(float(np.median(figures.seconds)))]
        row += [f"{eager.fastest / figures.fastest:.2f}×" if eager and not eager.failure else ""]
        row += [_difference(measured, size, engine) if whole else ""]
        row += [f"{figures.first:.2f}", f"{figures.resident / 1e6:.0f}"] if whole else ["", ""]
        rows.append(row)
    return table(header, rows)


def gated(measured: Measured) -> list[str]:
    told = measured.operators["gated"]
    if "failure" in told:
        return []
    header = ["layer", "in the network"]
    keys = list(told["layers"][0]["differs"])
    header += [f"{key}: eager, infill ms" for key in keys]
    rows = []
    for layer in told["layers"]:
        row = [layer["layer"], str(layer["count"])]
        for key in keys:
            pair = (layer["seconds"][f"{who} {key}"] for who in ("eager", "infill"))
            row.append(", ".join(map(_milliseconds, pair)))
        rows.append(row)
    return table(header, rows)


def markdown(measured: Measured, found: list[Verdict], build: str) -> str:
    listed = [f"{name} {version(name)}" for name in PACKAGES]
    software = ", ".join([*listed, f"Python {platform.python_version()}"])
    loads = f"{min(measured.loads):.1f} to {max(measured.loads):.1f}"
    lines = [MODELS, "", INTRODUCTION.format(width=WIDTH, threads=THREADS)]
    lines += [
        f"Date: {datetime.now(UTC):%Y-%m-%d}  ",
        f"Machine: {machine()}  ",
        f"infill: {build}  ",
        f"Load average: {loads} while measuring (1 is one busy core)  ",
        f"Others: {software}  ",
        f"Command: `{shlex.join(['bench/compare-models', *sys.argv[1:]])}`",
        "",
    ]
    lines += ["### Models: targets", "", *verdicts(found), ""]
    lines += ["### Models: every measurement", "", *models(measured), ""]
    lines += ["### Gated convolution: every layer", "", *gated(measured)]
    return "\n".join(lines)
