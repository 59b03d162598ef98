"""Everything that is measured in one run."""

from __future__ import annotations

import math
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from model_comparison import inputs
from model_comparison.engines import EAGER, ENGINES, OURS, OURS_BF16, Files
from model_comparison.worker import Failure, Figures, Unsupported, Worker, once

# float32 engines that differ more from eager PyTorch (of 0..1) compute something else; so do bfloat16 ones below
# that PSNR.
LARGEST_DIFFERENCE, LEAST_PSNR = 1e-4, 30.0
CALLS = 2  # of one engine before it is the next one's turn
# Holes of infill, and whether its network sees only their surroundings, as it does by default.
WHOLE, COMPACT, COMPACT_CROPPED = ("whole", True), ("compact", False), ("compact", True)
OUR_HOLES = [WHOLE, COMPACT, COMPACT_CROPPED, *((hole, True) for hole in inputs.SCATTERED)]

Hole = tuple[str, bool]


@dataclass
class Measured:
    models: dict[tuple[int, Hole, str], Figures] = field(default_factory=dict)
    large: dict[int, Figures] = field(default_factory=dict)
    # Of a result to eager PyTorch's: largest difference, PSNR.
    differences: dict[tuple[int, str], tuple[float, float]] = field(default_factory=dict)
    same_inside: dict[int, float] = field(default_factory=dict)  # of the compact hole: computed alone or not
    bfloat16_psnr: dict[int, float] = field(default_factory=dict)
    operators: dict[str, dict] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)

    def failures(self) -> list[str]:
        figures = [*self.models.values(), *self.large.values()]
        found = [f.failure for f in figures if f.failure and not f.unsupported]
        return found + [told["failure"] for told in self.operators.values() if "failure" in told]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def psnr(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    """Inside the hole."""
    error = ((a - b) ** 2)[:, :, mask[0, 0] > 0].mean()
    return math.inf if error == 0 else float(-10 * np.log10(error))


def make_files(library: Path, work: Path, size: int) -> Files:
    """Weights, the same for every size, and the network for other engines; made once."""
    files = Files(library, work / "weights.safetensors", work / f"deepfill-{size}.onnx")
    if not files.weights.exists() or not files.onnx.exists():
        say(f"network for {size}²")
        once("networks", str(files.weights), str(files.onnx), str(size))
    return files


class Crew:
    """All engines on pictures of one size."""

    def __init__(self, size: int, files: Files, measured: Measured) -> None:
        self.size, self.files, self.measured = size, files, measured
        self.stack, self.workers, self.results = ExitStack(), {}, {}

    def __enter__(self) -> Crew:
        for engine in ENGINES:
            say(f"{self.size}²: {engine}")
            figures = self._start(engine)
            for hole in OUR_HOLES if engine in (OURS, OURS_BF16) else [WHOLE]:
                self.measured.models[self.size, hole, engine] = replace(figures, seconds=[])
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def _start(self, engine: str) -> Figures:
        """Loads it, and sees that it computes what the others do."""
        try:
            worker = self.stack.enter_context(Worker(engine, self.size, self.files))
            told = worker.ask("first", hole="whole")
            self._compare(engine, worker.result("whole"))
        except Unsupported:
            return Figures(failure="not supported", unsupported=True)
        except Failure as failure:
            return Figures(failure=str(failure))
        self.workers[engine] = worker
        return Figures(first=told["seconds"], resident=told["resident"])

    def _compare(self, engine: str, result: np.ndarray) -> None:
        self.results[engine] = result
        if EAGER not in self.results:
            raise Failure(f"nothing to compare with: {EAGER} failed")
        reference, mask = self.results[EAGER], inputs.mask(self.size, "whole")
        largest, value = float(np.abs(result - reference).max()), psnr(result, reference, mask)
        self.measured.differences[self.size, engine] = largest, value
        if value < LEAST_PSNR if "bfloat16" in engine else largest > LARGEST_DIFFERENCE:
            raise Failure(f"computes something else: largest difference {largest:.1e}")

    def compare_ours(self) -> None:
        mask = inputs.mask(self.size, "whole")
        if {OURS, OURS_BF16} <= self.workers.keys():
            value = psnr(self.results[OURS_BF16], self.results[OURS], mask)
            self.measured.bfloat16_psnr[self.size] = value
        if OURS in self.workers:
            hole = "compact and corners"
            alone, together = (self.workers[OURS].result(hole, do) for do in ("save_inside", "save"))
            x, y, width, height = inputs.compact_box(self.size)
            inside = np.abs(alone - together)[:, :, y : y + height, x : x + width]
            self.measured.same_inside[self.size] = float(inside.max())

    def measure(self, rounds: int) -> None:
        """Turn by turn, so that all have the same machine."""
        for turn in range(rounds):
            say(f"{self.size}²: round {turn + 1} of {rounds}")
            for (size, hole, engine), figures in self.measured.models.items():
                if size != self.size or engine not in self.workers or figures.failure:
                    continue
                name, cropped = hole
                try:
                    told = self.workers[engine].ask("measure", hole=name, calls=CALLS, cropped=cropped)
                except Failure as failure:
                    figures.failure = str(failure)
                    continue
                figures.seconds += told["seconds"]
            self.measured.loads.append(os.getloadavg()[0])


def large(size: int, files: Files, measured: Measured, rounds: int) -> None:
    """infill in a fresh process: memory of one call, then its holes turn by turn."""
    say(f"{size}²: {OURS}")
    try:
        with Worker(OURS, size, files) as worker:
            told = worker.ask("first", hole="whole")
            figures = Figures([told["seconds"]], told["seconds"], told["resident"])
            measured.large[size] = figures
            for hole in OUR_HOLES * rounds:
                known = measured.models.setdefault((size, hole, OURS), replace(figures, seconds=[]))
                known.seconds += worker.ask("measure", hole=hole[0], calls=1, cropped=hole[1])["seconds"]
    except Failure as failure:
        measured.large[size] = Figures(failure=str(failure))


def operator(what: str, library: Path, size: int) -> dict:
    say(f"{size}²: {what}")
    try:
        return {"size": size, **once("operators", what, str(library), str(size))}
    except Failure as failure:
        return {"failure": str(failure)}
