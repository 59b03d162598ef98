"""DeepFill v2 and its operators: infill beside PyTorch, ONNX Runtime and OpenVINO.

Start it with bench/compare-models."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from infill_ctypes import Library
from model_comparison import measure, report, targets
from support import document

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "build/release/lib"
ROUNDS = {256: 8, 512: 4}
OPERATORS = {"attention": 512, "gated": 512, "attention-memory": 2048, "published-memory": 2048}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/compare-models", description=__doc__)
    parser.add_argument("--library", type=Path, default=BUILT / "libinfill.so")
    parser.add_argument("--operators", type=Path, default=BUILT / "libinfill_torch.so")
    parser.add_argument("--work", type=Path, default=ROOT / "build/compare-models", help="weights and networks")
    parser.add_argument("--sizes", type=int, nargs="+", choices=ROUNDS, default=list(ROUNDS))
    parser.add_argument("--rounds", type=int, help="turns of every engine, of two calls each")
    parser.add_argument("--quick", action="store_true", help="256² only, one round: does everything work?")
    parser.add_argument("--fresh", action="store_true", help="make weights and networks anew")
    parser.add_argument(
        "--write", action="store_true", help="write the second half of docs/benchmarks.md, if everything ran"
    )
    args = parser.parse_args()
    for file in (args.library, args.operators):
        if not file.exists():
            parser.error(f"{file} is missing: cmake --preset release && cmake --build --preset release")
    if args.write and (args.quick or args.sizes != list(ROUNDS)):
        parser.error("--write: every size has to be measured")
    library, operators, work = (path.resolve() for path in (args.library, args.operators, args.work))
    if args.fresh:
        for file in [*work.glob("*.safetensors"), *work.glob("*.onnx")]:
            file.unlink()

    measured = measure.Measured()
    for size in [256] if args.quick else args.sizes:
        files = measure.make_files(library, work, size)
        with measure.Crew(size, files, measured) as crew:
            crew.compare_ours()
            crew.measure(1 if args.quick else args.rounds or ROUNDS[size])
    if not args.quick:
        for size in targets.LARGE:
            measure.large(size, files, measured, rounds=2 if size == 1024 else 0)
    for what, size in OPERATORS.items():
        if size <= 512 or not args.quick:
            measured.operators[what] = measure.operator(what, operators, 256 if args.quick else size)

    found = targets.judge(measured)
    details = [*report.models(measured), "", *report.gated(measured)]
    print("\n".join([*details, "", *document.verdicts(found), "", document.summary(found)]))
    failures = measured.failures()
    if failures:
        print("\n".join(["", "Not everything ran:", *failures]), file=sys.stderr)
        return 1
    if args.write:
        build = Library(library).build_info()
        document.write_models(ROOT / "docs/benchmarks.md", report.markdown(measured, found, build))
    return 0


if __name__ == "__main__":
    sys.exit(main())
