"""Runs measurements in processes of their own and remembers them: a long comparison can be resumed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from comparison import masks, methods, metrics, photos
from comparison.mobilenet import MobileNetV2

BENCH = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 300
ADDRESS_SPACE = 8 << 30  # for scikit-image, which takes what the hole asks for
SLOW_SECONDS = 20.0  # a slower method is measured once


@dataclass(frozen=True)
class Case:
    size: str
    photo: str
    mask: str

    def __str__(self) -> str:
        return f"{self.size}-{self.photo}-{self.mask}"


@dataclass
class Figures:
    """What is known of one method on one case."""

    seconds: list[float] = field(default_factory=list)
    peak: int = 0
    failure: str = ""
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def fastest(self) -> float:
        return min(self.seconds, default=math.nan)


class Runner:
    """cached_only: measures nothing, knows only what earlier runs left."""

    def __init__(self, work: Path, library: Path | None, cached_only: bool = False) -> None:
        self.work = work
        self.cached_only = cached_only
        self.library = library
        self.stamp = hashlib.sha256(library.read_bytes()).hexdigest()[:12] if library else ""
        self.network: MobileNetV2 | None = None
        for name in ("inputs", "results", "cache"):
            (work / name).mkdir(parents=True, exist_ok=True)

    def forget(self) -> None:
        for file in (self.work / "cache").iterdir():
            file.unlink()

    def loads(self) -> list[float]:
        """The machine's load average at the end of each measurement at hand."""
        files = (self.work / "cache").glob("*.json")
        return [answer["load"] for file in files if "load" in (answer := json.loads(file.read_text()))]

    def input_files(self, case: Case) -> tuple[Path, Path]:
        """The case's photo and mask as PNG."""
        image = self.work / "inputs" / f"{case.size}-{case.photo}.png"
        mask = self.work / "inputs" / f"{case}.png"
        if not image.exists():
            cv2.imwrite(str(image), photos.load(self.work / "packages", case.size, case.photo))
        if not mask.exists():
            cv2.imwrite(str(mask), masks.draw(case.mask, case.photo, *photos.SIZES[case.size]))
        return image, mask

    def result_file(self, case: Case, method: str) -> Path:
        return self.work / "results" / f"{case}-{method}.png"

    def _cached(self, name: str, method: str) -> Path:
        # What infill does changes with the library; what the others do does not.
        stamp = f"-{self.stamp}" if method in methods.OURS else ""
        return self.work / "cache" / f"{name}-{method}{stamp}.json"

    def _run(self, cache: Path, module: str, *arguments: object, label: str) -> dict:
        if cache.exists():
            return json.loads(cache.read_text())
        print(f"  {label}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", f"comparison.{module}", *map(str, arguments)]
        try:
            done = subprocess.run(command, cwd=BENCH, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
            if done.returncode == 0:
                answer = json.loads(done.stdout.strip().splitlines()[-1])
            else:
                answer = {"failure": _reason(done)}
        except subprocess.TimeoutExpired:
            answer = {"failure": f"more than {TIMEOUT_SECONDS} s"}
        answer["load"] = os.getloadavg()[0]
        _write(cache, answer)
        return answer

    def family(self, case: Case, names: list[str], rounds: int) -> dict[str, Figures]:
        """Times of some methods on one case, taken turn by turn, and their scores."""
        if self.cached_only:
            names = [name for name in names if self._cached(f"{case}-0", name).exists()]
        figures = {name: Figures() for name in names}
        image, mask = self.input_files(case)
        for turn in range(rounds):
            for name, known in figures.items():
                if turn and (known.failure or known.fastest > SLOW_SECONDS):
                    continue
                limit = ADDRESS_SPACE if name.startswith("skimage") else 0
                out = self.result_file(case, name)
                options = ["--address-space", limit, *(["--library", self.library] if self.library else [])]
                cache = self._cached(f"{case}-{turn}", name)
                if self.cached_only and not cache.exists():
                    continue
                answer = self._run(cache, "measure", name, image, mask, out, *options, label=f"{case} {name}")
                known.failure = answer.get("failure", "")
                known.seconds += answer.get("seconds", [])
                known.peak = max(known.peak, answer.get("peak", 0))
        for name, known in figures.items():
            if not known.failure:
                known.scores = self._score(case, name)
        return figures

    def _score(self, case: Case, method: str) -> dict[str, float]:
        cache = self._cached(f"{case}-score", method)
        if cache.exists():
            return json.loads(cache.read_text())
        if self.network is None:
            self.network = MobileNetV2(next((self.work / "weights").rglob("mobilenet_v2-*.pth")))
        image, mask_file = self.input_files(case)
        truth, mask = photos.read(image), photos.read_mask(mask_file)
        result = photos.read(self.result_file(case, method))
        scores = {
            "psnr": metrics.psnr(truth, result, mask),
            "ssim": metrics.ssim(truth, result, mask),
            "mbd": metrics.mbd(self.network, truth, result, mask),
            "outside": float((truth != result)[mask == 0].sum()),
        }
        _write(cache, scores)
        return scores

    def answers_differ(self, case: Case) -> float:
        """Largest difference (of 0..1) of the two biharmonic answers where scikit-image's is not clipped."""
        image, mask_file = self.input_files(case)
        known = photos.read(image) / np.float32(255)
        hole = photos.read_mask(mask_file) > 0
        ours, theirs = (
            np.load(self.result_file(case, name).with_suffix(".npy"))[hole]
            for name in ("biharmonic", "skimage-biharmonic")
        )
        low, high = known[~hole].min(axis=0), known[~hole].max(axis=0)
        free = (theirs > low + 1e-6) & (theirs < high - 1e-6)
        return float(np.abs(ours - theirs)[free].max())

    def follow_hole(self, rounds: int) -> dict[int, Figures]:
        """PatchMatch on one hole in pictures of 2 and of 100 megapixels."""
        figures = {2: Figures(), 100: Figures()}
        image, _ = self.input_files(Case("2048", "ladybird", "hole"))
        for turn in range(rounds):
            for megapixels, known in figures.items():
                cache = self.work / "cache" / f"follow-{megapixels}-{turn}-{self.stamp}.json"
                label = f"50,000 pixels of {megapixels} megapixels"
                answer = self._run(cache, "follow_hole", self.library, image, megapixels, label=label)
                known.failure = answer.get("failure", known.failure)
                known.seconds += answer.get("seconds", [])
                known.peak = max(known.peak, answer.get("peak", 0))
        return figures


def _write(path: Path, data: dict) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(data))
    os.replace(part, path)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"killed by signal {-done.returncode}"
    lines = done.stderr.strip().splitlines()
    return lines[-1][:120] if lines else f"exit status {done.returncode}"
