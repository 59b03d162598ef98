"""The shell lines of the documents do what a reader expects of them."""
import pathlib
import re
import shlex
import subprocess
import unittest

import support
import tensors
from support import changed, noise, png, rectangle, spot

ROOT = pathlib.Path(__file__).parents[2]
SIZE = (200, 140)
HOLE = (60, 50, 70, 62)


def lines(document):
    """The calls of infill in the blocks marked sh."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\s*\n(.*?)^```", text, re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.startswith("infill ")]


class Documents(support.Case):
    """Each line runs in a folder with the files that the documents speak of."""

    def setUp(self):
        super().setUp()
        for folder in ("photos", "masks"):
            self.path(folder).mkdir()
        png(self.path("scan.png"), *SIZE, 3, noise(3))
        mask = png(self.path("mask.png"), *SIZE, 1, spot(*HOLE))
        support.vips("jpegsave", self.path("scan.png"), self.path("photo.jpg"))
        support.vips("tiffsave", self.path("scan.png"), self.path("scan.tif"))
        for name in ("dust.png", "masks/a.png", "masks/b.png"):
            self.path(name).write_bytes(mask.read_bytes())
        for name in ("photos/a.jpg", "photos/b.jpg"):
            self.path(name).write_bytes(self.path("photo.jpg").read_bytes())
        model = ROOT / "tests/data/golden/deepfill_c8.weights.pth"
        self.path("deepfill.pth").write_bytes(model.read_bytes())
        tensors.write(self.path("in.safetensors"), image=tensors.picture(16, 24), mask=tensors.holes(16, 24, (5, 4, 12, 11)))
        self.path("jobs.jsonl").write_text('{"image": "photo.jpg", "mask": "mask.png", "output": "job.png"}\n')

    def run_line(self, line):
        words = shlex.split(line, comments=True)
        self.assertEqual(words[0], "infill")
        done = subprocess.run([support.INFILL, *words[1:]], cwd=self.folder, capture_output=True, text=True,
                              timeout=300, check=False)
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stderr}")

    def assert_filled(self, before, after, hole):
        """Nothing changed but the hole, and that but for what happens to come out as it was."""
        pixels = changed(self.path(before), self.path(after))
        self.assertLessEqual(pixels, hole)
        self.assertGreater(len(pixels), 0.95 * len(hole))

    def test_every_line_runs(self):
        for document, least in (("README.md", 5), ("docs/start.md", 1), ("docs/cli.md", 3)):
            found = lines(document)
            self.assertGreaterEqual(len(found), least, document)
            for line in found:
                with self.subTest(line):
                    self.run_line(line)

    def test_what_the_readme_says(self):
        for line in lines("README.md"):
            self.run_line(line)
            words = shlex.split(line, comments=True)
            if "--box" in words:
                x, y, width, height = map(int, words[words.index("--box") + 1].split(","))
                self.assert_filled("photo.jpg", "result.png", rectangle(x, y, x + width, y + height))
            elif "result.png" in words:
                self.assert_filled("photo.jpg", "result.png", rectangle(*HOLE))
        self.assert_filled("scan.tif", "clean.tif", rectangle(*HOLE))
        self.assertEqual(sorted(file.name for file in self.path("results").iterdir()), ["a.jpg", "b.jpg"])

    def test_a_line_that_is_wrong_is_found(self):
        with self.assertRaises(AssertionError):
            self.run_line("infill fill photo.jpg --maske mask.png --output result.png")


if __name__ == "__main__":
    unittest.main()
