"""Builds infill for this machine's CUDA device, tests and measures it there, and writes docs/benchmarks-gpu.md.

Needs CUDA 13, g++, CMake and Ninja; PyTorch for the comparison; Highway, JSON for Modern C++ and GoogleTest, installed
or in the folder that --deps names (made by --pack on a Debian machine that has them). What is missing is left out, and
the report says so. Steps run in order of importance until the budget is spent; --resume goes on with the rest.

--rehearse runs what can be run without a GPU and writes build/gpu-check-rehearsal/benchmarks-gpu.md instead.
"""
import argparse
import datetime
import os
import pathlib
import platform
import shutil
import sys
import time

from gpu_check import report, steps
from gpu_check.state import State, fingerprint
from support.machine import machine

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Name, most seconds, what does it.
STEPS = [
    ("build", 230, steps.build),
    ("kernel tests", 60, steps.kernel_tests),
    ("tests of the C interface", 40, steps.interface_tests),
    ("peaks", 30, steps.peaks),
    ("kernels' times", 60, steps.kernels),
    ("generators", 75, steps.generators),
    ("PyTorch's times", 90, steps.rivals),
    ("memcheck", 60, steps.memcheck),
    ("racecheck", 60, steps.racecheck),
    ("operators from Python", 60, steps.operators),
    ("both ways of gated_conv2d", 80, steps.ways),
]
PACKAGES = ("libhwy-dev", "libhwy1", "nlohmann-json3-dev", "libgtest-dev")


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/gpu-check", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resume", action="store_true", help="keep what was found for the same sources")
    parser.add_argument("--rehearse", action="store_true")
    parser.add_argument("--budget", type=float, default=470, help="seconds for everything (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=[name for name, _, _ in STEPS], metavar="STEP")
    parser.add_argument("--deps", default=os.environ.get("INFILL_GPU_CHECK_DEPS"), help="also $INFILL_GPU_CHECK_DEPS")
    parser.add_argument("--pack", type=pathlib.Path, metavar="FOLDER", help="fill a folder for --deps and stop")
    parser.add_argument("--programs", type=pathlib.Path, help="rehearsals: programs that are built already")
    return parser.parse_args()


def pack(folder):
    """Copies what Debian packages put below /usr, links as the files that they lead to."""
    import subprocess
    listed = subprocess.run(["dpkg", "-L", *PACKAGES], check=True, capture_output=True, text=True).stdout.split("\n")
    for name in listed:
        file = pathlib.Path(name)
        if file.is_file() and file.parts[:3] in (("/", "usr", "include"), ("/", "usr", "lib")) or "/usr/share/cmake/" in name:
            if file.is_file():
                target = folder / file.relative_to("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
    # Other machines have folders of other names for libraries.
    libraries = folder / "usr/lib/x86_64-linux-gnu"
    print(f"{sum(f.stat().st_size for f in folder.rglob('*') if f.is_file()) >> 20} MiB in {folder}, libraries in {libraries}")


def main():
    args = arguments()
    if args.pack:
        pack(args.pack)
        return 0
    work = ROOT / "build" / ("gpu-check-rehearsal" if args.rehearse else "gpu-check")
    state = State(work / "results.json", fingerprint(ROOT), args.rehearse, args.resume)
    check = steps.Check(ROOT, work, state, args.rehearse, args.deps, args.programs)
    if not args.rehearse and not check.find_device():
        print("scripts/gpu-check: nvidia-smi sees no device; --rehearse goes as far as one can without", file=sys.stderr)
        return 2
    state.data["about"] |= {"Date": f"{datetime.date.today()}", "Machine": machine(), "Python": platform.python_version()}
    output = work / "benchmarks-gpu.md" if args.rehearse else ROOT / "docs/benchmarks-gpu.md"
    end = time.monotonic() + args.budget
    for name, most, step in STEPS:
        if state.is_done(name) or (args.only and name not in args.only):
            continue
        left = end - time.monotonic()
        start = time.monotonic()
        if left < 5:
            state.put_step(name, "not run", "no time was left; --resume runs it")
        else:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                outcome, detail = step(check, min(most, left))
            except Exception as error:  # one step's fault must not cost the others' results
                outcome, detail = "failed", f"{type(error).__name__}: {error}"
            state.put_step(name, outcome, detail, time.monotonic() - start)
            print(f"  {outcome}: {detail}", file=sys.stderr, flush=True)
        output.write_text(report.markdown(state.data))
    print(output)
    return 1 if any(step["state"] == "failed" for step in state.data["steps"].values()) else 0
