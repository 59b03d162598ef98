"""Runs measurements in processes of their own and remembers them: a long comparison can be resumed."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from comparison import masks, measure, methods, metrics, photos
from comparison.mobilenet import MobileNetV2

BENCH = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 300
ADDRESS_SPACE = 8 << 30  # for scikit-image, which takes what the hole asks for
SLOW_SECONDS = 20.0  # a slower method is measured once
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["comparison.measure", "patchmatch_cython", "skimage.restoration.inpaint", "scipy.sparse.linalg"]
)


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

    def _measure(self, cache: Path, case: Case, method: str) -> dict:
        """One measurement in a process of its own, forked from one that has imported what it needs."""
        image, mask = self.input_files(case)
        limit = ADDRESS_SPACE if method.startswith("skimage") else 0
        ours, theirs = FORKS.Pipe(duplex=False)
        arguments = (theirs, method, image, mask, self.result_file(case, method), self.library, limit)
        process = FORKS.Process(target=measure.answer, args=arguments)
        process.start()
        theirs.close()
        process.join(TIMEOUT_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
            told = {"failure": f"more than {TIMEOUT_SECONDS} s"}
        elif ours.poll() and process.exitcode == 0:
            told = ours.recv()
        else:
            told = {"failure": f"killed by signal {-(process.exitcode or 0)}"}
        return self._remember(cache, told)

    def _remember(self, cache: Path, told: dict) -> dict:
        told["load"] = os.getloadavg()[0]
        _write(cache, told)
        return told

    def family(self, case: Case, names: list[str], rounds: int) -> dict[str, Figures]:
        """Times of some methods on one case, taken turn by turn, and their scores."""
        if self.cached_only:
            names = [name for name in names if self._cached(f"{case}-0", name).exists()]
        figures = {name: Figures() for name in names}
        for turn in range(rounds):
            for name, known in figures.items():
                if turn and (known.failure or known.fastest > SLOW_SECONDS):
                    continue
                cache = self._cached(f"{case}-{turn}", name)
                if self.cached_only and not cache.exists():
                    continue
                if cache.exists():
                    answer = json.loads(cache.read_text())
                else:
                    print(f"  {case} {name}", file=sys.stderr, flush=True)
                    answer = self._measure(cache, case, name)
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

    def _follow(self, cache: Path, image: Path, megapixels: int) -> dict:
        command = [
            sys.executable,
            "-m",
            "comparison.follow_hole",
            str(self.library),
            str(image),
            str(megapixels),
        ]
        done = subprocess.run(command, cwd=BENCH, capture_output=True, text=True)
        if done.returncode == 0:
            return self._remember(cache, json.loads(done.stdout))
        lines = done.stderr.splitlines() or [f"exit status {done.returncode}"]
        return self._remember(cache, {"failure": lines[-1][:120]})

    def follow_hole(self, rounds: int) -> dict[int, Figures]:
        """PatchMatch on one hole in pictures of 2 and of 100 megapixels."""
        figures = {2: Figures(), 100: Figures()}
        image, _ = self.input_files(Case("2048", "ladybird", "hole"))
        for turn in range(rounds):
            for megapixels, known in figures.items():
                cache = self.work / "cache" / f"follow-{megapixels}-{turn}-{self.stamp}.json"
                if self.cached_only and not cache.exists():
                    continue
                answer = (
                    json.loads(cache.read_text())
                    if cache.exists()
                    else self._follow(cache, image, megapixels)
                )
                known.failure = answer.get("failure", known.failure)
                known.seconds += answer.get("seconds", [])
                known.peak = max(known.peak, answer.get("peak", 0))
        return figures


def _write(path: Path, data: dict) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(data))
    os.replace(part, path)
