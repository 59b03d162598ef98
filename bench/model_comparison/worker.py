"""Processes that measure, one per engine, and what became of them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model_comparison.engines import Files

BENCH = Path(__file__).resolve().parent.parent
PYTHON = [sys.executable, "-m"]


@dataclass
class Figures:
    """What is known of one engine on one size and kind of hole."""

    seconds: list[float] = field(default_factory=list)
    first: float = math.nan  # seconds of loading and the first call
    resident: int = 0
    failure: str = ""
    unsupported: bool = False

    @property
    def fastest(self) -> float:
        return min(self.seconds, default=math.nan)


class Failure(RuntimeError):
    """The process ended; the text is the last line it printed."""


class Unsupported(RuntimeError):
    """infill said so."""


def _last_line(file) -> str:
    file.seek(0)
    lines = [line for line in file.read().splitlines() if line.strip()]
    return lines[-1][:200].replace("|", "/") if lines else ""


class Worker:
    """An engine in a process of its own. It takes no time while it is not asked."""

    def __init__(self, engine: str, size: int, files: Files) -> None:
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        names = [str(file) for file in (files.library, files.weights, files.onnx)]
        self.process = subprocess.Popen(
            [*PYTHON, "model_comparison.serve", engine, str(size), *names],
            cwd=BENCH,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        told = self._answer()
        if "unsupported" in told:
            raise Unsupported(told["unsupported"])

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            raise Failure(_last_line(self.errors) or f"exit status {status}")
        return json.loads(line)

    def ask(self, do: str, **request: object) -> dict:
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def result(self, hole: str, do: str = "save") -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "result.npy"
            self.ask(do, hole=hole, file=str(file))
            return np.load(file)


def once(module: str, *arguments: str) -> dict:
    """What a process printed that measures one thing and ends."""
    command = [*PYTHON, f"model_comparison.{module}", *arguments]
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        done = subprocess.run(command, cwd=BENCH, stdout=subprocess.PIPE, stderr=errors, text=True)
        if done.returncode != 0:
            raise Failure(_last_line(errors) or f"exit status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])
