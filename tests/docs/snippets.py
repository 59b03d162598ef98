#!/usr/bin/env python3
"""Compiles, links and runs the C and C++ in the documents.

snippets.py CC CXX INCLUDE LIBRARY FILE.md...   every block marked c or cpp in these files
snippets.py CC CXX INCLUDE LIBRARY --self-test  plants broken blocks and expects to find each

A block with a main() stands for itself. Any other is what a reader would paste into a function that has a picture of
w x h pixels (RGB), called pixels or rgb, and holes; C++ also has the images picture and mask. It is run as well, in a
folder with a model, and may print nothing that looks like an error of the library.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^```(\w*)\s*\n(.*?)^```\s*$", re.M | re.S)
INCLUDE = re.compile(r"^\s*#\s*include\s*<[^>]+>[^\n]*\n", re.M)
PIXELS = "enum { w = 32, h = 24 };\nstatic unsigned char pixels[w * h * 3], *rgb = pixels, holes[w * h];\n"
START = "  for (int i = 0; i < w * h * 3; ++i) pixels[i] = (unsigned char)(i * 7 % 250);\n" \
        "  for (int i = 0; i < w * h; ++i) holes[i] = (unsigned char)(i / w / 5 == 2 && i % w / 6 == 2 ? 255 : 0);\n" \
        "  (void)rgb;\n"
FRAMES = {
    "c": ("#include <infill.h>\n#include <stdio.h>\n" + PIXELS + "int main(void) {\n" + START, "  return 0;\n}\n"),
    "cpp": ("#include <infill.hpp>\n#include <cstdio>\n" + PIXELS + "int main() {\n" + START
            + "  infill_image picture = infill::image(INFILL_FORMAT_RGB8, w, h, pixels);\n"
            + "  infill_image mask = infill::image(INFILL_FORMAT_GRAY8, w, h, holes);\n"
            + "  (void)picture; (void)mask;\n  {\n", "  }\n  return 0;\n}\n"),
}
MODEL = pathlib.Path(__file__).parents[1] / "data/golden/deepfill_c8.weights.safetensors"
STANDARD = {"c": "-std=c99", "cpp": "-std=c++11"}
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


def program_of(language, block):
    """A whole program around a block; its lines keep their numbers in messages."""
    if re.search(r"\bmain\s*\(", block):
        return '#line 1 "block"\n' + block
    before, after = FRAMES[language]
    includes = "".join(INCLUDE.findall(block))
    return includes + before + '#line 1 "block"\n' + INCLUDE.sub("\n", block) + after


def problems_of(tools, language, block, work):
    compiler = tools[language]
    source = os.path.join(work, "block." + language)
    program = os.path.join(work, "block")
    pathlib.Path(source).write_text(program_of(language, block), encoding="utf-8")
    command = [compiler, STANDARD[language], *WARNINGS, "-I", tools["include"], source, "-o", program, tools["library"],
               "-Wl,-rpath," + os.path.dirname(tools["library"])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return done.stdout + done.stderr
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, cwd=work)
    # Without a GPU one of them says so, and goes on.
    said = re.sub(r"^filling on the CPU: .*", "", done.stdout + done.stderr, flags=re.M)
    if done.returncode != 0 or re.search(r"INFILL_ERROR|: ", said):
        return f"ended with {done.returncode} and said: {said}"
    return ""


def check(tools, files):
    """(file:line, what is wrong) for each bad block, and for each file without one that is looked at."""
    found = []
    with tempfile.TemporaryDirectory() as work:
        shutil.copy(MODEL, os.path.join(work, "deepfill.safetensors"))
        for file in files:
            text = file.read_text(encoding="utf-8")
            blocks = [match for match in FENCE.finditer(text) if match[1] in FRAMES]
            if not blocks:
                found.append((f"{file.name}:1", "has no block marked c or cpp"))
            for match in blocks:
                problem = problems_of(tools, match[1], match[2], work)
                if problem:
                    found.append((f"{file.name}:{text.count(chr(10), 0, match.start()) + 1}", problem))
    return found


def self_test(tools):
    image = "infill_image i = INFILL_IMAGE_INIT;\ni.format = INFILL_FORMAT_RGB8; i.width = w; i.height = h; i.data = rgb;\n"
    call = "infill_error e;\nif (infill_fill_classic(&i, &m, &i, INFILL_METHOD_AUTO, &e)) puts(e.message);\n"
    good = {
        "c": ["#include <infill.h>\nint main(void) { return infill_version() == INFILL_VERSION ? 0 : 1; }\n",
              image + "infill_image m = i;\nm.format = INFILL_FORMAT_GRAY8; m.data = holes;\n" + call,
              "#include <string.h>\nputs(strlen(infill_build_info()) > 0 ? \"fine\" : \"\");\n"],
        "cpp": ["infill::fill_classic(picture, mask, picture);\n",
                "infill::context picture;  // hides the reader's own\n(void)picture.get();\n"],
    }
    bad = {
        "c": ["infill_fil_classic(0, 0, 0, 0, 0);\n",                              # a name that is not there
              "infill_image i = INFILL_IMAGE_INIT;\ni.hight = h;\n",                 # a field that is not there
              "infill_context_create(NULL, NULL);\n",                              # an argument is missing
              "int unused;\n",                                                     # a warning
              "#include <infill.h>\nint main(void) { return 3; }\n",               # fails when it runs
              image + "infill_image m = INFILL_IMAGE_INIT;\n" + call,               # prints the library's message
              "#include <infil.h>\n"],
        "cpp": ["infill::fil(picture);\n", "infill::session s;\n", "throw 1;\n"],
    }

    def document(language, block):
        return f"# Title\n\n```sh\nnot ours\n```\n\n```{language}\n{block}```\n"

    with tempfile.TemporaryDirectory() as name:
        for kind, table, expected in (("good", good, 0), ("bad", bad, 1)):
            for language, blocks in table.items():
                for number, block in enumerate(blocks):
                    file = pathlib.Path(name) / f"{kind}-{language}-{number}.md"
                    file.write_text(document(language, block), encoding="utf-8")
                    found = check(tools, [file])
                    assert len(found) == expected, f"{kind}:\n{block}{found}"
                    assert not found or found[0][0] == f"{file.name}:7", found
        empty = pathlib.Path(name) / "empty.md"
        empty.write_text("# Title\n\n```sh\nls\n```\n", encoding="utf-8")
        assert len(check(tools, [empty])) == 1


if len(sys.argv) < 6:
    sys.exit(__doc__)
paths = dict(zip(("c", "cpp", "include", "library"), sys.argv[1:5]))
if sys.argv[5] == "--self-test":
    self_test(paths)
else:
    wrong = check(paths, [pathlib.Path(path) for path in sys.argv[5:]])
    for where, problem in wrong:
        print(f"{where}: {problem}")
    sys.exit(1 if wrong else 0)
