"""infill beside OpenCV, scikit-image, patchmatch-cython and G'MIC. Start it with bench/compare."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from comparison import masks, methods, photos, report, targets
from comparison.runner import ADDRESS_SPACE, TIMEOUT_SECONDS, Case, Figures, Runner
from infill_ctypes import Library
from support import document

ROOT = Path(__file__).resolve().parent.parent
QUICK = [Case("512", "dune", "text"), Case("512", "dune", "hole")]
# A hole of 2.9 million pixels: more than a direct solver can hold.
HUGE = Case("2048", "wood", "most")


def measure(
    runner: Runner, cases: list[Case], families: list[str], rounds: int, thorough: bool
) -> targets.Table:
    table: targets.Table = {}
    for number, case in enumerate(cases, start=1):
        print(f"{number} of {len(cases)}: {case}", file=sys.stderr, flush=True)
        figures: dict[str, Figures] = {}
        for ours in families:
            if ours == "patchmatch" and case.size == "2048" and case.mask != "hole" and not thorough:
                continue
            figures |= runner.family(case, [ours, *methods.RIVALS[ours]], rounds)
        if figures:
            table[case] = figures
    return table


def judge(table: targets.Table, runner: Runner) -> list[document.Verdict]:
    found: list[document.Verdict] = []
    for ours, rival in (("telea", "opencv-telea"), ("navier-stokes", "opencv-ns")):
        found += targets.faster(table, ours, rival, 2) + targets.no_worse_psnr(table, ours, rival)
    found += targets.faster(table, "biharmonic", "skimage-biharmonic", 10)
    found += targets.same_biharmonic(table, runner.answers_differ)
    found += targets.faster(table, "patchmatch", "patchmatch-cython", 5)
    found += targets.faster(table, "patchmatch", "gmic-matchpatch", 3)
    return found + targets.closer(table, "patchmatch", methods.RIVALS["patchmatch"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/compare", description=__doc__)
    parser.add_argument("--library", type=Path, default=ROOT / "build/release/lib/libinfill.so")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build/compare", help="photos, results, measurements"
    )
    parser.add_argument("--quick", action="store_true", help="one photo, two masks: does everything work?")
    parser.add_argument("--sizes", nargs="+", choices=photos.SIZES, default=list(photos.SIZES))
    parser.add_argument("--masks", nargs="+", choices=masks.KINDS, default=list(masks.KINDS))
    parser.add_argument("--methods", nargs="+", choices=methods.OURS, default=list(methods.OURS))
    parser.add_argument("--rounds", type=int, default=3, help="processes per measurement")
    thorough = "PatchMatch on thin masks of 4.1 megapixels too, where others take a minute a call"
    parser.add_argument("--thorough", action="store_true", help=thorough)
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs measured")
    parser.add_argument("--cached", action="store_true", help="measure nothing, report what is known")
    written = "write the first half of docs/benchmarks.md, and pictures to build/compare/pictures"
    parser.add_argument("--write", action="store_true", help=written)
    args = parser.parse_args()
    if not args.library.exists():
        parser.error(f"{args.library} is missing: cmake --preset release && cmake --build --preset release")

    runner = Runner(args.work.resolve(), args.library.resolve(), args.cached)
    if args.fresh:
        runner.forget()
    cases = (
        QUICK
        if args.quick
        else [
            Case(size, photo, mask)
            for size in args.sizes
            for photo in photos.PHOTOS[size]
            for mask in args.masks
        ]
    )
    table = measure(runner, cases, args.methods, 1 if args.quick else args.rounds, args.thorough)
    found = judge(table, runner)
    if "biharmonic" in args.methods and not args.quick:
        figures = runner.family(HUGE, ["biharmonic", "skimage-biharmonic"], 1)
        if len(figures) == 2:
            found.append(targets.survives(figures["biharmonic"], figures["skimage-biharmonic"], str(HUGE)))
    if "patchmatch" in args.methods:
        found += targets.follows_hole(runner.follow_hole(1 if args.quick else args.rounds))

    print("\n".join([*report.means(table), "", *document.verdicts(found), "", document.summary(found)]))
    if args.write:
        introduction = {
            "sizes": "six photos of 512×512 and six of 2560×1600 (4.1 megapixels)",
            "radius": methods.RADIUS,
            "limit": ADDRESS_SPACE >> 30,
            "timeout": TIMEOUT_SECONDS,
        }
        build = Library(args.library.resolve()).build_info()
        text = report.markdown(table, found, build, runner.loads(), introduction)
        document.write_fills(ROOT / "docs/benchmarks.md", text)
        report.pictures(runner, table, ROOT / "build/compare/pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
