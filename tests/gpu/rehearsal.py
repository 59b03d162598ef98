"""rehearsal.py GPU_CHECK PROGRAMS: the measuring program answers on a simulated device, and a rehearsal writes a report
that says what it is."""
import json
import pathlib
import subprocess
import sys

gpu_check, programs = sys.argv[1:]
requests = ["gated 5 4 9 5 1 1 1 0", "gated 8 4 6 3 1 1 2 3", "attention 4 8 0", "backward 5 4 7 3 2 1 1 2",
            "backward 8 4 3 3 1 1 2 0", "gate 5 4 7 3 2 1 1 2", "gate_backward 5 4 7 3 2 1 1 2", "copy 4096", "nonsense",
            "gated 1"]
done = subprocess.run([f"{programs}/cuda_kernels_bench"], input="\n".join(requests), capture_output=True, text=True, check=True)
answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"request"')]
assert [answer["request"] for answer in answers] == requests, done.stdout
for answer in answers[:5]:
    assert answer["ms"] >= 0 and answer["executed"] >= answer["needed"] > 0 and answer["bytes"] > 0, answer
assert [answer["bytes"] for answer in answers[5:8]] == [3 * 4 * 4 * 4 * 2, 5 * 4 * 4 * 4 * 2, 8192], answers
assert all(answer["failure"] == "not understood" for answer in answers[8:]), answers

done = subprocess.run([sys.executable, gpu_check, "--rehearse", "--only", "memcheck", "--programs", programs, "--budget", "30"],
                      capture_output=True, text=True)
assert done.returncode == 0, done.stderr
text = pathlib.Path(done.stdout.strip()).read_text()
assert "No number means anything" in text and "## Steps" in text, text
