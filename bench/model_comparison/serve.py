"""One engine in a process of its own, which answers lines of JSON: python -m model_comparison.serve ENGINE SIZE
LIBRARY WEIGHTS ONNX. A worker (worker.py) starts it and asks."""

from __future__ import annotations

import json
import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from infill_ctypes import Unsupported
from model_comparison import engines, inputs
from support.machine import resident

# Sides of networks' crops: no more than the default, and everything.
CROPPED, UNCROPPED = 128, 4096


class Server:
    def __init__(self, engine: str, size: int, files: engines.Files) -> None:
        self.start = time.perf_counter()
        self.size, self.engine = size, engines.ENGINES[engine](files)

    @cache  # noqa: B019 - there is one server, as long as its process
    def prepared(self, hole: str) -> tuple[Any, Any]:
        return self.engine.prepare(inputs.picture(self.size), inputs.mask(self.size, hole))

    def set(self, **values: float) -> None:
        if isinstance(self.engine, engines.Infill):
            for name, value in values.items():
                self.engine.session.set(name.replace("_", "."), value)

    def first(self, hole: str) -> dict:
        """Loading and one call; the most memory resident until then."""
        self.engine.run(*self.prepared(hole))
        return {"seconds": time.perf_counter() - self.start, "resident": resident()[1]}

    def save(self, hole: str, file: str) -> dict:
        """What the network made, without blending."""
        self.set(blend_seam=0, neural_context=UNCROPPED)
        np.save(file, self.engine.array(self.engine.run(*self.prepared(hole))))
        self.set(blend_seam=1)
        return {}

    def save_inside(self, hole: str, file: str) -> dict:
        """The same where only the compact hole is wanted, whatever other holes there are."""
        self.set(blend_seam=0, neural_context=UNCROPPED)
        image, mask = self.prepared(hole)
        result = image.copy()
        self.engine.session.fill_in_place(result, mask, inputs.compact_box(self.size))
        np.save(file, self.engine.array(result))
        self.set(blend_seam=1)
        return {}

    def measure(self, hole: str, calls: int, cropped: bool) -> dict:
        """Seconds of some calls. cropped: infill's network sees the hole's surroundings, else the whole picture."""
        self.set(neural_context=CROPPED if cropped else UNCROPPED)
        image, mask = self.prepared(hole)
        seconds = []
        for _ in range(calls):
            start = time.perf_counter()
            self.engine.run(image, mask)
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds, "resident": resident()[1]}


def main() -> None:
    engine, size, *files = sys.argv[1:]
    # What libraries print goes elsewhere.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(told: dict) -> None:
        print(json.dumps(told), file=answers, flush=True)

    try:
        server = Server(engine, int(size), engines.Files(*map(Path, files)))
    except Unsupported as error:
        answer({"unsupported": str(error)})
        return
    answer({})
    for line in sys.stdin:
        request = json.loads(line)
        answer(getattr(server, request.pop("do"))(**request))


if __name__ == "__main__":
    main()
