"""What goes in comes out: formats, depths, metadata, orientation."""
import unittest

import support
from support import FAST, changed, field, noise, pixels, png, rectangle, spot, vips

HOLE = (10, 8, 18, 15)


class Formats(support.Case):
    def check(self, photo, output, *more):
        """Outside the hole nothing changes, inside it (nearly) everything does, and the kind of pixel stays."""
        out = self.path(output)
        self.fill(photo, "-m", self.mask(), "-o", out, *FAST, *more)
        different = changed(photo, out)
        self.assertLessEqual(different, rectangle(*HOLE))
        self.assertGreater(len(different), 0.8 * len(rectangle(*HOLE)))

    def test_png(self):
        for bits in (8, 16):
            for channels in (1, 2, 3, 4):
                with self.subTest(bits=bits, channels=channels):
                    photo = self.path(f"photo{bits}{channels}.png")
                    png(photo, 40, 30, channels, noise(channels, 2**bits - 1), bits)
                    self.check(photo, f"out{bits}{channels}.png")

    def test_tiff(self):
        for bits in (8, 16):
            for channels in (1, 3, 4):
                with self.subTest(bits=bits, channels=channels):
                    source = self.path("source.png")
                    png(source, 40, 30, channels, noise(channels, 2**bits - 1), bits)
                    photo = self.path(f"photo{bits}{channels}.tif")
                    vips("tiffsave", source, photo)
                    self.check(photo, f"out{bits}{channels}.tiff")

    def test_float_tiff(self):
        for channels in (1, 3):
            with self.subTest(channels=channels):
                source = png(self.path("source.png"), 40, 30, channels, noise(channels))
                scaled = self.path("scaled.v")
                vips("linear", source, scaled, "0.00417", "0.01")
                photo = self.path(f"photo{channels}.tif")
                vips("tiffsave", scaled, photo)
                self.assertEqual(support.decoded(photo).kind[1], 6)
                self.check(photo, f"out{channels}.tif")

    def test_webp_without_loss(self):
        photo = self.path("photo.webp")
        vips("webpsave", self.photo("source.png"), photo, "--lossless")
        self.check(photo, "out.webp")
        self.check(photo, "out.png")

    def test_palette_and_one_bit_become_eight_bits(self):
        source = png(self.path("source.png"), 40, 30, 3, lambda x, y: (x // 20 * 255, y // 15 * 255, 40))
        photo = self.path("palette.png")
        vips("pngsave", source, photo, "--palette", "--bitdepth", 4)
        out = self.path("out.png")
        self.fill(photo, "-m", self.mask(box=(15, 8, 25, 20)), "-o", out, *FAST)
        self.assertLessEqual(changed(photo, out), rectangle(15, 8, 25, 20))

    def test_jpeg_is_compressed_anew_and_stays_close(self):
        source = png(self.path("source.png"), 40, 30, 3, lambda x, y: (x * 6, y * 8, 100))
        photo = self.path("photo.jpg")
        vips("jpegsave", source, photo, "--Q", 95)
        out = self.path("out.jpg")
        self.fill(photo, "-m", self.mask(), "-o", out, *FAST)
        errors = [abs(a - b) for p, q in zip(pixels(photo), pixels(out)) for a, b in zip(p, q)]
        self.assertLess(max(errors), 40)
        small = self.path("small.jpg")
        self.fill(photo, "-m", self.mask(), "-o", small, *FAST, "--jpeg-quality", 10)
        self.assertLess(small.stat().st_size, out.stat().st_size)

    def test_content_decides_not_the_name(self):
        self.check(self.photo("really-a-png.jpg"), "out.png")

    def test_brackets_in_names_are_no_options(self):
        self.check(self.photo("a[page=3].png"), "b[Q=1].png")

    def test_in_place(self):
        photo = self.photo()
        before = self.path("before.png")
        before.write_bytes(photo.read_bytes())
        self.fill(photo, "-m", self.mask(), "-o", photo, *FAST)
        self.assertEqual(changed(before, photo), rectangle(*HOLE))

    def test_a_linked_output_stays_a_link(self):
        real = self.path("real.png")
        real.write_bytes(b"old")
        link = self.path("link.png")
        link.symlink_to(real)
        self.check(self.photo(), "link.png")
        self.assertTrue(link.is_symlink())
        self.assertNotEqual(real.read_bytes(), b"old")


class Metadata(support.Case):
    def test_profile_orientation_and_xmp_are_kept_and_the_thumbnail_is_not(self):
        source = self.photo("source.png")
        photo = support.jpeg_with_metadata(self.path("photo.jpg"), source, 6)
        for name in ("icc-profile-data", "xmp-data", "jpeg-thumbnail-data"):
            self.assertIsNotNone(field(photo, name), name)
        mask = self.mask(width=30, height=40, box=(5, 5, 9, 9))
        for extension in ("jpg", "png", "tif", "webp"):
            with self.subTest(extension=extension):
                out = self.path("out." + extension)
                self.fill(photo, "-m", mask, "-o", out, *FAST)
                self.assertEqual(field(out, "orientation"), b"6\n")
                self.assertEqual(field(out, "icc-profile-data"), field(photo, "icc-profile-data"))
                self.assertEqual(field(out, "xmp-data"), field(photo, "xmp-data"))
                self.assertIsNone(field(out, "jpeg-thumbnail-data"))

    def test_mask_and_box_are_as_displayed(self):
        source = self.photo("source.png")
        hole = (4, 3, 11, 8)
        for orientation in range(1, 9):
            turned = orientation >= 5
            size = {"width": 30, "height": 40} if turned else {}
            mask = self.mask(f"mask{orientation}.png", box=hole, **size)
            photo = support.jpeg_with_metadata(self.path(f"photo{orientation}.jpg"), source, orientation)
            for what in (("-m", mask), ("--box", "4,3,7,5")):
                with self.subTest(orientation=orientation, what=what[0]):
                    out = self.path("out.png")
                    self.fill(photo, *what, "-o", out, *FAST)
                    self.assertEqual(changed(photo, out, turned=True), rectangle(*hole))

    def test_a_turned_mask_is_turned(self):
        drawn = png(self.path("drawn.png"), 30, 40, 1, spot(5, 5, 20, 9))  # its display is 40 x 30
        mask = support.jpeg_with_metadata(self.path("mask.jpg"), drawn, 6)
        photo = self.photo()
        out = self.path("out.png")
        self.fill(photo, "-m", mask, "-o", out, *FAST)
        # 90 degrees clockwise: (x, y) of 30 x 40 goes to (39 - y, x)
        self.assertEqual(changed(photo, out), {(39 - y, x) for x, y in rectangle(5, 5, 20, 9)})


if __name__ == "__main__":
    unittest.main()
