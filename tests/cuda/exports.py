"""What libinfill_cuda.so lets out, asks for and is called. Usage: exports.py LIBRARY VERSION"""
import re
import subprocess
import sys

library, version = sys.argv[1:]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


names = {line.split(maxsplit=2)[2] for line in run("nm", "-DC", "--defined-only", library).splitlines()}
entry = f"infill_cuda_module_{version.replace('.', '_')}"
assert entry in names, f"{entry} is missing"
assert "infill::cuda::load_canvas" in {name.partition("(")[0] for name in names}, "launchers are missing"
# Kernels themselves, and what the compiler makes of the standard library's templates, are nobody's business.
strange = {name for name in names if name != entry and not re.match(r"([\w:]+ )?infill::cuda::", name) or "_kernel" in name}
assert not strange, f"exported without reason: {sorted(strange)}"

about = run("readelf", "-d", library)
soname = re.search(r"soname: \[(.*)\]", about).group(1)
assert soname == f"libinfill_cuda.so.{version}", soname
needed = set(re.findall(r"NEEDED.*\[(.*)\]", about))
allowed = {"libcudart.so.13", "libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libc.so.6"}
assert "libcudart.so.13" in needed and needed <= allowed, f"needs {sorted(needed)}"
