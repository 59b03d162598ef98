#!/usr/bin/env python3
"""Proves that the tests can fail: puts the faults of the tables (mutants.toml, cuda.toml) into a copy of the sources, one
at a time, and demands that the tests named for each of them fail.

run.py                 every mutant
run.py NAME...         these
run.py --quick         those marked quick, as scripts/test does
run.py --list          their names
run.py --self-test     the runner itself, on a small project of its own

Every call looks first whether all entries still fit the sources. Works below build/mutants. A mutant that was caught is
not run again until its entry or a file that its verdict hangs on changes. Ends with "N caught, N survived, N excused,
N errors"; survivors and errors are bad. Excused is what no test can see, for the reason in the table. An error is one of
the table: a text that is not there exactly once, a fault that does not compile, or an excuse for what a test sees.
"""
import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import tomllib

TABLES = ("mutants.toml", "cuda.toml")
# Of a table.
MOST_EXCUSED = 0.15
# How a copy may be built: names as in CMakePresets.json.
BUILDS = {
    "release": ["-DCMAKE_BUILD_TYPE=Release"],
    "asan": ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DINFILL_SANITIZE=address,undefined"],
    "tsan": ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DINFILL_SANITIZE=thread", "-DINFILL_CLI=OFF"],
}
# Seconds for one test: a fault may well make a loop endless.
TIMEOUT = 300
# Nothing in these is built or read by a test that a mutant names.
ELSEWHERE = re.compile(r"(bench|docs|examples|scripts|tests/(mutants|install|lint))/|\.ci/|[^/]*\.md$")
# What follows the names of tests that exist several times.
VARIANTS = ("", ":plain", ":checked", ":asan")
# tests/<part>/<name>_test.cpp is the test <part>_<name>_test, tests/cli/<name>_test.py is cli_<name>.
TEST_SOURCE = re.compile(r"tests/(\w+)/(?:(\w+_test)\.cpp|(\w+)_test\.py)")


class TableError(Exception):
    """What is wrong with an entry of the table."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str  # stands in the file exactly once
    new: str
    tests: str  # regular expression: the whole name of each test that may catch it
    why: str  # what would be lost
    build: str = "release"
    quick: bool = False
    survives: str = ""  # why no test can notice


def read_tables(folder):
    mutants = []
    for table in TABLES:
        found = read_table(folder / table)
        excused = sum(bool(mutant.survives) for mutant in found)
        if excused > MOST_EXCUSED * len(found):
            raise TableError(f"{table}: {excused} of {len(found)} mutants are said to survive")
        mutants += found
    names = [mutant.name for mutant in mutants]
    for name in names:
        if names.count(name) > 1:
            raise TableError(f"{name}: is there twice")
    return mutants


def read_table(path):
    with open(path, "rb") as file:
        entries = tomllib.load(file)["mutant"]
    mutants = [Mutant(**entry) for entry in entries]
    for mutant in mutants:
        if mutant.build not in BUILDS:
            raise TableError(f"{mutant.name}: there is no build {mutant.build}")
    return mutants


def texts_of(mutant, root):
    """Its file as it is and with the fault."""
    path = root / mutant.file
    if not path.is_file():
        raise TableError(f"there is no file {mutant.file}")
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise TableError(f"its text is {text.count(mutant.old)} times in {mutant.file}")
    if mutant.new == mutant.old:
        raise TableError("it changes nothing")
    return text, text.replace(mutant.old, mutant.new)


def outdated(mutants, root):
    """What is wrong with entries because the sources have changed. Takes no build, so every run can ask."""
    problems = []
    for mutant in mutants:
        try:
            texts_of(mutant, root)
        except TableError as problem:
            problems.append(f"{mutant.name}: {problem}")
    return problems


def plain_name(test):
    """As tables call it: without the sanitizer that its build is named after."""
    return re.sub(r"^(address|thread):", "", test)


def program_of(test):
    """The target to build for a test."""
    name = plain_name(test)
    if name.startswith("cli_"):
        return "infill_cli"
    if name in ("capi_exports", "capi_headers", "capi_layout", "capi_old_program"):
        return "infill"
    return name.replace(":", "_")  # cuda_mask_test:checked is of cuda_mask_test_checked


def in_stages(tests):
    """The cheap ones first: kernels under a checker take several times as long."""
    slow = [test for test in tests if re.search(":(checked|asan)$", test)]
    return [stage for stage in ([test for test in tests if test not in slow], slow) if stage]


class Copy:
    """A copy of the sources, in which faults come and go."""

    def __init__(self, source, work):
        self.source = source
        self.tree = work / "tree"
        self.results = work / "results"
        self.log = work / "log"
        for folder in (self.tree, self.results):
            folder.mkdir(parents=True, exist_ok=True)
        self.names = {}  # of the tests of each build
        self.files = self.update()

    def update(self):
        """Makes the copy equal to the sources, and leaves alone the times of files that already are."""
        listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=self.source, check=True,
                                capture_output=True, text=True).stdout.split("\0")
        files = sorted(name for name in listed if name and (self.source / name).is_file())
        for name in files:
            copy = self.tree / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.is_file() or copy.read_bytes() != (self.source / name).read_bytes():
                shutil.copy(self.source / name, copy)
        for path in self.tree.rglob("*"):
            name = path.relative_to(self.tree).as_posix()
            if path.is_file() and not name.startswith("build/") and name not in files:
                path.unlink()
        return files

    def digest(self, tests, *more):
        """Of all that a verdict hangs on: the sources but for those of other tests."""
        digest = hashlib.sha256(repr(more).encode())
        for name in self.files:
            test = TEST_SOURCE.fullmatch(name)
            other = test and not any(re.fullmatch(tests, f"{test[1]}_{test[2] or test[3]}{variant}")
                                     for variant in VARIANTS)
            if not other and not ELSEWHERE.match(name):
                digest.update(name.encode() + b"\0" + (self.tree / name).read_bytes() + b"\0")
        return digest.hexdigest()

    def run(self, *command):
        """Appends to the log; returns the exit status and what was printed."""
        environment = dict(os.environ, CCACHE_BASEDIR=str(self.tree))
        # What scripts/setup-cuda fetched lies below the build folder, which is not copied.
        environment.setdefault("CUDA_PATH", str(self.source / "build/cuda/nvidia/cu13"))
        done = subprocess.run(command, env=environment, text=True, check=False, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n{done.stdout}\n")
        return done.returncode, done.stdout

    def folder(self, build):
        return str(self.tree / "build" / build)

    def tests(self, build, wanted):
        """Names of the build's tests that the regular expression matches."""
        if build not in self.names:
            configure = ["cmake", "-S", str(self.tree), "-B", self.folder(build), "-G", "Ninja", "-DINFILL_WERROR=ON"]
            status, text = self.run(*configure, *BUILDS[build])
            if status != 0:
                raise TableError(f"build {build} cannot be configured:\n{text[-4000:]}")
            listed = self.run("ctest", "--test-dir", self.folder(build), "-N")[1]
            self.names[build] = re.findall(r"^ *Test +#\d+: (\S+)", listed, re.M)
        found = [name for name in self.names[build] if re.fullmatch(wanted, plain_name(name))]
        if not found:
            raise TableError(f"build {build} has no test {wanted}")
        return found

    def failures(self, build, tests, stop=False):
        """Builds and runs tests; returns the names of those that fail."""
        programs = sorted({program_of(test) for test in tests})
        status, text = self.run("cmake", "--build", self.folder(build), "--target", *programs)
        if status != 0:
            raise TableError(f"it does not compile:\n{text[-4000:]}")
        exactly = "^(" + "|".join(map(re.escape, tests)) + ")$"
        status, text = self.run("ctest", "--test-dir", self.folder(build), "-R", exactly, "-j", str(os.cpu_count()),
                                "--timeout", str(TIMEOUT), "--output-on-failure", "--no-tests=error",
                                *(["--stop-on-failure"] if stop else []))
        failed = re.findall(r"^\s*\d+ - (\S+) \((.*)\)$", text, re.M)
        if any(reason == "Not Run" for _, reason in failed) or (status != 0) != bool(failed):
            raise TableError(f"the tests do not run:\n{text[-4000:]}")
        return [name for name, _ in failed]

    def require_sound(self, build, tests):
        """What fails without a fault proves nothing."""
        record = self.results / f"sound-{build}.json"
        sound = json.loads(record.read_text()) if record.exists() else {}
        digests = {test: self.digest(re.escape(plain_name(test)), build) for test in tests}
        open_ones = [test for test in tests if sound.get(test) != digests[test]]
        if open_ones:
            failed = self.failures(build, open_ones)
            sound.update((test, digests[test]) for test in open_ones if test not in failed)
            record.write_text(json.dumps(sound, indent=1))
            if failed:
                raise TableError(f"{', '.join(failed)} fails without the fault, too")

    def caught_by(self, mutant):
        """Names of tests that notice the mutant."""
        path = self.tree / mutant.file
        text, faulty = texts_of(mutant, self.tree)
        for tests in in_stages(self.tests(mutant.build, mutant.tests)):
            self.require_sound(mutant.build, tests)
            path.write_text(faulty, encoding="utf-8")
            try:
                failed = self.failures(mutant.build, tests, stop=True)
            finally:
                path.write_text(text, encoding="utf-8")
            if failed:
                return failed
        return []


def judge(copy, mutant):
    """The mutant's record: verdict, by (who caught it), seconds, key."""
    record = copy.results / f"{mutant.name}.json"
    key = copy.digest(mutant.tests, dataclasses.astuple(mutant))
    if record.exists():
        known = json.loads(record.read_text())
        if known["key"] == key and known["verdict"] in ("caught", "excused"):
            return known | {"again": True}
    start = time.monotonic()
    try:
        by = copy.caught_by(mutant)
        if by and mutant.survives:
            raise TableError("is said to survive, but is caught")
        verdict = {"verdict": "caught" if by else "excused" if mutant.survives else "survived", "by": by}
    except TableError as problem:
        verdict = {"verdict": "error", "by": [], "problem": str(problem)}
    verdict |= {"seconds": round(time.monotonic() - start, 1), "key": key}
    record.write_text(json.dumps(verdict, indent=1))
    return verdict


def judge_all(copy, mutants):
    """Prints a line for each and the sum; returns the verdicts."""
    verdicts = []
    for mutant in mutants:
        print(f"{mutant.name:<36} ", end="", flush=True)
        verdict = judge(copy, mutant)
        verdicts.append(verdict["verdict"])
        when = "known" if "again" in verdict else f"{verdict['seconds']:.0f} s"
        print(f"{verdict['verdict']:<9} {when:>6}  {', '.join(verdict['by'])}", flush=True)
        if verdict["verdict"] == "survived":
            print(textwrap.indent(f"{mutant.file}: {mutant.why}\nThese tests must notice: {mutant.tests}", "    "))
        if verdict["verdict"] == "excused":
            print(textwrap.indent(mutant.survives, "    "))
        if "problem" in verdict:
            print(textwrap.indent(verdict["problem"], "    "))
    count = verdicts.count
    print(f"{count('caught')} caught, {count('survived')} survived, {count('excused')} excused, {count('error')} errors",
          flush=True)
    return verdicts


SMALL_PROJECT = {
    "CMakeLists.txt": """\
        cmake_minimum_required(VERSION 3.25)
        project(small LANGUAGES CXX)
        enable_testing()
        add_executable(small_sum_test tests/small/sum_test.cpp)
        add_test(NAME small_sum_test COMMAND small_sum_test)
        add_executable(small_sum_test_plain tests/small/sum_test.cpp)
        add_executable(small_sum_test_checked tests/small/sum_test.cpp)
        add_test(NAME small_sum_test:plain COMMAND small_sum_test_plain)
        add_test(NAME small_sum_test:checked COMMAND small_sum_test_checked)
        add_executable(small_bad_test tests/small/bad_test.cpp)
        add_test(NAME small_bad_test COMMAND small_bad_test)
        """,
    "sum.h": """\
        // Adds.
        inline int sum(int a, int b) { return a + b; }
        inline int twice(int a) { return a + a; }
        """,
    "tests/small/sum_test.cpp": """\
        #include "../../sum.h"
        int main() { return sum(2, 3) == 5 ? 0 : 1; }
        """,
    "tests/small/bad_test.cpp": "int main() { return 1; }\n",
}


def self_test():
    def mutant(name, old, new, tests="small_sum_test", file="sum.h", **more):
        return Mutant(name, file, old, new, tests, "the runner must tell", **more)

    cases = [
        (mutant("harmless", "// Adds.", "// Adds two numbers."), "survived"),
        (mutant("untested", "a + a", "a - a"), "survived"),
        (mutant("excused", "a + a", "a * a", survives="nobody calls it"), "excused"),
        (mutant("wrong sign", "a + b", "a - b"), "caught"),
        (mutant("wrong sign in a variant", "a + b", "a - b", tests="small_sum_test:(plain|checked)"), "caught"),
        (mutant("crash", "return a + b", "__builtin_trap()"), "caught"),
        (mutant("not there", "a * b", "a / b"), "error"),
        (mutant("there twice", "inline int", "int"), "error"),
        (mutant("no change", "a + b", "a + b"), "error"),
        (mutant("does not compile", "a + b", "a +"), "error"),
        (mutant("no such test", "a + b", "a - b", tests="small_sum"), "error"),
        (mutant("no such file", "a + b", "a - b", file="sum.cpp"), "error"),
        (mutant("wrong excuse", "a + b", "a - b", survives="nobody calls it"), "error"),
        (mutant("fails anyway", "a + b", "a - b", tests="small_bad_test"), "error"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "source"
        for name, text in SMALL_PROJECT.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(textwrap.dedent(text))
        subprocess.run(["git", "init", "-q", str(source)], check=True)
        work = pathlib.Path(folder) / "work"
        copy = Copy(source, work)
        named = [problem.split(":")[0] for problem in outdated([each for each, _ in cases], source)]
        assert named == ["not there", "there twice", "no change", "no such file"], f"outdated: {named}"
        verdicts = judge_all(copy, [each for each, _ in cases])
        assert verdicts == [wanted for _, wanted in cases], "another verdict than the case asks for"
        assert (copy.tree / "sum.h").read_bytes() == (source / "sum.h").read_bytes(), "a fault was left in the copy"

        caught = next(each for each, verdict in cases if verdict == "caught")
        assert "again" in judge(copy, caught), "a known verdict was not kept"
        (source / "tests/small/bad_test.cpp").write_text("int main() { return 2; }\n")
        assert "again" in judge(Copy(source, work), caught), "the source of another test changed the verdict"
        variant = next(each for each, _ in cases if each.name == "wrong sign in a variant")
        judge(copy, variant)
        assert "again" in judge(Copy(source, work), variant), "the source of another test changed a variant's verdict"
        assert "again" not in judge(copy, dataclasses.replace(caught, new="a * b")), "an old verdict for a new fault"
        judge(copy, caught)
        (source / "tests/small/sum_test.cpp").write_text("int main() { return 0; }\n")
        assert judge(Copy(source, work), caught)["verdict"] == "survived", "an old verdict for a new test"
        assert judge(Copy(source, work), variant)["verdict"] == "survived", "an old verdict for a variant of a new test"
    print("the runner tells harmless changes, faults and mistakes of the table apart")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()

    root = pathlib.Path(__file__).resolve().parents[2]
    mutants = read_tables(root / "tests/mutants")
    unknown = set(arguments.names) - {mutant.name for mutant in mutants}
    if unknown:
        sys.exit(f"no table has {', '.join(sorted(unknown))}")
    if problems := outdated(mutants, root):
        sys.exit("\n".join(problems))
    if arguments.names:
        mutants = [mutant for mutant in mutants if mutant.name in arguments.names]
    if arguments.quick:
        mutants = [mutant for mutant in mutants if mutant.quick]
    if arguments.list:
        print("\n".join(mutant.name for mutant in mutants))
        return None
    if "CMAKE_CXX_COMPILER_LAUNCHER" not in os.environ and shutil.which("ccache"):
        os.environ["CMAKE_CXX_COMPILER_LAUNCHER"] = "ccache"
    verdicts = judge_all(Copy(root, root / "build/mutants"), mutants)
    return None if set(verdicts) <= {"caught", "excused"} else 1


if __name__ == "__main__":
    sys.exit(main())
