"""Fills with a model, and infill model info."""
import hashlib
import pathlib
import unittest

import support
from support import changed, png, rectangle

GOLDEN = pathlib.Path(__file__).parents[1] / "data/golden"
MODEL = GOLDEN / "deepfill_c8.weights.safetensors"


class Model(support.Case):
    def test_a_fill_with_a_model(self):
        photo, mask = self.photo(width=72, height=64), self.mask(width=72, height=64, box=(20, 16, 41, 35))
        out, again = self.path("out.png"), self.path("again.png")
        self.fill(photo, "-m", mask, "-o", out, "--model", MODEL)
        filled = changed(photo, out)
        self.assertLessEqual(filled, rectangle(20, 16, 41, 35))
        self.assertGreater(len(filled), 300)
        self.fill(photo, "-m", mask, "-o", again, "--model", GOLDEN / "deepfill_c8.weights.pth", "--threads", "1",
                  "--method", "neural", "--precision", "f32", "--set", "neural.size=512")
        self.assertEqual(out.read_bytes(), again.read_bytes())

    def test_many_pictures_with_one_model(self):
        for folder in ("photos", "masks"):
            self.path(folder).mkdir()
        for name in ("a.png", "b.png"):
            self.photo("photos/" + name)
        png(self.path("masks/a.png"), 40, 30, 1, support.spot(10, 8, 18, 15))
        png(self.path("masks/b.png"), 40, 30, 1, support.spot(3, 4, 9, 12))
        self.fill(self.path("photos"), "-m", self.path("masks"), "-o", self.path("out"), "--model", MODEL)
        self.assertLessEqual(changed(self.path("photos/a.png"), self.path("out/a.png")), rectangle(10, 8, 18, 15))
        self.assertLessEqual(changed(self.path("photos/b.png"), self.path("out/b.png")), rectangle(3, 4, 9, 12))

    def test_bfloat16_fills_nearly_alike(self):
        photo, mask = self.photo(width=72, height=64), self.mask(width=72, height=64, box=(20, 16, 41, 35))
        exact, rounded = self.path("exact.png"), self.path("rounded.png")
        self.fill(photo, "-m", mask, "-o", exact, "--model", MODEL)
        self.fill(photo, "-m", mask, "-o", rounded, "--model", MODEL, "--precision", "bf16")
        self.assertLessEqual(changed(photo, rounded), rectangle(20, 16, 41, 35))
        self.assertNotEqual(exact.read_bytes(), rounded.read_bytes())

    def test_info(self):
        done = self.run_infill("model", "info", MODEL)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for line in ("name: deepfill_c8.weights", "kind: fill", 'architecture: deepfill-v2 {', '"width":8', "licence: unknown",
                     "SHA-256 of the file: " + hashlib.sha256(MODEL.read_bytes()).hexdigest(),
                     "neural.size = 256 (32 to 4096): ", "blend.seam = "):
            self.assertIn(line, done.stdout)

    def test_mistakes(self):
        good = [self.photo(), "-m", self.mask(), "-o", self.path("out.png")]
        self.refuse(3, "no-such-model.pth", *good, "--model", self.path("no-such-model.pth"))
        cut = self.path("cut.safetensors")
        cut.write_bytes(MODEL.read_bytes()[:9000])
        self.refuse(3, "cut.safetensors", *good, "--model", cut)
        self.refuse(3, "photo.png", *good, "--model", self.path("photo.png"))
        self.refuse(2, "see infill model info FILE", *good, "--model", MODEL, "--set", "neural.sise=64")
        self.refuse(5, "memory_limit", *good, "--model", MODEL, "--memory-limit", "1K")
        self.refuse(2, "infill model info FILE", command="model")
        self.refuse(2, "infill model info FILE", "show", MODEL, command="model")
        self.refuse(3, "photo.png", "info", self.path("photo.png"), command="model")


if __name__ == "__main__":
    unittest.main()
