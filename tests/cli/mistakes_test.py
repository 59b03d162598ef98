"""Wrong arguments and bad files: the exit code, the message, and that nothing is written."""
import os
import resource
import struct
import unittest
import zlib

import support
from support import FAST, png, png_header, vips


class Arguments(support.Case):
    def test_without_a_command(self):
        done = self.run_infill()
        self.assertEqual(done.returncode, 2)
        self.assertIn("infill fill photo.jpg", done.stdout)
        self.refuse(2, 'unknown command "full"', command="full")

    def test_wrong_arguments(self):
        photo, mask, out = self.photo(), self.mask(), self.path("out.png")
        good = [photo, "-m", mask, "-o", out]
        for message, words in {
                "IN is missing": ["-m", mask, "-o", out],
                "--output is missing": [photo, "-m", mask],
                "--mask is missing": [photo, "-o", out],
                "one picture or folder at a time": [photo, *good],
                "unknown option --maks": [photo, "--maks", mask, "-o", out],
                "--mask: MASK is missing": [photo, "-o", out, "-m"],
                '--method: "magic" is none of auto,': [*good, "--method", "magic"],
                '--quality: "95" is none of fast': [*good, "--quality", "95"],
                '--grow: "-3" is not a whole number from 0 to 10000': [*good, "--grow=-3"],
                '--grow: "2.5"': [*good, "--grow", "2.5"],
                '--feather: "x"': [*good, "--feather", "x"],
                '--threshold: "0" is not a whole number from 1 to 255': [*good, "--threshold", "0"],
                '--box: "1,2,3" is not': [*good, "--box", "1,2,3"],
                "--box: 1,2,0,4 has": [*good, "--box", "1,2,0,4"],
                "--box: 30,0,11,5 leaves the picture, which is 40 x 30": [*good, "--box", "30,0,11,5"],
                "--box: 2147483647,0,2147483647,1 leaves": [*good, "--box", "2147483647,0,2147483647,1"],
                '--seed: "-1"': [*good, "--seed", "-1"],
                '--set: "speed" is not NAME=NUMBER': [*good, "--set", "speed"],
                "--method neural needs a --model": [*good, "--method", "neural"],
                "--model: only --method neural": [*good, "--model", photo, "--method", "telea"],
                "--precision: there is no --model": [*good, "--precision", "f32"],
                '--precision: "f64" is none of f32, tf32, bf16, f16': [*good, "--precision", "f64"],
                "--precision: desc.precision: FLOAT16 is for CUDA": [*good, "--model", photo, "--precision", "f16"],
                "no.such.setting": [*good, "--set", "no.such.setting=1"],
                "--set blend.seam": [*good, "--set", "blend.seam=1e9"],
                '--threads: "0"': [*good, "--threads", "0"],
                '--device: "gpu" is none of cpu, cuda, cuda:N': [*good, "--device", "gpu"],
                '--device: "cuda:-1"': [*good, "--device", "cuda:-1"],
                "--device: there is no CUDA d": [*good, "--device", "cuda:99"],  # device, or driver
                '--memory-limit: "lots"': [*good, "--memory-limit", "lots"],
                '--memory-limit: "99999999999T"': [*good, "--memory-limit", "99999999999T"],
                '--shard: "0/4"': [*good, "--shard", "0/4"],
                '--shard: "5/4"': [*good, "--shard", "5/4"],
                "--invert-mask takes no value": [*good, "--invert-mask=yes"],
                "--soft-mask and --threshold": [*good, "--soft-mask", "--threshold", "9"],
                "--grow needs a hard edge": [*good, "--soft-mask", "--grow", "9"],
                "--feather needs a hard edge": [*good, "--soft-mask", "--feather", "9"],
                "--manifest names": [*good, "--manifest", "list.jsonl"],
                "the extension must be": [photo, "-m", mask, "-o", self.path("out.gif")],
                "mask.png is the mask": [photo, "-m", mask, "-o", mask],
                "out.png is the output": [*good, "--preview", out],
        }.items():
            with self.subTest(message):
                self.refuse(2, message, *words)

    def test_names_that_begin_with_a_dash(self):
        photo = self.photo("-photo.png")
        self.fill("-m", self.mask(), "-o", self.path("out.png"), *FAST, "--", photo.name, cwd=self.folder)

    def test_not_enough_memory(self):
        self.refuse(5, "memory", self.photo(), "-m", self.mask(), "-o", self.path("out.png"), "--memory-limit", "1K")


class Files(support.Case):
    def refuse_as_picture_and_mask(self, message, bad):
        out = self.path("out.png")
        self.refuse(3, message, bad, "-m", self.mask(), "-o", out)
        self.refuse(3, message, self.photo(), "-m", bad, "-o", out)

    def setUp(self):
        super().setUp()
        self.photo()
        self.mask()

    def test_missing(self):
        self.refuse_as_picture_and_mask("missing.png: there is no such file", self.path("missing.png"))

    def test_not_a_picture(self):
        for name, content in {"text.png": b"hello", "empty.png": b"", "null.jpg": bytes(100)}.items():
            with self.subTest(name):
                self.path(name).write_bytes(content)
                self.refuse_as_picture_and_mask(name + ": is not a PNG, JPEG, WebP or TIFF file", self.path(name))

    def test_formats_that_are_not_let_in(self):
        svg = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"></svg>'
        self.path("drawing.png").write_bytes(svg)
        self.path("anymap.png").write_bytes(b"P5 40 30 255\n" + bytes(1200))
        vips("gifsave", self.path("photo.png"), self.path("animation.gif"))
        vips("vipssave", self.path("photo.png"), self.path("own.v"))
        for name in ("drawing.png", "anymap.png", "animation.gif", "own.v"):
            with self.subTest(name):
                self.refuse_as_picture_and_mask("is not a PNG, JPEG, WebP or TIFF file", self.path(name))

    def test_truncated(self):
        for extension, command in {"png": "pngsave", "jpg": "jpegsave", "webp": "webpsave", "tif": "tiffsave"}.items():
            whole = self.path("whole." + extension)
            vips(command, self.path("photo.png"), whole)
            data = whole.read_bytes()
            for share in (0.3, 0.6, 0.95):
                with self.subTest(extension=extension, share=share):
                    cut = self.path("cut." + extension)
                    cut.write_bytes(data[:int(len(data) * share)])
                    self.refuse_as_picture_and_mask(cut.name, cut)

    def test_decompression_bomb(self):
        bomb = self.path("bomb.png")
        bomb.write_bytes(png_header(60000, 60000, 8, 2) + support.chunk(b"IDAT", zlib.compress(bytes(10**6)))
                         + support.chunk(b"IEND", b""))
        limit = lambda: resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
        for words in ([bomb, "-m", self.path("mask.png")], [self.path("photo.png"), "-m", bomb]):
            self.refuse(3, "60000 x 60000 are 3600000000 pixels, more than --max-pixels 500000000", *words, "-o",
                        self.path("out.png"), preexec_fn=None if os.environ.get("INFILL_SANITIZED") else limit)
        self.refuse(3, "40 x 30 are 1200 pixels", self.path("photo.png"), "-m", self.path("mask.png"), "-o",
                    self.path("out.png"), "--max-pixels", "1K")
        self.fill(self.path("photo.png"), "-m", self.path("mask.png"), "-o", self.path("out.png"), *FAST,
                  "--max-pixels", "2K")

    def test_size_of_the_mask(self):
        mask = self.mask("small.png", width=39)
        self.refuse(3, "the mask is 39 x 30, ", self.path("photo.png"), "-m", mask, "-o", self.path("out.png"))

    def test_pages_and_colour_spaces(self):
        pages = self.path("pages.tif")
        vips("tiffsave", self.photo("tall.png", height=30), pages, "--page-height", 10)
        inks = self.path("inks.tif")
        vips("copy", self.photo("four.png", channels=4), self.path("inks.v"), "--interpretation", "cmyk")
        vips("tiffsave", self.path("inks.v"), inks)
        wide = self.path("wide.tif")
        vips("cast", self.path("photo.png"), self.path("wide.v"), "uint")
        vips("tiffsave", self.path("wide.v"), wide)
        for message, bad in {"has 3 pages": pages, "is CMYK": inks, "neither 8-bit, 16-bit nor": wide}.items():
            with self.subTest(message):
                self.refuse(3, message, bad, "-m", self.path("mask.png"), "-o", self.path("out.png"))


class Outputs(support.Case):
    def setUp(self):
        super().setUp()
        self.good = [self.photo(), "-m", self.mask(), *FAST]

    def test_places(self):
        self.refuse(4, "there is no folder", *self.good, "-o", self.path("missing/out.png"))
        self.refuse(4, "there is no folder", *self.good, "-o", self.path("out.png"), "--preview", self.path("no/p.png"))
        self.path("folder.png").mkdir()
        self.refuse(4, "is not an ordinary file", *self.good, "-o", self.path("folder.png"))
        self.path("device.png").symlink_to("/dev/null")
        self.refuse(4, "is not an ordinary file", *self.good, "-o", self.path("device.png"))

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_folder_without_permission(self):
        closed = self.path("closed")
        closed.mkdir(mode=0o500)
        self.refuse(4, "Permission denied", *self.good, "-o", closed / "out.png")

    def test_what_a_format_cannot_hold(self):
        deep = png(self.path("deep.png"), 40, 30, 1, support.noise(1, 65535), 16)
        alpha = self.photo("alpha.png", channels=4)
        floats = self.path("floats.tif")
        vips("cast", self.path("photo.png"), floats, "float")
        for message, photo, output in (("JPEG only 8", deep, "out.jpg"), ("WebP only 8", deep, "out.webp"),
                                       ("JPEG has none", alpha, "out.jpeg"), ("only .tif can hold", floats, "out.png")):
            with self.subTest(message):
                self.refuse(2, message, photo, "-m", self.path("mask.png"), "-o", self.path(output), *FAST)

    def test_rights_are_those_of_any_new_file(self):
        self.fill(*self.good, "-o", self.path("out.png"), umask=0o027)
        self.assertEqual(self.path("out.png").stat().st_mode & 0o777, 0o640)

    def test_disk_full(self):
        photo = self.photo("large.png", width=300, height=200)
        mask = self.mask("large-mask.png", width=300, height=200)
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        for extension in ("png", "jpg", "tif", "webp"):
            out = self.path("old." + extension)
            out.write_bytes(b"old")
            with self.subTest(extension):
                self.refuse(4, out.name + ": cannot be written", photo, "-m", mask, "-o", out, *FAST, preexec_fn=limit)
                self.assertEqual(out.read_bytes(), b"old")


if __name__ == "__main__":
    unittest.main()
