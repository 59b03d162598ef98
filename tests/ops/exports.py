"""Fails when libinfill_torch.so lets out another name than these. Usage: exports.py LIBRARY"""
import re
import subprocess
import sys

FUNCTIONS = {"contextual_attention", "contextual_attention_backward", "contextual_attention_hole", "gated_conv2d",
             "gated_conv2d_backward", "nn::open_deepfill", "open_cuda_operators"}
CLASSES = {"DeepFillImpl", "PatchDiscriminatorImpl"}  # of infill::nn

lines = subprocess.run(["nm", "-DC", "--defined-only", sys.argv[1]], check=True, capture_output=True, text=True).stdout
names = {line.split(maxsplit=2)[2] for line in lines.splitlines()}
found = set()
for name in names:
    if match := re.search(r"infill::nn::(\w+Impl)\b", name):
        found.add(match.group(1))
    else:
        match = re.match(r"infill::((nn::)?\w+)(\[abi:cxx11\])?\(", name)
        found.add(match.group(1) if match else name)
EXPECTED = FUNCTIONS | CLASSES
assert found == EXPECTED, f"exported without reason: {found - EXPECTED}; missing: {EXPECTED - found}"
