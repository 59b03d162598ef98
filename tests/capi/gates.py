"""The gates of the binary interface (docs/abi.md). Usage: gates.py GATE SOURCE_FOLDER LIBRARY"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

gate, source, library = sys.argv[1:4]
capi = os.path.join(source, "capi")
work = tempfile.mkdtemp()


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def must(*command):
    done = run(*command)
    if done.returncode != 0:
        sys.exit(f"FAILED: {' '.join(command)}\n{done.stdout}{done.stderr}")


def broken_header():
    """A folder with an infill.h in which somebody put a field where it must not be."""
    text = open(os.path.join(capi, "infill.h")).read()
    broken = text.replace("  infill_format format;\n  int32_t width", "  infill_format format;\n  int32_t added;\n  int32_t width")
    broken = broken.replace("{ INFILL_SIZEOF(infill_image), 0,", "{ INFILL_SIZEOF(infill_image), 0, 0,")
    assert broken != text
    with open(os.path.join(work, "infill.h"), "w") as file:
        file.write(broken)
    return work


def exports():
    names = {line.split()[2] for line in run("nm", "-D", "--defined-only", library).stdout.splitlines()}
    listed = open(os.path.join(capi, "infill.symbols")).read().split()
    assert listed == sorted(listed), "infill.symbols is not sorted"
    assert names == set(listed), f"exported but not listed, or the reverse: {names ^ set(listed)}"
    soname = re.search(r"soname: \[(.*)\]", run("readelf", "-d", library).stdout).group(1)
    assert soname == "libinfill.so.0.1", soname


def headers():
    text = open(os.path.join(capi, "infill.h")).read()
    inits = re.findall(r"^#define (INFILL_(\w+)_INIT)", text, re.M)
    uses = "".join(f"static infill_{name.lower()} v_{name.lower()} = {macro};\n" for macro, name in inits)
    touch = "".join(f"(void)v_{name.lower()};\n" for _, name in inits)
    unit = os.path.join(work, "unit")
    with open(unit, "w") as file:
        file.write('#include "infill.h"\n#if INFILL_VERSION < INFILL_MAKE_VERSION(0, 1, 0)\n#error version\n#endif\n'
                   + uses + "int main(void) {\n" + touch + "return 0; }\n")
    warnings = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-I", capi]
    for compiler in ("gcc", "clang"):
        if not shutil.which(compiler):
            print("not installed:", compiler)
            continue
        for standard in ("c99", "c11", "c17", "c++11", "c++14", "c++17", "c++20"):
            language = "c++" if "+" in standard else "c"
            must(compiler, "-x", language, "-std=" + standard, *warnings, unit)
            if language == "c++":
                must(compiler, "-x", "c++", "-std=" + standard, *warnings, "-include", "infill.hpp", unit)
    if shutil.which("clang"):
        for target in ("x86_64-linux-gnu", "i686-linux-gnu", "armv7-linux-gnueabihf", "aarch64-linux-gnu"):
            must("clang", "--target=" + target, "-x", "c", "-std=c99", "-ffreestanding", "-Wpadded", *warnings, unit)


def layout():
    for name in sorted(file for file in os.listdir(os.path.join(capi, "abi")) if file.endswith(".h")):
        check = os.path.join(capi, "abi", name)
        must("gcc", "-x", "c", "-std=c11", "-fsyntax-only", "-I", capi, check)
        caught = run("gcc", "-x", "c", "-std=c11", "-fsyntax-only", "-I", broken_header(), check)
        assert caught.returncode != 0 and "infill_image.width moved" in caught.stderr, "a moved field was not noticed"


def old_program():
    old = os.path.join(source, "tests", "capi", "old")
    program = os.path.join(work, "program")

    def outcome(include):
        must("gcc", "-std=c99", "-iquote", include, os.path.join(work, "program.c"), "-o", program, library)
        return run(program, env={**os.environ, "LD_LIBRARY_PATH": os.path.dirname(library)})

    shutil.copy(os.path.join(old, "program.c"), work)
    now = outcome(old)
    if now.returncode == 0:
        assert outcome(broken_header()).returncode != 0, "a broken layout went unnoticed"
    assert now.returncode == 0, now.stderr


try:
    {"exports": exports, "headers": headers, "layout": layout, "old_program": old_program}[gate]()
finally:
    shutil.rmtree(work)
