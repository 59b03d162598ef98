"""What a mask means: threshold, shape, boxes, softness, and the hints about common mistakes."""
import math
import struct
import unittest

import support
from support import FAST, changed, noise, pixels, png, rectangle, spot, vips


class Masks(support.Case):
    def filled(self, mask, *more, photo=None):
        """The pixels that a fill changes."""
        photo = photo or self.photo()
        out = self.path("out.png")
        self.fill(photo, *(["-m", mask] if mask else []), "-o", out, *FAST, *more)
        return changed(photo, out)

    def test_threshold_is_128(self):
        mask = png(self.path("mask.png"), 40, 30, 1, lambda x, y: (x * 6 + 10,))
        self.assertEqual(self.filled(mask), rectangle(20, 0, 40, 30))  # 20 * 6 + 10 = 130, 19 * 6 + 10 = 124
        self.assertEqual(self.filled(mask, "--threshold", 200), rectangle(32, 0, 40, 30))

    def test_noise_of_a_jpeg_mask_does_not_count(self):
        mask = self.path("mask.jpg")
        vips("jpegsave", self.mask("drawn.png", box=(16, 8, 24, 16)), mask, "--Q", 30)
        self.assertEqual(self.filled(mask), rectangle(16, 8, 24, 16))

    def test_colour_sixteen_bits_float_and_alpha(self):
        hole = (10, 8, 18, 15)
        drawings = {
            "white.png": (3, 8, lambda inside: (255,) * 3 if inside else (60, 0, 90)),
            "deep.png": (1, 16, lambda inside: (40000 if inside else 32000,)),
            # white paint on a transparent layer
            "layer.png": (4, 8, lambda inside: (255, 255, 255, 255 if inside else 0)),
        }
        for name, (channels, bits, value) in drawings.items():
            with self.subTest(name):
                drawn = rectangle(*hole)
                mask = png(self.path(name), 40, 30, channels, lambda x, y: value((x, y) in drawn), bits)
                self.assertEqual(self.filled(mask), rectangle(*hole))
        with self.subTest("float"):
            scaled, mask = self.path("scaled.v"), self.path("float.tif")
            vips("linear", self.mask(), scaled, str(1 / 255), "0")
            vips("tiffsave", scaled, mask)
            self.assertEqual(self.filled(mask), rectangle(*hole))

    def test_inverted(self):
        hole = (3, 4, 12, 11)
        mask = self.mask(box=hole, inside=0, outside=255)
        self.assertEqual(self.filled(mask, "--invert-mask"), rectangle(*hole))

    def test_grow_is_an_exact_disc(self):
        dots = {(3, 2), (20, 15), (21, 15), (39, 29)}
        mask = png(self.path("mask.png"), 40, 30, 1, lambda x, y: (255 if (x, y) in dots else 0,))
        for radius in (1, 2, 5, 7):
            with self.subTest(radius=radius):
                expected = {(x, y) for x, y in rectangle(0, 0, 40, 30)
                            if any((x - i)**2 + (y - j)**2 <= radius**2 for i, j in dots)}
                self.assertEqual(self.filled(mask, "--grow", radius), expected)

    def test_feather_fades_inside_the_hole(self):
        source = png(self.path("source.png"), 40, 30, 1, noise(1))
        photo = self.path("photo.tif")
        vips("cast", source, photo, "float")
        hole = rectangle(10, 8, 24, 22) - rectangle(16, 8, 24, 12)
        mask = png(self.path("mask.png"), 40, 30, 1, lambda x, y: (255 if (x, y) in hole else 0,))
        hard, soft = self.path("hard.tif"), self.path("soft.tif")
        self.fill(photo, "-m", mask, "-o", hard, *FAST, "--set", "blend.grain=0")
        self.fill(photo, "-m", mask, "-o", soft, *FAST, "--set", "blend.grain=0", "--feather", 3)
        self.assertEqual(changed(photo, soft), hole)
        values = [[struct.unpack("f", p)[0] for p in pixels(file)] for file in (photo, hard, soft)]
        kept = rectangle(0, 0, 40, 30) - hole
        for x, y in hole:
            before, full, got = (v[y * 40 + x] for v in values)
            distance = min(math.hypot(x - i, y - j) for i, j in kept)
            share = round(255 * min(1, distance / 4)) / 255
            self.assertAlmostEqual(got, before + share * (full - before), delta=0.01)

    def test_soft_mask_blends(self):
        photo = self.path("photo.tif")
        vips("cast", png(self.path("source.png"), 40, 30, 1, noise(1)), photo, "float")
        hard = self.mask("hard.png")
        results = []
        for bits, half in ((8, 51), (16, 51 * 257)):
            soft = png(self.path(f"soft{bits}.png"), 40, 30, 1, spot(10, 8, 18, 15, inside=half), bits)
            full, faded = self.path("full.tif"), self.path(f"faded{bits}.tif")
            self.fill(photo, "-m", hard, "-o", full, *FAST)
            self.fill(photo, "-m", soft, "-o", faded, *FAST, "--soft-mask")
            before, whole, part = ([struct.unpack("f", p)[0] for p in pixels(f)] for f in (photo, full, faded))
            for b, w, p in zip(before, whole, part):
                self.assertAlmostEqual(p, b + 0.2 * (w - b), delta=0.02)
            results.append(part)
        self.assertEqual(results[0], results[1])

    def test_boxes(self):
        self.assertEqual(self.filled(None, "--box", "3,4,5,6"), rectangle(3, 4, 8, 10))
        self.assertEqual(self.filled(None, "--box", "3,4,5,6", "--box=20,0,2,30"),
                         rectangle(3, 4, 8, 10) | rectangle(20, 0, 22, 30))
        mask = self.mask(box=(10, 8, 30, 20))
        self.assertEqual(self.filled(mask, "--box", "0,0,20,12"), rectangle(10, 8, 20, 12))

    def test_hint_about_a_mask_that_covers_most(self):
        mask = self.mask(inside=0, outside=255)
        done = self.fill(self.photo(), "-m", mask, "-o", self.path("out.png"), *FAST)
        self.assertIn("95 % of the picture", done.stderr)
        self.assertIn("add --invert-mask", done.stderr)

    def test_all_hole_is_an_error_with_the_hint(self):
        mask = self.mask(inside=255, outside=255)
        self.refuse(1, "--invert-mask", self.photo(), "-m", mask, "-o", self.path("out.png"), *FAST)

    def test_no_hole_copies_and_says_so(self):
        photo, out = self.photo(), self.path("out.png")
        done = self.fill(photo, "-m", self.mask(inside=0), "-o", out, *FAST)
        self.assertIn("nothing was filled", done.stderr)
        self.assertEqual(changed(photo, out), set())
        done = self.fill(photo, "-m", self.mask(inside=1), "-o", out, *FAST)
        self.assertIn("--threshold 1", done.stderr)
        invisible = png(self.path("invisible.png"), 40, 30, 2, lambda x, y: (0, x * 6))
        done = self.fill(photo, "-m", invisible, "-o", out, *FAST)
        self.assertIn("transparent in it counts as black", done.stderr)


if __name__ == "__main__":
    unittest.main()
