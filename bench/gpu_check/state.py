"""What was found so far: a file that is replaced as a whole after every step and measurement, so that a run that was
stopped loses one at most."""
import hashlib
import json
import os
import pathlib

FOLDERS = ("bench/cuda", "bench/gpu_check", "capi", "cmake", "cuda", "src", "tests/capi/device", "tests/cuda", "tests/gpu",
           "tests/ops")
DONE = ("passed", "failed")


def fingerprint(root):
    """Of the sources: results of others are not continued."""
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


class State:
    def __init__(self, file, sources, rehearsal, resume):
        self.file = pathlib.Path(file)
        self.data = {"sources": sources, "rehearsal": rehearsal, "about": {}, "steps": {}, "measured": {}}
        if resume and self.file.exists():
            found = json.loads(self.file.read_text())
            if (found["sources"], found["rehearsal"]) == (sources, rehearsal):
                self.data = found

    def save(self):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(self.data, indent=1))
        os.replace(part, self.file)

    def is_done(self, step):
        return self.data["steps"].get(step, {}).get("state") in DONE

    def put_step(self, name, state, detail="", seconds=0.0):
        self.data["steps"][name] = {"state": state, "detail": detail, "seconds": round(seconds, 1)}
        self.save()

    def measured(self, key):
        return self.data["measured"].get(key)

    def put(self, key, value):
        self.data["measured"][key] = value
        self.save()
