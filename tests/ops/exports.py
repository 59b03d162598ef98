"""Fails when libinfill_torch.so lets out another name than these. Usage: exports.py LIBRARY"""
import re
import subprocess
import sys

EXPECTED = {"contextual_attention", "contextual_attention_backward", "gated_conv2d", "gated_conv2d_backward"}

lines = subprocess.run(["nm", "-DC", "--defined-only", sys.argv[1]], check=True, capture_output=True, text=True).stdout
names = {line.split(maxsplit=2)[2] for line in lines.splitlines()}
found = {match.group(1) if (match := re.match(r"infill::(\w+)\(", name)) else name for name in names}
assert found == EXPECTED, f"exported without reason: {found - EXPECTED}; missing: {EXPECTED - found}"
