"""The steps of scripts/gpu-check. Each takes the Check and its seconds and returns (result, what it says); results are
passed, failed, partial (time ran out: --resume repeats it) and not possible."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from gpu_check import commands

PRECISIONS = ("float32", "tf32", "float16", "bfloat16")  # as cuda/precision.h numbers them, and as everything here calls them
NO_PROGRAMS = ("not possible", "the programs are not built")


class Check:
    def __init__(self, root, work, state, rehearsal, deps, programs):
        self.root, self.work, self.state, self.rehearsal, self.deps = root, work, state, rehearsal, deps
        self.build_folder = work / "build"
        self.programs = programs or self.build_folder / "bin"
        self.architecture = None
        work.mkdir(parents=True, exist_ok=True)

    def find_device(self):
        words = ["nvidia-smi", "--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode != 0 or not done.stdout.strip():
            return False
        name, driver, capability = (word.strip() for word in done.stdout.splitlines()[0].split(","))
        self.architecture = capability.replace(".", "")
        self.state.data["about"] |= {"Device": f"{name}, compute capability {capability}", "Driver": driver}
        return True

    def run(self, name, words, seconds, **options):
        return commands.run(words, seconds, self.work / f"{name}.log", **options)

    def python(self, name, words, seconds, **options):
        """With the modules of bench/."""
        path = os.pathsep.join(filter(None, [str(self.root / "bench"), os.environ.get("PYTHONPATH")]))
        environment = {"PYTHONPATH": path, "TORCHINDUCTOR_CACHE_DIR": str(self.work / "inductor"),
                       **options.pop("environment", {})}
        return self.run(name, [sys.executable, *words], seconds, environment=environment, **options)

    def tests(self, pattern):
        return sorted(file for file in self.programs.glob(pattern) if os.access(file, os.X_OK))


def build(check, seconds):
    if check.rehearsal:
        return "not possible", "a rehearsal takes the programs that --programs names"
    torch = subprocess.run([sys.executable, "-c", "import torch; print(torch.utils.cmake_prefix_path)"],
                           capture_output=True, text=True)
    prefixes = [word for word in (torch.stdout.strip(), f"{check.deps}/usr" if check.deps else "") if word]
    environment = {}
    if check.deps:
        library = f"{os.path.abspath(check.deps)}/usr/lib/x86_64-linux-gnu"
        environment = {"PKG_CONFIG_PATH": f"{library}/pkgconfig", "PKG_CONFIG_SYSROOT_DIR": os.path.abspath(check.deps),
                       "LD_LIBRARY_PATH": os.pathsep.join(filter(None, [library, os.environ.get("LD_LIBRARY_PATH")])),
                       "LIBRARY_PATH": library}
        os.environ.update(environment)  # programs need it, too
    configured = check.run("configure", [
        "cmake", "-S", check.root, "-B", check.build_folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DINFILL_CLI=OFF",
        "-DINFILL_TESTS=OFF", "-DINFILL_CUDA=ON", "-DINFILL_GPU_CHECK=ON",
        f"-DINFILL_CUDA_ARCHITECTURES={check.architecture}", f"-DCMAKE_PREFIX_PATH={';'.join(prefixes)}"], 60)
    if configured.status != 0:
        return "failed", "CMake: " + last_error(configured.output)
    # -k 0: what does not compile must not cost the rest.
    built = check.run("build", ["ninja", "-C", check.build_folder, "-k", "0"], seconds - configured.seconds)
    if built.timed_out:
        return "partial", "time ran out"
    return ("passed", "") if built.status == 0 else ("failed", last_error(built.output))


def last_error(output):
    found = [line.strip() for line in output.splitlines() if "rror" in line or line.startswith("FAILED")]
    return found[0][:300] if found else output.strip().splitlines()[-1][:300] if output.strip() else "no output"


def run_gtests(check, programs, seconds, before=()):
    """(passed, failed, what went wrong) of GoogleTest programs one after the other."""
    end, passed, failed, wrong = time.monotonic() + seconds, 0, 0, []
    for program in programs:
        left = end - time.monotonic()
        if left < 1:
            wrong.append(f"{program.name}: not run, no time left")
            continue
        environment = {"CUDASIM_SCHEDULES": "forward"} if check.rehearsal else {}
        ended = check.run(("-".join(["", *before[1:]]) + program.name).replace("--", ""), [*before, program], left,
                          environment=environment)
        counts = commands.gtest_counts(ended.output)
        if ended.timed_out or counts is None:
            wrong.append(f"{program.name}: " + ("stopped, time ran out" if ended.timed_out else f"exit {ended.status}"))
            failed += not ended.timed_out
            continue
        passed, failed = passed + counts[0], failed + counts[1]
        if ended.status != 0:
            failed += counts[1] == 0
            wrong.append(f"{program.name}: {counts[1]} failed, exit {ended.status}")
    return passed, failed, wrong


def outcome(passed, failed, wrong):
    state = "failed" if failed else "partial" if wrong else "passed"
    return state, "; ".join([f"{passed} tests passed, {failed} failed", *wrong])


def kernel_tests(check, seconds):
    programs = check.tests("cuda_*_test_plain" if check.rehearsal else "cuda_*_test_gpu")
    return outcome(*run_gtests(check, programs, seconds)) if programs else NO_PROGRAMS


def interface_tests(check, seconds):
    if check.rehearsal:
        return "not possible", "CTest runs capi_device_test on a simulated device"
    programs = check.tests("capi_device_test_gpu")
    return outcome(*run_gtests(check, programs, seconds)) if programs else NO_PROGRAMS


def sanitizer(check, seconds, tool):
    program = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path="/usr/local/cuda/bin")
    if program is None:
        return "not possible", "compute-sanitizer is not installed"
    programs = check.tests("cuda_*_test_gpu")
    if not programs:
        return NO_PROGRAMS
    end, clean, wrong, bad = time.monotonic() + seconds, 0, [], False
    for test in programs:
        left = end - time.monotonic()
        if left < 2:
            wrong.append(f"{test.name}: not run, no time left")
            continue
        # Tests of callers' mistakes let calls of the CUDA interface fail on purpose.
        words = [program, "--tool", tool] + (["--report-api-errors", "no"] if tool == "memcheck" else [])
        ended = check.run(f"{tool}-{test.name}", [*words, test], left)
        errors = commands.sanitizer_errors(ended.output)
        if ended.timed_out:
            wrong.append(f"{test.name}: stopped, time ran out")
        elif errors == 0 and ended.status == 0:
            clean += 1
        else:
            bad = True
            wrong.append(f"{test.name}: {errors if errors is not None else 'no'} errors counted, exit {ended.status}")
    return "failed" if bad else "partial" if wrong else "passed", "; ".join([f"{clean} programs clean", *wrong])


def memcheck(check, seconds):
    return sanitizer(check, seconds, "memcheck")


def racecheck(check, seconds):
    return sanitizer(check, seconds, "racecheck")


def measuring(check, name, words, seconds):
    """Keeps each line as it comes."""
    def keep(line):
        if line.startswith('{"key"'):
            found = json.loads(line)
            check.state.put(found.pop("key"), found)

    ended = check.python(name, ["-m", *words], seconds, on_line=keep)
    if ended.timed_out:
        return "partial", "time ran out"
    return ("passed", "") if ended.status == 0 else ("failed", last_error(ended.output[-2000:]))


def torch_side(check, name, seconds, *wanted):
    device, side = ("cpu", "32") if check.rehearsal else ("cuda", "512")
    return measuring(check, name, ["gpu_check.torch_side", device, side, *wanted], seconds)


def generators(check, seconds):
    library = pathlib.Path(check.programs).parent / "lib/libinfill.so"
    if not library.exists():
        return "not possible", "libinfill.so is not built"
    size = ("cpu", 8, seconds, 64) if check.rehearsal else ("cuda", 48, seconds - 15, 256, 512, 1024)
    state, said = measuring(check, "generators", ["gpu_check.generators", library, *size], seconds)
    failed = sum(key.startswith("generator/") and "failure" in found for key, found in check.state.data["measured"].items())
    if state == "passed" and failed and not check.rehearsal:  # the CPU has no half precision
        return "failed", f"{failed} measurements of infill failed"
    return state, said


def ask_kernels(check, requests, seconds):
    """requests: pairs of a key and a line for cuda_kernels_bench, whose answers are kept as they come."""
    program = check.programs / "cuda_kernels_bench"
    if not program.exists():
        return NO_PROGRAMS
    keys = {line: key for key, line in requests}
    file = check.work / "requests.txt"
    file.write_text("".join(f"{line}\n" for _, line in requests))

    def keep(line):
        if line.startswith('{"request"'):
            found = json.loads(line)
            check.state.put(keys[found.pop("request")], found)

    ended = check.run("kernels", ["sh", "-c", f'exec "{program}" < "{file}"'], seconds, on_line=keep)
    if ended.timed_out:
        return "partial", "time ran out"
    bad = [key for key, _ in requests if "ms" not in (check.state.measured(key) or {})]
    return ("failed" if ended.status or bad else "passed"), f"{len(requests) - len(bad)} of {len(requests)} measured"


def peaks(check, seconds):
    state, said = torch_side(check, "peaks", seconds, "peaks", "layers")
    told = check.state.measured("layers")
    if told:
        check.state.data["about"]["PyTorch"] = told["version"]
    copied, what = ask_kernels(check, [("peak/copy", f"copy {1 << (20 if check.rehearsal else 32)}")], seconds)
    entry = check.state.measured("peak/copy")
    if entry and entry.get("ms"):
        check.state.put("peak/copy", {**entry, "per_second": entry["bytes"] / (1e-3 * entry["ms"])})
    return (state, said) if state != "passed" else (copied, what)


def kernels(check, seconds):
    told = check.state.measured("layers")
    if not told:
        return "not possible", "PyTorch, which lists the layers, did not run"
    requests = []
    for number, precision in enumerate(PRECISIONS):
        for layer, name in zip(told["layers"], told["names"]):
            requests.append((f"gated/{name}/{precision}", " ".join(map(str, ["gated", *layer[:7], number]))))
        for side in (32,) if check.rehearsal else (512, 1024, 2048):
            requests.append((f"attention/{side}²/{precision}", f"attention {side // 4} 96 {number}"))
    return ask_kernels(check, requests, seconds)


def ways(check, seconds):
    """What the table in cuda/torch/gated_conv2d_path.h needs, beside what `kernels` and `rivals` measured."""
    told = check.state.measured("layers")
    if not told:
        return "not possible", "PyTorch, which lists the layers, did not run"
    requests = [(f"{what}/{name}/{precision}", " ".join(map(str, [what, *layer[:7], number])))
                for number, precision in enumerate(PRECISIONS)
                for layer, name in zip(told["layers"], told["names"])
                for what in ("backward", "gate", "gate_backward")]
    end = time.monotonic() + seconds
    state, said = ask_kernels(check, requests, seconds)
    theirs = torch_side(check, "ways", max(end - time.monotonic(), 1), "backward")
    return (state, said) if state != "passed" else (theirs[0], said)


def rivals(check, seconds):
    return torch_side(check, "rivals", seconds, "attention", "gated")


def operator_tests(root):
    """Every operator, forward and backward, in every precision, against the CPU's."""
    return sorted((root / "tests/ops/cuda").glob("*_test.py"))


def operators(check, seconds):
    library = next(iter(sorted((check.build_folder / "lib").glob("libinfill_torch_cuda.so*"))), None)
    if library is None:
        return "not possible", "libinfill_torch_cuda is not built"
    end, passed, failed, wrong = time.monotonic() + seconds, 0, 0, []
    for test in operator_tests(check.root):
        ended = check.python(test.stem, [test], end - time.monotonic(), environment={
            "INFILL_TORCH_LIBRARY": str(check.build_folder / "lib/libinfill_torch.so"), "INFILL_TORCH_CUDA_LIBRARY": str(library)})
        counts = commands.unittest_counts(ended.output)
        if counts is None:
            wrong.append(f"{test.name}: exit {ended.status}")
            failed += 1
        else:
            passed, failed = passed + counts[0], failed + counts[1]
    return outcome(passed, failed, wrong) if passed or failed else ("not possible", "there are no tests of them on a device")
