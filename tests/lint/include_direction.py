#!/usr/bin/env python3
"""Fails when an #include points upwards (docs/hacking.md, "Where things are").

include_direction.py ROOT        checks the sources below ROOT
include_direction.py --self-test plants wrong includes in a temporary tree and expects to find each
"""
import pathlib
import re
import sys
import tempfile

# layer: folder, the layers of ours it may include, the other libraries it may include (regular expression).
# Headers without a slash or an extension in <> are the standard library's and always allowed.
LAYERS = {
    "core": ("src/core", {"core"}, r"hwy/|(sched|sys/mman)\.h"),
    "classic": ("src/classic", {"core", "classic"}, r"hwy/|Eigen/"),
    "device": ("src/device", {"core", "cuda", "device"}, r"dlfcn\.h"),
    "cuda": ("cuda", {"core", "cuda"}, r"cuda_\w+\.h|cudasim/language\.h"),
    "cuda/torch": ("cuda/torch", {"cuda", "ops", "cuda/torch"}, r"cuda_\w+\.h|ATen/|c10/|torch/"),
    "kernels": ("src/kernels", {"core", "kernels"}, r"hwy/|immintrin\.h"),
    "inference": ("src/inference", {"core", "cuda", "device", "kernels", "inference"}, r"hwy/"),
    "pipeline": ("src/pipeline", {"core", "classic", "cuda", "device", "kernels", "inference", "pipeline"}, r"hwy/"),
    "zoo": ("src/zoo", {"core", "inference", "zoo"}, r"nlohmann/|(fcntl|unistd|sys/\w+)\.h"),
    "infill": ("include/infill", {"infill"}, r"ATen/|c10/|torch/"),
    "ops": ("src/ops", {"core", "kernels", "infill", "ops"}, r"hwy/|ATen/|c10/|torch/|(pthread|dlfcn)\.h"),
    "models": ("src/models", {"core", "kernels", "inference", "zoo", "infill", "ops", "models"}, r"ATen/|c10/|torch/"),
    "capi": ("capi", {"core", "classic", "device", "inference", "pipeline", "zoo", "capi"}, r"(cpuid|pthread|unistd|sys/\w+)\.h"),
    "cli": ("src/cli", {"cli", "infill.h"}, r"vips/|nlohmann/|(fcntl|unistd|signal|sys/\w+)\.h"),
}
INNERMOST_FIRST = sorted(LAYERS.items(), key=lambda layer: -len(layer[1][0]))
SOURCES = {".h", ".hpp", ".c", ".cc", ".cpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
STANDARD = re.compile(r"[a-z_0-9]+|(std(int|def|arg|lib|io)|string|math|limits|errno|assert|float)\.h")
PUBLIC = {"infill.h", "infill.hpp"}


def layer_of(target, file, root):
    """The layer that the name in an #include belongs to; None: not one of ours."""
    if target in PUBLIC:
        return "infill.h"
    for candidate in (file.parent / target, *(root / folder / target for folder in ("src", "capi", "include"))):
        if not candidate.is_file():
            continue
        for name, (folder, _, _) in INNERMOST_FIRST:
            if (root / folder).resolve() in candidate.resolve().parents:
                return name
    return next((name for name, _ in INNERMOST_FIRST if target.startswith(name + "/")), None)


def check(root):
    problems = []
    for layer, (folder, allowed, libraries) in LAYERS.items():
        for file in sorted((root / folder).rglob("*")):
            inner = any(root / other in file.parents for other, _, _ in LAYERS.values() if other.startswith(folder + "/"))
            if inner or file.suffix not in SOURCES:
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = match.group(2)
                ours = layer_of(target, file, root)
                if ours == "infill.h":
                    good = layer in ("capi", "cli")
                elif ours is not None:
                    good = ours in allowed
                else:
                    good = bool(STANDARD.fullmatch(target) or re.match(libraries, target))
                if not good:
                    where = f"{file.relative_to(root)}:{number}"
                    problems.append(f"{where}: {layer} may not include {target}")
    return problems


def self_test():
    good = {
        "src/core/a.h": "#include <vector>\n#include <hwy/highway.h>\n",
        "src/classic/b.cpp": '#include "core/a.h"\n',
        "src/pipeline/c.h": '#include "classic/b.h"\n#include "core/a.h"\n',
        "src/classic/b.h": "",
        "capi/infill.h": "#include <stdint.h>\n",
        "capi/d.cpp": '#include "infill.h"\n#include "pipeline/c.h"\n',
        "src/cli/e.cpp": '#include <infill.h>\n#include <vips/vips8>\n#include "c.h"\n',
        "src/zoo/f.cpp": '#include "core/a.h"\n#include <nlohmann/json.hpp>\n',
        "include/infill/ops/f.h": "#include <ATen/core/Tensor.h>\n",
        "src/ops/f.cpp": '#include "infill/ops/f.h"\n#include "core/a.h"\n#include <torch/library.h>\n',
        "cuda/torch/g.cpp": '#include "cuda/h.h"\n#include <torch/library.h>\n',
        "cuda/h.h": "",
        "src/cli/c.h": "",  # named like a header of pipeline
    }
    planted = {
        "src/core/up1.h": '#include "classic/b.h"\n',
        "src/core/up2.cpp": '#include "../pipeline/c.h"\n',
        "src/core/up3.cpp": "#include <vips/vips8>\n",
        "src/classic/up4.h": '  #  include "pipeline/c.h"\n',
        "src/classic/up5.h": "#include <infill.h>\n",
        "src/pipeline/up6.h": '#include "infill.h"\n',
        "src/pipeline/up7.cpp": "#include <Eigen/Sparse>\n",
        "capi/up8.cpp": '#include "cli/e.h"\n',
        "src/cli/up9.cpp": '#include "core/a.h"\n',
        "src/cli/up10.cpp": '#include "../../capi/d.h"\n',
        "src/zoo/up11.cpp": '#include "classic/b.h"\n',
        "src/core/up11.h": "#include <ATen/core/Tensor.h>\n",
        "src/classic/up12.h": '#include "infill/ops/f.h"\n',
        "src/ops/up13.h": '#include "pipeline/c.h"\n',
        "include/infill/up14.h": '#include "core/a.h"\n',
        "cuda/up15.h": "#include <torch/library.h>\n",
        "cuda/up16.h": '#include "cuda/torch/g.h"\n',
        "src/cli/e.h": "",
        "capi/d.h": "",
    }
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)

        def write(files):
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")

        write(good)
        assert check(root) == [], check(root)
        write(planted)
        found = {problem.split(":")[0] for problem in check(root)}
        expected = {path for path, text in planted.items() if text}
        assert found == expected, f"missed {expected - found}, wrongly reported {found - expected}"


if len(sys.argv) != 2:
    sys.exit(__doc__)
if sys.argv[1] == "--self-test":
    self_test()
else:
    found = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found))
    sys.exit(1 if found else 0)
