"""python -m unittest support.test_document"""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from support import document


class Halves(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "benchmarks.md"

    def test_each_writer_keeps_the_others_half(self) -> None:
        models = f"{document.MODELS}\n\nfast"
        document.write_fills(self.file, "# Benchmarks\n\n## Targets\n\nold\n")
        document.write_models(self.file, models)
        document.write_fills(self.file, "# Benchmarks\n\n## Targets\n\nnew\n")
        self.assertEqual(self.file.read_text(), f"# Benchmarks\n\n## Targets\n\nnew\n\n{models}\n")
        document.write_models(self.file, models + "er")
        self.assertEqual(self.file.read_text(), f"# Benchmarks\n\n## Targets\n\nnew\n\n{models}er\n")

    def test_models_may_come_first(self) -> None:
        document.write_models(self.file, f"{document.MODELS}\n\nfast")
        document.write_fills(self.file, "# Benchmarks")
        self.assertEqual(self.file.read_text(), f"# Benchmarks\n\n{document.MODELS}\n\nfast\n")


if __name__ == "__main__":
    unittest.main()
