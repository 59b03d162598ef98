"""The comparison as Markdown and as pictures."""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from subprocess import run

import cv2
import numpy as np

from comparison import methods, photos
from comparison.runner import Case, Figures, Runner
from comparison.targets import Table
from support.document import Verdict, verdicts
from support.document import table as table_of
from support.machine import machine
from support.sheet import grid, labelled

PACKAGES = ("opencv-python-headless", "scikit-image", "patchmatch-cython", "numpy")
TILE, COLUMNS = 232, 5
TITLES = {
    "telea": "infill Telea",
    "opencv-telea": "OpenCV Telea",
    "navier-stokes": "infill Navier-Stokes",
    "opencv-ns": "OpenCV Navier-Stokes",
    "biharmonic": "infill biharmonic",
    "skimage-biharmonic": "scikit-image biharmonic",
    "patchmatch": "infill PatchMatch",
    "patchmatch-cython": "patchmatch-cython",
    "gmic-matchpatch": "G'MIC matchpatch",
    "push-pull": "infill push-pull",
    "harmonic": "infill harmonic",
}


def software() -> str:
    gmic = run(["dpkg-query", "-W", "-f", "${Version}", "gmic"], capture_output=True, text=True).stdout
    listed = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([*listed, f"gmic {gmic or '(not a package)'}", f"Python {platform.python_version()}"])


def _seconds(value: float) -> str:
    return f"{value:.4f}" if value < 1 else f"{value:.2f}"


def _figures(known: Figures, reference: Figures | None) -> list[str]:
    if known.failure:
        return [known.failure.replace("|", "/"), "", "", "", "", "", ""]
    # The ratio: how many times infill's time the other needs.
    ratio = f"{known.fastest / reference.fastest:.1f}×" if reference and not reference.failure else ""
    scores = known.scores
    values = [
        _seconds(known.fastest),
        _seconds(float(np.median(known.seconds))),
        ratio,
        f"{known.peak / 1e6:.0f}",
    ]
    return values + [f"{scores['psnr']:.2f}", f"{scores['ssim']:.4f}", f"{scores['mbd']:.3f}"]


def details(table: Table) -> list[str]:
    header = [
        "photo",
        "mask",
        "method",
        "fastest s",
        "median s",
        "infill faster",
        "peak MB",
        "PSNR",
        "SSIM",
        "mbD",
    ]
    lines: list[str] = []
    for size in dict.fromkeys(case.size for case in table):
        rows = []
        for case, figures in table.items():
            if case.size != size:
                continue
            for ours, rivals in methods.RIVALS.items():
                for name in [ours, *rivals]:
                    if name in figures:
                        reference = figures.get(ours) if name != ours else None
                        rows.append(
                            [case.photo, case.mask, TITLES[name], *_figures(figures[name], reference)]
                        )
        lines += [f"### {size}", "", *table_of(header, rows), ""]
    return lines


def means(table: Table) -> list[str]:
    """Averages per size, mask and method, over the photos that the method managed."""
    rows = []
    for size, mask in dict.fromkeys((case.size, case.mask) for case in table):
        cases = [figures for case, figures in table.items() if (case.size, case.mask) == (size, mask)]
        for name, title in TITLES.items():
            known = [f[name] for f in cases if name in f and not f[name].failure]
            if not known:
                continue
            row = [
                size,
                mask,
                title,
                f"{len(known)} of {len(cases)}",
                _seconds(float(np.mean([k.fastest for k in known]))),
            ]
            row.append(f"{max(k.peak for k in known) / 1e6:.0f}")
            for score, digits in (("psnr", 2), ("ssim", 4), ("mbd", 3)):
                row.append(f"{np.mean([k.scores[score] for k in known]):.{digits}f}")
            rows.append(row)
    return table_of(["size", "mask", "method", "photos", "mean s", "most MB", "PSNR", "SSIM", "mbD"], rows)


INTRODUCTION = """\
# Benchmarks

infill beside the programs people use today: same photos, same masks, same run, same machine. Written by
`bench/compare`, which downloads the others from PyPI and Debian; run it yourself to get your own numbers.

* **Photos**: {sizes};
  mate-backgrounds' nature photos and scikit-image's astronaut, cropped, reduced, never enlarged
  (`bench/comparison/photos.py`). **Masks**: thin letters, brush strokes, one large hole.
* **Time**: every measurement has a process of its own and a small call before the clock starts; methods take
  turns; the fastest call is compared. infill uses all cores, OpenCV's inpainting one, the others what they
  choose. G'MIC's time is its own clock around the one command, without program start and files.
* **Peak MB**: most memory resident during the first call, less what was resident before it.
* **PSNR, SSIM**: of the pixels inside the hole only. On large holes PSNR rewards blur. **mbD**: distance of
  MobileNetV2 features inside the hole (lower is better; `bench/comparison/metrics.py`), a better judge there.
* OpenCV has radius {radius}, as has infill's Telea (its Navier–Stokes has none). infill's biharmonic gets the
  float picture scikit-image works on. Everything else: each program's defaults.
* scikit-image gets {limit} GiB of address space and everybody {timeout} s a call.
"""


def markdown(
    table: Table, found: list[Verdict], build: str, loads: list[float], introduction: dict[str, object]
) -> str:
    lines = [INTRODUCTION.format(**introduction)]
    lines += [
        f"Date: {datetime.now(UTC):%Y-%m-%d}  ",
        f"Machine: {machine()}  ",
        f"infill: {build}  ",
    ]
    lines += [f"Load average: {min(loads):.1f} to {max(loads):.1f} while measuring (1 is one busy core)  "]
    lines += [
        f"Others: {software()}  ",
        f"Command: `bench/compare {shlex.join(Path(a).name for a in sys.argv[1:])}`",
        "",
    ]
    lines += ["## Targets", "", *verdicts(found), "", "## Averages over the photos", "", *means(table), ""]
    lines += ["## Every measurement", "", *details(table)]
    return "\n".join(lines).rstrip() + "\n"


def _window(mask: np.ndarray) -> tuple[slice, slice]:
    """A square around the hole, or the middle where the mask is spread over the picture."""
    rows, cols = mask.shape
    y, x = np.nonzero(mask)
    side = max(np.ptp(y), np.ptp(x)) * 1.7
    middle = (y.min() + y.max()) / 2, (x.min() + x.max()) / 2
    if side > min(rows, cols):
        side, middle = min(rows, cols) / 2, (rows / 2, cols / 2)
    top, left = (int(np.clip(m - side / 2, 0, n - side)) for m, n in zip(middle, (rows, cols), strict=True))
    return slice(top, top + int(side)), slice(left, left + int(side))


def sheet(runner: Runner, case: Case, names: list[str]) -> np.ndarray:
    """Truth, masked picture and every result of one case, enlarged around the hole and labelled."""
    image, mask_file = runner.input_files(case)
    truth, mask = photos.read(image), photos.read_mask(mask_file)
    masked = truth.copy()
    masked[mask > 0] = (255, 0, 255)
    pictures = [("photo", truth), ("hole", masked)]
    for name in names:
        result = photos.read(runner.result_file(case, name))
        pictures.append((TITLES[name], result))
    window = _window(mask)
    return grid([labelled(picture[window], title, TILE) for title, picture in pictures], COLUMNS)


def pictures(runner: Runner, table: Table, folder: Path) -> None:
    """A sheet for the large hole of every small photo, and for two of the other masks.

    Most photos come from mate-backgrounds, which is GPL-2+: the sheets stay out of the repository.
    """
    cases = [c for c in table if c.size == "512" and c.mask == "hole"]
    cases += [c for c in table if c.size == "512" and c.mask != "hole" and c.photo in ("dune", "astronaut")]
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        names = [name for name in TITLES if name in table[case] and not table[case][name].failure]
        file = folder / f"{case.photo}-{case.mask}.jpg"
        cv2.imwrite(str(file), sheet(runner, case, names), [cv2.IMWRITE_JPEG_QUALITY, 85])
